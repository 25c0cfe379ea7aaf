/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests choose at random: another seed for each run, printed, so that
 * PICKET_SEED=N repeats it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static inline uint64_t any_seed(void)
{
	const char *given = getenv("PICKET_SEED");
	struct timespec now;
	uint64_t seed;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	seed = given ? strtoull(given, NULL, 0) : (uint32_t)now.tv_nsec;
	print_message("# PICKET_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* Below n. */
static inline unsigned chance(uint64_t *seed, unsigned n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33) % n;
}
