/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status for Prometheus, in text exposition format 0.0.4: printed by
 * `picket status --prometheus`, or kept in a file for the textfile collector
 * of node_exporter. The names of metrics are stable.
 */
#pragma once

#include "app/health.h"
#include "base/buf.h"

void metrics_text(struct buf *out, const struct health *h);

/*
 * Replace the file atomically: readers see the old or the new one. Not synced,
 * because it is soon replaced again. -errno.
 */
int metrics_save(const char *path, const struct health *h);
