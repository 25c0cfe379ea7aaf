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
 * After a failure: the wait, between min_ms and what doubles with each
 * failure up to max_ms. wanted_ms is what the collector asked for (0:
 * nothing); it is a floor, itself held to RETRY_AFTER_MAX_MS, with jitter on
 * top so that not all who were told the same come at once.
 */
#define RETRY_AFTER_MAX_MS (60ull * 60 * 1000)
uint64_t backoff_next(struct backoff *b, uint64_t wanted_ms, uint64_t random);

/* After a success. */
void backoff_reset(struct backoff *b);
