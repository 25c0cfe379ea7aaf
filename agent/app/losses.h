/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loss, exactly: what the kernel side made and could not hand over, per
 * family and CPU, turned into events with the interval it happened in.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct announcer;
struct losses;
struct sensor;

/* For a sensor whose counters began at zero when it was opened. */
int losses_new(const struct sensor *s, struct losses **ret);
void losses_free(struct losses *l);

/* Journal what was lost since the last call. Returns how many events. */
uint64_t losses_check(struct losses *l, const struct sensor *s,
		      struct announcer *a);

/* Sums over all CPUs since the sensor was opened. */
void losses_sum(const struct losses *l, const struct sensor *s,
		struct wire_counters ret[static WIRE_FAM_COUNT]);

const char *family_name(enum wire_family family);
