/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. Events are stamped in CLOCK_BOOTTIME; people read wall-clock time.
 * The offset between the two is sampled, so that a stepped clock shows.
 */
#pragma once

#include <stdint.h>

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

uint64_t clock_boot_ns(void);
uint64_t clock_mono_ns(void);
/* Nanoseconds since the epoch. */
int64_t clock_wall_ns(void);

/* wall - boot, taken so that a preemption in between cannot skew it. */
int64_t clock_offset_ns(void);

/* Of two moments of one clock the first; 0 is none. */
static inline uint64_t clock_sooner(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns && (!b_ns || a_ns < b_ns) ? a_ns : b_ns;
}

/* RFC 3339 in UTC with milliseconds: 2026-11-23T21:04:05.678Z */
const char *clock_print(int64_t wall_ns, char buf[static 32]);
/* Local time of day with milliseconds: 21:04:05.678 */
const char *clock_print_time(int64_t wall_ns, char buf[static 32]);
