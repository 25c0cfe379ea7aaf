/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding a place by number. The one idea: first sequences never go down from
 * segment to segment, not over a restart either, so their headers are a
 * sorted index; one that cannot be read, or is another journal's, counts as its
 * younger neighbour.
 */
#include "store/locate.h"

#include <errno.h>
#include <string.h>

#include "store/identity.h"
#include "store/scan.h"

static int read_header(int dirfd, const struct dir_list *l, size_t i,
		       struct journal_segment_header *ret)
{
	struct scan s = SCAN_INIT;
	int r = scan_open(&s, dirfd, l->numbers[i]);

	if (r >= 0 && !identity_takes(&l->whose, &s.header))
		r = -EBADMSG;
	if (r >= 0)
		*ret = s.header;
	scan_close(&s);
	return r;
}

/* Does everything from the segment at `i` on come behind seq? */
static bool all_behind(int dirfd, const struct dir_list *l, size_t i,
		       uint64_t seq)
{
	struct journal_segment_header h;

	for (; i < l->n; i++) {
		if (read_header(dirfd, l, i, &h) >= 0)
			return h.first_seq > seq;
	}
	return true;
}

size_t locate_seq(int dirfd, const struct dir_list *l, uint64_t seq)
{
	size_t low = 0, high = l->n, mid;

	/* The first index from which on all is behind seq. */
	while (low < high) {
		mid = low + (high - low) / 2;
		if (all_behind(dirfd, l, mid, seq))
			high = mid;
		else
			low = mid + 1;
	}
	return low ? low - 1 : 0;
}

uint64_t locate_cursor(int dirfd, const struct dir_list *l,
		       const struct cursor *c)
{
	struct journal_segment_header h;
	size_t i;

	if (!identity_has(&l->whose, c->journal))
		return 0;
	for (i = 0; i < l->n; i++) {
		if (read_header(dirfd, l, i, &h) < 0)
			continue;
		/* Numbers up to the cursor's were given again from here on. */
		if (h.epoch > c->epoch)
			return h.first_seq <= c->seq ? h.first_seq : c->seq + 1;
	}
	return l->whose.is_known ? c->seq + 1 : 0;
}

int locate_next(int dirfd, const struct dir_list *l, uint64_t *ret)
{
	struct scan s = SCAN_INIT;
	struct scan_hit hit;
	uint64_t next = 0;
	size_t i;
	int r = 0;

	for (i = l->n; i-- > 0;) {
		if (scan_open(&s, dirfd, l->numbers[i]) < 0 ||
		    !identity_takes(&l->whose, &s.header))
			continue;
		next = s.header.first_seq;
		while ((r = scan_next(&s, &hit)) > 0) {
			/* What leaps is a lie; it is no place to wait at. */
			if (hit.frame.seq_end > next &&
			    hit.frame.seq_end - next < JOURNAL_SEQ_LEAP)
				next = hit.frame.seq_end;
		}
		break;
	}
	scan_close(&s);
	if (r < 0)
		return r;
	*ret = next;
	return 0;
}
