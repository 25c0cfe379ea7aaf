/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct agent;

/*
 * What befell alerts' windows since the journal had come to as_of: from its
 * end, after a kill, before the first event is judged. -errno; what had been
 * gone through by then is taken in.
 */
int alert_recall(struct agent *a, uint64_t as_of);
