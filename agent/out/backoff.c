/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Full jitter: anything between the shortest wait and the current bound, not
 * the bound give or take a little. The first failure waits up to 2 * min_ms.
 */
#include "out/backoff.h"

static uint64_t bound_ms(const struct backoff *b)
{
	uint64_t bound = b->min_ms ? b->min_ms : 1;
	unsigned i;

	for (i = 0; i < b->failures && bound <= b->max_ms / 2; i++)
		bound *= 2;
	return i == b->failures && bound < b->max_ms ? bound : b->max_ms;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t backoff_next(struct backoff *b, uint64_t wanted_ms, uint64_t random)
{
	uint64_t low = min_u64(b->min_ms, b->max_ms), high;

	if (b->failures < 64)
		b->failures++;
	high = bound_ms(b);
	if (wanted_ms) {
		uint64_t floor_ms = min_u64(wanted_ms, RETRY_AFTER_MAX_MS);

		return floor_ms + random % (low + 1);
	}
	if (high <= low)
		return low;
	return low + random % (high - low + 1);
}

void backoff_reset(struct backoff *b)
{
	b->failures = 0;
}
