/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long to wait before the next attempt: exponential with full jitter, so
 * that a fleet whose collector comes back does not come back all at once.
 * Pure: the random number is the caller's.
 */
#pragma once

#include <stdint.h>

struct backoff {
	uint64_t min_ms, max_ms;
	unsigned failures; /* in a row */
};

/*
 * After a failure: how long to wait, at random between min_ms and a limit that
 * doubles with each failure up to max_ms. wanted_ms is what the collector
 * asked for (0: nothing), at most RETRY_AFTER_MAX_MS: it is the least wait,
 * with jitter on top so that shippers that were told the same do not return
 * together.
 */
#define RETRY_AFTER_MAX_MS (60ull * 60 * 1000)
uint64_t backoff_next(struct backoff *b, uint64_t wanted_ms, uint64_t random);

/* After a success. */
void backoff_reset(struct backoff *b);
