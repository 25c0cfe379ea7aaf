/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct agent;

/*
 * After a kill: bring the windows of alerts, loaded as they were when the
 * journal had come to number as_of, up to date from the records behind it. To
 * be called before the first event is judged. -errno: reading failed; what was
 * read until then has been applied.
 */
int alert_recall(struct agent *a, uint64_t as_of);
