/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor is a number and has no place. The one idea: seals say which numbers
 * stand before them and where the seal before is, so the commit in which the
 * number is, is found from the end of its segment, and only that is read.
 */
#include "store/behind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "store/dir.h"
#include "store/identity.h"
#include "store/locate.h"
#include "store/scan.h"
#include "store/seals.h"
#include "store/segment.h"

/* Part of a segment, and the last numbers before its two ends. */
struct stretch {
	uint64_t off, end;
	uint64_t off_seq, end_seq;
};

static uint64_t file_bytes(int dirfd, uint64_t number)
{
	char name[SEGMENT_NAME_MAX];
	struct stat st;

	if (fstatat(dirfd, segment_name(number, "seg", name), &st,
		    AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (uint64_t)st.st_size;
}

/* The stretch between the two seals that seq is between. */
static int narrow(struct scan *s, uint64_t seq, struct stretch *t)
{
	unsigned left = BEHIND_SEALS;
	struct seal_at at, before;
	bool is_last;
	int r;

	r = seals_last(s, &at, &is_last);
	while (r > 0 && left--) {
		if (at.seal.last_seq <= seq) {
			t->off = at.end;
			t->off_seq = at.seal.last_seq;
			return 0;
		}
		/* Numbers that go up backwards: one of the two lies. */
		if (at.seal.last_seq > t->end_seq)
			return 0;
		t->end = at.off;
		t->end_seq = at.seal.last_seq;
		r = seals_before(s, &at, &before);
		if (r > 0)
			at = before;
	}
	return r < 0 ? r : 0;
}

static uint64_t divide(const struct stretch *t, uint64_t seq)
{
	double numbers = (double)(t->end_seq - t->off_seq);
	double done = (double)(seq - t->off_seq);

	if (seq <= t->off_seq || t->end_seq <= t->off_seq)
		return t->off;
	return seq >= t->end_seq
		       ? t->end
		       : t->off + (uint64_t)(done / numbers *
					     (double)(t->end - t->off));
}

/* Where the frame of seq ends. */
static int find(struct scan *s, const struct stretch *t, uint64_t seq,
		uint64_t *ret)
{
	uint64_t off = t->off;
	struct scan_hit hit;
	int r = 0;

	if (t->end - t->off > BEHIND_SCAN) {
		*ret = divide(t, seq);
		return 0;
	}
	s->off = t->off;
	while (s->off < t->end && (r = scan_next(s, &hit)) > 0) {
		if (!hit.frame.seq)
			continue;
		if (hit.frame.seq_end > seq + 1)
			break;
		off = hit.off + hit.size;
	}
	*ret = off;
	return r < 0 ? r : 0;
}

/* Bytes of this segment behind seq, which is in it or right before it. */
static int part(struct scan *s, const struct behind_ask *ask, uint64_t *ret)
{
	struct stretch t = {
		.off = s->header.header_size,
		.off_seq = s->header.first_seq - 1,
		.end_seq = ask->next_seq - 1,
	};
	uint64_t rest, size, off;
	int r;

	s->off = t.off;
	r = scan_rest(s, &rest);
	if (r < 0)
		return r;
	size = t.end = t.off + rest;
	if (ask->seq < s->header.first_seq) {
		*ret = size;
		return 0;
	}
	r = narrow(s, ask->seq, &t);
	if (r >= 0)
		r = find(s, &t, ask->seq, &off);
	if (r >= 0)
		*ret = size > off ? size - off : 0;
	return r;
}

int behind_bytes(const struct behind_ask *ask, uint64_t *ret)
{
	cleanup_dir_list struct dir_list l = { 0 };
	cleanup_close int dirfd = -1;
	struct scan s = SCAN_INIT;
	uint64_t sum = 0;
	size_t i;
	int r;

	dirfd = open(ask->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	r = dir_list(dirfd, &l);
	if (r >= 0)
		r = identity_find(dirfd, &l);
	if (r < 0)
		return r;
	if (l.n) {
		i = locate_seq(dirfd, &l, ask->seq + 1);
		if (l.heads[i].order != IN_ORDER ||
		    scan_open_of(&s, dirfd, l.numbers[i], l.whose.id) < 0 ||
		    part(&s, ask, &sum) < 0)
			sum = file_bytes(dirfd, l.numbers[i]);
		scan_close(&s);
		while (++i < l.n)
			sum += file_bytes(dirfd, l.numbers[i]);
	}
	*ret = sum;
	return 0;
}
