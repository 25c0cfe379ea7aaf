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

struct witnesses {
	size_t want;
	uint64_t numbers[2];
};

bool reader_leaps(const struct reader *r, uint64_t end)
{
	return end > r->next && end - r->next > JOURNAL_SEQ_LEAP;
}

uint64_t reader_limit(const struct reader *r)
{
	uint64_t far = r->next + JOURNAL_SEQ_LEAP;

	return r->bound < far ? r->bound : far;
}

/*
 * What follows at a place in the segment that is open: the next `want` numbers
 * from `least` on. How many there are. Not sealed yet is good enough to raise a
 * doubt.
 */
static size_t ask(struct reader *r, uint64_t off, uint64_t least,
		  struct witnesses *ret)
{
	unsigned left = WITNESSES;
	struct scan s = SCAN_INIT;
	struct scan_hit hit;
	uint64_t number;
	size_t n = 0;

	/* What cannot be asked says nothing; who reads on meets the error. */
	if (scan_open_of(&s, r->dirfd, r->segment, r->id) < 0)
		return 0;
	s.off = off;
	while (n < ret->want && left-- && scan_next(&s, &hit) > 0) {
		number = frame_number(&hit.frame);
		if (number && number >= least)
			ret->numbers[n++] = number;
	}
	scan_close(&s);
	return n;
}

uint64_t reader_believes(struct reader *r, uint64_t off)
{
	uint64_t limit = reader_limit(r);
	struct witnesses w = { .want = 1 };

	return ask(r, off, r->next, &w) && w.numbers[0] < limit ? w.numbers[0]
								: limit;
}

bool reader_believes_frame(struct reader *r, const struct scan_hit *hit)
{
	const struct frame *f = &hit->frame;
	uint64_t first = f->seq > r->next ? f->seq : r->next;
	bool skips = f->seq > r->next || (r->comes && f->seq > r->comes);

	if (!skips && f->type != JOURNAL_GAP)
		return true;
	return first < reader_believes(r, hit->off + hit->size);
}

bool reader_header_lies(struct reader *r)
{
	uint64_t first = r->at.header.first_seq;
	struct witnesses w = { .want = 2 };
	size_t n = ask(r, r->at.off, 1, &w);

	/* One against one that another bears out is the liar itself. */
	return n && w.numbers[0] < first && (n < 2 || w.numbers[1] < first);
}

bool reader_goes_back(struct reader *r)
{
	struct witnesses w = { .want = 1 };

	return !ask(r, r->at.off, 1, &w) || w.numbers[0] < r->next;
}

void reader_clip_gap(struct reader *r, const struct scan_hit *hit,
		     struct reader_frame *ret)
{
	const struct frame *f = &hit->frame;
	uint64_t most = reader_believes(r, hit->off + hit->size);

	r->gap = frame_gap(f);
	if (f->seq < r->next)
		ret->seq = r->next;
	if (f->seq_end > most && ret->seq < most)
		ret->seq_end = most;
	r->gap.first = ret->seq;
	r->gap.count = ret->seq_end - ret->seq;
	ret->payload = slice_of((const char *)&r->gap, sizeof(r->gap));
}
