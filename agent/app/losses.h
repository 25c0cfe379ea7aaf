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

int losses_new(const struct sensor *s, struct losses **ret);
void losses_free(struct losses *l);

/*
 * Journal what was lost or missed and is not told, by whichever agent. A family and CPU
 * whose last telling is not durable yet waits for the next call. Returns how
 * many events.
 */
uint64_t losses_check(struct losses *l, struct sensor *s, struct announcer *a);

/* Sums over all CPUs since the programs were loaded. */
void losses_sum(const struct losses *l, const struct sensor *s,
		struct wire_counters ret[static WIRE_FAM_COUNT]);

const char *family_name(enum wire_family family);
