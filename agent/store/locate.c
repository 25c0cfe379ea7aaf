/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding a place by number. The one idea: first sequences never go down from
 * segment to segment, not over a restart either, so headers are an index; those
 * that break this are no part of it (order.h), and what they stand before is
 * read in passing.
 */
#include "store/locate.h"

#include "store/identity.h"
#include "store/scan.h"

/*
 * Do the frames of this segment begin behind seq, whatever its header says? One
 * that has none with a number cannot be asked, and may begin anywhere.
 */
static bool begins_behind(int dirfd, const struct dir_list *l, size_t i,
			  uint64_t seq)
{
	struct scan s = SCAN_INIT;
	struct scan_hit hit;
	uint64_t first = 0;

	if (scan_open_of(&s, dirfd, l->numbers[i], l->whose.id) < 0)
		return false;
	while (!first && scan_next(&s, &hit) > 0)
		first = frame_number(&hit.frame);
	scan_close(&s);
	return !first || first > seq;
}

size_t locate_seq(int dirfd, const struct dir_list *l, uint64_t seq)
{
	size_t i;

	for (i = l->n; i-- > 0;) {
		if (l->heads[i].order == IN_ORDER &&
		    l->heads[i].first_seq <= seq &&
		    !begins_behind(dirfd, l, i, seq))
			return i;
	}
	return 0;
}

uint64_t locate_cursor(const struct dir_list *l, const struct cursor *c)
{
	const struct segment_head *h;
	size_t i;

	if (!identity_has(&l->whose, c->journal))
		return 0;
	for (i = 0; i < l->n; i++) {
		h = &l->heads[i];
		/* Numbers up to the cursor's were given again from here on. */
		if (h->order != OUT_OF_ORDER && h->epoch > c->epoch)
			return h->first_seq <= c->seq ? h->first_seq
						      : c->seq + 1;
	}
	return l->whose.is_known ? c->seq + 1 : 0;
}

/*
 * Behind the last numbered frame of this segment, else 0. What leaps is a lie;
 * it is no place to wait at.
 */
static int next_of(struct scan *s, const struct segment_head *h, uint64_t *ret)
{
	uint64_t next = h->order == IN_ORDER ? h->first_seq : 0;
	struct scan_hit hit;
	int r;

	while ((r = scan_next(s, &hit)) > 0) {
		if (hit.frame.seq_end > next &&
		    (!next || hit.frame.seq_end - next < JOURNAL_SEQ_LEAP))
			next = hit.frame.seq_end;
	}
	*ret = next;
	return r;
}

int locate_next(int dirfd, const struct dir_list *l, uint64_t *ret)
{
	struct scan s = SCAN_INIT;
	uint64_t next = 0;
	size_t i;
	int r = 0;

	for (i = l->n; i-- > 0 && !next && r >= 0;) {
		if (l->heads[i].is_ours &&
		    scan_open_of(&s, dirfd, l->numbers[i], l->whose.id) >= 0)
			r = next_of(&s, &l->heads[i], &next);
	}
	scan_close(&s);
	if (r < 0)
		return r;
	*ret = next;
	return 0;
}
