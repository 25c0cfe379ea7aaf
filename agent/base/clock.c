/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks and their printed form. The one idea: the offset between boot time
 * and wall time is taken between two readings of the boot clock that are
 * close together; the closest of a few tries wins.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define OFFSET_TRIES   8
/* Two readings this close: no better one is worth waiting for. */
#define OFFSET_GOOD_NS 500

static int64_t now_ns(clockid_t id)
{
	struct timespec ts;

	/* These clocks always exist; without one nothing here has a time. */
	if (clock_gettime(id, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * (int64_t)NS_PER_S + ts.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return (uint64_t)now_ns(CLOCK_BOOTTIME);
}

uint64_t clock_mono_ns(void)
{
	return (uint64_t)now_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

int64_t clock_offset_ns(void)
{
	int64_t before, wall, after, best = INT64_MAX, offset = 0;
	int i;

	for (i = 0; i < OFFSET_TRIES && best > OFFSET_GOOD_NS; i++) {
		before = now_ns(CLOCK_BOOTTIME);
		wall = now_ns(CLOCK_REALTIME);
		after = now_ns(CLOCK_BOOTTIME);
		if (after - before >= best)
			continue;
		best = after - before;
		offset = wall - (before + best / 2);
	}
	return offset;
}

/* Whole seconds and milliseconds, rounding down before the epoch too. */
static time_t split_ms(int64_t wall_ns, int *ret_ms)
{
	int64_t s = wall_ns / (int64_t)NS_PER_S;
	int64_t rest = wall_ns % (int64_t)NS_PER_S;

	if (rest < 0) {
		s--;
		rest += (int64_t)NS_PER_S;
	}
	*ret_ms = (int)(rest / (int64_t)NS_PER_MS);
	return (time_t)s;
}

const char *clock_print(int64_t wall_ns, char buf[static 32])
{
	struct tm tm = { 0 };
	time_t s;
	int ms;

	s = split_ms(wall_ns, &ms);
	(void)gmtime_r(&s, &tm);
	/* 64-bit nanoseconds end in 2262: four digits are always enough. */
	(void)snprintf(buf, 32, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		       (unsigned)(tm.tm_year + 1900) % 10000u,
		       (unsigned)(tm.tm_mon + 1) % 100u,
		       (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
		       (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u,
		       (unsigned)ms % 1000u);
	return buf;
}

const char *clock_print_time(int64_t wall_ns, char buf[static 32])
{
	struct tm tm = { 0 };
	time_t s;
	int ms;

	s = split_ms(wall_ns, &ms);
	(void)localtime_r(&s, &tm);
	(void)snprintf(buf, 32, "%02u:%02u:%02u.%03u",
		       (unsigned)tm.tm_hour % 100u, (unsigned)tm.tm_min % 100u,
		       (unsigned)tm.tm_sec % 100u, (unsigned)ms % 1000u);
	return buf;
}
