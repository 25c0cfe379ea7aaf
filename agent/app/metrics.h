/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status as Prometheus reads it: text exposition format 0.0.4, asked for
 * with `picket status --prometheus` or kept in a file for the textfile
 * collector of node_exporter. Names are for good.
 */
#pragma once

#include "app/health.h"
#include "base/buf.h"

void metrics_text(struct buf *out, const struct health *h);

/*
 * Replace the file whole; not durable, for it is replaced again in a moment.
 * A part written by somebody else is never seen.
 */
int metrics_save(const char *path, const struct health *h);
