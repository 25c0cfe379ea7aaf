/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many bytes of a journal's segments follow a given number: what a reader
 * that has read up to that number still has to read.
 */
#pragma once

#include <stdint.h>

struct behind_ask {
	const char *dir;
	uint64_t seq;	   /* the last one that was read; 0: none */
	uint64_t next_seq; /* the next one that the journal will give */
};

/*
 * Exact: from the first byte after the frame of `seq`, or after the last seal
 * that covers nothing later, to the end of the last segment, including
 * descriptions, seals and headers.
 *
 * If more than BEHIND_SEALS seals stand between that place and the end of its
 * segment, or more than BEHIND_SCAN bytes between two seals, the rest is
 * estimated in proportion to the numbers. A segment that cannot be read, or
 * whose header does not fit the others (order.h), counts as a whole.
 *
 * Takes milliseconds; a larger journal only costs reading each segment's
 * header. -errno: there is no such directory.
 */
#define BEHIND_SEALS 2048u
#define BEHIND_SCAN  (4u << 20)

int behind_bytes(const struct behind_ask *ask, uint64_t *ret);
