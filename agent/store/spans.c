/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index by time. The one idea: a segment's last seal stands at its end
 * and says from when to when its records are, so a gigabyte is judged by a
 * few reads per segment, and nothing has to be kept up to date beside it.
 */
#include "store/spans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/dir.h"
#include "store/scan.h"
#include "store/segment.h"

/*
 * Where the last seal is looked for, from the end of the file. First where it
 * stands in a finished segment, then where it is in one that is written: at
 * most a second of records comes behind it.
 */
static const uint64_t windows[] = { FRAME_HEADER + sizeof(struct journal_seal),
				    256u << 10 };

/* What the end of one segment says. */
struct ending {
	struct journal_seal seal;
	bool has_times;
	bool is_last; /* nothing stands behind the seal */
};

/* 1: *ret is filled in; 0: there is no seal within the window. */
static int look_at_end(struct scan *s, uint64_t window, struct ending *ret)
{
	uint64_t begin = s->header.header_size, rest;
	bool found = false;
	struct scan_hit hit;
	int r;

	s->off = begin;
	r = scan_rest(s, &rest);
	if (r < 0)
		return r;
	if (rest > window)
		s->off = begin + rest - window;
	while ((r = scan_next(s, &hit)) > 0) {
		ret->is_last = hit.frame.type == JOURNAL_SEAL;
		if (!ret->is_last)
			continue;
		found = true;
		ret->seal = frame_seal(&hit.frame);
		ret->has_times = hit.frame.payload.n >= sizeof(ret->seal);
	}
	if (r >= 0)
		r = scan_rest(s, &rest);
	if (r < 0)
		return r;
	ret->is_last = ret->is_last && !rest;
	return found;
}

struct finder {
	int dirfd;
	const struct span *span;
	struct scan scan;
	struct spans out;
	bool in_run;
	uint64_t next_seq; /* behind the segment before; 0: not known */
};

static int add(struct finder *f, uint64_t number, uint64_t first_seq)
{
	struct span_run *grown;

	f->out.chosen++;
	if (f->in_run) {
		f->out.runs[f->out.n - 1].last_segment = number;
		return 0;
	}
	grown = reallocarray(f->out.runs, f->out.n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	f->out.runs = grown;
	grown[f->out.n++] = (struct span_run){ number, number, first_seq };
	f->in_run = true;
	return 0;
}

/* Surely not: the seal has times, they are elsewhere, and it is the end. */
static bool is_outside(const struct finder *f, const struct ending *e,
		       bool youngest)
{
	const struct journal_seal *s = &e->seal;

	if (!e->has_times || (!e->is_last && !youngest))
		return false;
	return (!s->earliest_ns && !s->latest_ns) ||
	       s->earliest_ns > f->span->to_ns ||
	       s->latest_ns < f->span->from_ns;
}

static int judge(struct finder *f, bool youngest)
{
	const struct journal_segment_header *h = &f->scan.header;
	struct ending e = { 0 };
	size_t i;
	int r = 0;

	for (i = 0; i < sizeof(windows) / sizeof(*windows) && !r; i++)
		r = look_at_end(&f->scan, windows[i], &e);
	if (r < 0)
		return r;
	f->next_seq = r ? e.seal.last_seq + 1 : h->first_seq;
	if (r && is_outside(f, &e, youngest)) {
		f->in_run = false;
		return 0;
	}
	return add(f, h->number, h->first_seq);
}

static int take(struct finder *f, uint64_t number, bool youngest)
{
	int r = scan_open(&f->scan, f->dirfd, number);

	if (r == -ENOENT) /* trimmed meanwhile */
		return 0;
	/* Nothing of it can be read: what the reader then says is missing. */
	if (r == -EBADMSG || r == -ENOTSUP || r == -ELOOP)
		return f->in_run || f->next_seq ? add(f, number, f->next_seq)
						: 0;
	if (r < 0)
		return r;
	if (!f->out.begun_ns) {
		f->out.begun_ns = f->scan.header.wall_ns;
		f->out.trimmed = number > 1;
	}
	return judge(f, youngest);
}

int spans_find(const char *dir, const struct span *span, struct spans *ret)
{
	cleanup_dir_list struct dir_list l = { 0 };
	struct finder f = { .scan = SCAN_INIT, .span = span };
	cleanup_close int dirfd = -1;
	size_t i;
	int r;

	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	f.dirfd = dirfd;
	r = dir_list(dirfd, &l);
	f.out.segments = l.n;
	for (i = 0; i < l.n && r >= 0; i++)
		r = take(&f, l.numbers[i], i + 1 == l.n);
	scan_close(&f.scan);
	if (r < 0) {
		spans_done(&f.out);
		return r;
	}
	*ret = f.out;
	return 0;
}

void spans_done(struct spans *s)
{
	free(s->runs);
	s->runs = NULL;
	s->n = 0;
}
