/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a journal lies behind a number, in bytes of its segments as they
 * are on disk: what a reader that is done with that number has left to read.
 */
#pragma once

#include <stdint.h>

struct behind_ask {
	const char *dir;
	uint64_t seq;	   /* done with; 0: with nothing */
	uint64_t next_seq; /* that the journal gives next */
};

/*
 * Exact: from the first byte behind the frame of `seq`, or behind the last seal
 * that covers nothing later, to the end of the last segment, with descriptions,
 * seals and, of segments behind, headers. Where more seals than BEHIND_SEALS
 * stand between that place and the end of its segment, or more than BEHIND_SCAN
 * bytes between two of them, the part that they leave is divided by numbers. A
 * segment that cannot be read counts as a whole, and so does one whose header
 * does not fit the others (order.h). Milliseconds, and no more for a larger
 * journal but reading each segment's header. -errno: there is no such
 * directory.
 */
#define BEHIND_SEALS 2048u
#define BEHIND_SCAN  (4u << 20)

int behind_bytes(const struct behind_ask *ask, uint64_t *ret);
