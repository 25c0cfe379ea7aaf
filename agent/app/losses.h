/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact accounting of loss: records that the kernel side made and could not
 * deliver, per family and CPU, become events that name the interval.
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
 * Journal losses that neither this agent nor an earlier one has reported. A
 * family and CPU whose last report is not durable yet waits for the next call.
 * Returns how many events were written.
 */
uint64_t losses_check(struct losses *l, struct sensor *s, struct announcer *a);

/* Sums over all CPUs since the programs were loaded. */
void losses_sum(const struct losses *l, const struct sensor *s,
		struct wire_counters ret[static WIRE_FAM_COUNT]);

const char *family_name(enum wire_family family);
