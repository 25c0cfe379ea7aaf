/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that skip: how far they are believed. The one idea: one frame or seal
 * with a number far ahead would make everything behind it look as if it had been
 * seen, so what skips needs a witness, and the witness is what follows. Where a
 * segment ends, the next one in order is; where neither is there, no writer
 * leaps further than JOURNAL_SEQ_LEAP.
 */
#include "store/reader_parts.h"

/* Frames that are asked: a file made to be asked costs no more than this. */
#define WITNESSES 64

bool reader_leaps(const struct reader *r, uint64_t end)
{
	return end > r->next && end - r->next > JOURNAL_SEQ_LEAP;
}

uint64_t reader_limit(const struct reader *r)
{
	uint64_t far = r->next + JOURNAL_SEQ_LEAP;

	return r->bound < far ? r->bound : far;
}

/* The number that a frame says comes at its place; 0: none. */
static uint64_t number_of(const struct frame *f)
{
	return f->type == JOURNAL_SEAL ? frame_seal(f).last_seq + 1 : f->seq;
}

/*
 * What follows at a place in the segment that is open, of the numbers that were
 * not seen; or 0. Not sealed yet is good enough to raise a doubt.
 */
static uint64_t what_follows(struct reader *r, uint64_t off)
{
	unsigned left = WITNESSES;
	struct scan s = SCAN_INIT;
	struct scan_hit hit;
	uint64_t number = 0;

	/* What cannot be asked says nothing; who reads on meets the error. */
	if (scan_open_of(&s, r->dirfd, r->segment, r->id) < 0)
		return 0;
	s.off = off;
	while (left-- && scan_next(&s, &hit) > 0) {
		number = number_of(&hit.frame);
		if (number && number >= r->next)
			break;
		number = 0;
	}
	scan_close(&s);
	return number;
}

uint64_t reader_believes(struct reader *r, uint64_t off)
{
	uint64_t limit = reader_limit(r), follows = what_follows(r, off);

	return follows && follows < limit ? follows : limit;
}
