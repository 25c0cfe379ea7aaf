/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking seals. The one idea: a seal is a hundred bytes, so a day of them is
 * read in the time that a few megabytes of records take.
 */
#include "store/seals.h"

#include <string.h>

#include "store/segment.h"

#define SEAL_FRAME (FRAME_HEADER + sizeof(struct journal_seal))

/*
 * Where the last seal is looked for, from the end of the file. First where it
 * stands in a finished segment, then where it is in one that is written: at
 * most a second of records comes behind it.
 */
static const uint64_t windows[] = { SEAL_FRAME, 256u << 10 };

static void take(const struct frame *f, uint64_t off, struct seal_at *ret)
{
	*ret = (struct seal_at){
		.seal = frame_seal(f),
		.has_times = f->payload.n >= sizeof(ret->seal),
		.off = off,
		.end = off + FRAME_HEADER + f->payload.n,
	};
}

static int look_at_end(struct scan *s, uint64_t window, struct seal_at *ret,
		       bool *ret_is_last)
{
	uint64_t begin = s->header.header_size, rest;
	bool found = false, last = false;
	struct scan_hit hit;
	int r;

	s->off = begin;
	r = scan_rest(s, &rest);
	if (r < 0)
		return r;
	if (rest > window)
		s->off = begin + rest - window;
	while ((r = scan_next(s, &hit)) > 0) {
		last = hit.frame.type == JOURNAL_SEAL;
		if (!last)
			continue;
		found = true;
		take(&hit.frame, hit.off, ret);
	}
	if (r >= 0)
		r = scan_rest(s, &rest);
	if (r < 0)
		return r;
	*ret_is_last = last && !rest;
	return found;
}

int seals_last(struct scan *s, struct seal_at *ret, bool *ret_is_last)
{
	size_t i;
	int r = 0;

	for (i = 0; i < sizeof(windows) / sizeof(*windows) && !r; i++)
		r = look_at_end(s, windows[i], ret, ret_is_last);
	return r;
}

int seals_before(const struct scan *s, const struct seal_at *of,
		 struct seal_at *ret)
{
	uint64_t off = of->seal.previous;
	uint8_t bytes[SEAL_FRAME];
	struct frame f;
	int n;

	if (off < s->header.header_size || off >= of->off)
		return 0;
	n = segment_pread(s->fd, bytes, sizeof(bytes), off);
	if (n < 0)
		return n;
	/* One of a later version, with more to say, ends past what was read. */
	if (frame_decode(s->key, bytes, (size_t)n, &f) <= 0 ||
	    f.type != JOURNAL_SEAL)
		return 0;
	take(&f, off, ret);
	return ret->end <= of->off;
}
