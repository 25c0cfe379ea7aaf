// SPDX-License-Identifier: Apache-2.0
/*
 * Reading for a query. The one idea: what costs is to unpack, so frames are
 * judged by their header first (time, type), then by a look at their packed
 * bytes, and only what may be asked for becomes a record. Descriptions are
 * always taken: events further on speak of them.
 */
#include "cmd/query_read.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "out/names.h"
#include "store/reader.h"

struct reading {
	const struct query_source *source;
	struct span amended; /* in which amendments are taken */
	struct view_images *images;
	struct query_sum sum;
};

static bool may_be_wanted(const struct reading *q, struct slice event)
{
	const struct query_source *s = q->source;

	if (!query_may_match(s->match, q->images, event))
		return false;
	return !s->wants_of ||
	       s->wants_of(s->arg, q->images, query_actor(q->images, event));
}

static bool is_about_wanted(const struct reading *q, struct slice amendment)
{
	const struct query_source *s = q->source;
	uint32_t epoch;
	uint64_t seq;

	/* What is none is counted where it is unpacked. */
	return !s->wants_about || query_amended(amendment, &epoch, &seq) < 0 ||
	       s->wants_about(s->arg, epoch, seq);
}

static bool is_wanted(const struct reading *q, const struct reader_frame *f)
{
	const struct query_source *s = q->source;

	switch (f->type) {
	case JOURNAL_DESCRIPTION:
	case JOURNAL_SEAL: /* may end a run, and its images */
		return true;
	case JOURNAL_EVENT:
		return span_has(&s->span, f->wall_ns) &&
		       may_be_wanted(q, f->payload);
	case JOURNAL_AMENDMENT:
		return span_has(&q->amended, f->wall_ns) &&
		       is_about_wanted(q, f->payload);
	case JOURNAL_GAP:
		return span_has(&s->span, f->wall_ns);
	default:
		return false;
	}
}

/* What was lost is told whatever was asked: silence must mean nothing. */
static bool is_shown(const struct reading *q, const struct view *v)
{
	if (!v->event)
		return true;
	if (v->event->agent && what_is_warning(v->event->agent->what))
		return true;
	return query_matches(q->source->match, v) != QUERY_NO;
}

static int take(struct reading *q, struct reader *r,
		const struct reader_frame *f)
{
	struct view v;
	int k;

	if (q->source->passed && f->type == JOURNAL_EVENT)
		q->source->passed(q->source->arg, f->wall_ns);
	if (!is_wanted(q, f))
		return 0;
	k = view_take(q->images, reader_journal_id(r), f, &v);
	if (k == -EBADMSG)
		q->sum.bad++;
	if (k <= 0)
		return k == -EBADMSG ? 0 : k;
	k = 0;
	if (is_shown(q, &v))
		k = q->source->take(q->source->arg, q->images, &v);
	view_done(&v);
	return k;
}

static int read_run(struct reading *q, const struct span_run *run)
{
	const struct reader_place at = { run->first_segment, run->first_off,
					 run->first_seq };
	struct reader_frame f;
	struct reader *r;
	int k;

	k = reader_open_at(q->source->dir, &at, READER_SEALED_ONLY, &r);
	if (k < 0)
		return k;
	while ((k = reader_next(r, &f)) > 0) {
		if (f.segment > run->last_segment ||
		    (f.segment == run->last_segment && f.seq > run->last_seq))
			break;
		k = take(q, r, &f);
		if (k < 0)
			break;
	}
	reader_close(r);
	return k < 0 ? k : 0;
}

int query_read(const struct query_source *s, struct query_sum *ret)
{
	struct reading q = { .source = s, .amended = s->span };
	struct spans spans;
	size_t i;
	int r;

	if (q.amended.to_ns < INT64_MAX - HELD_NS)
		q.amended.to_ns += HELD_NS;
	r = spans_find(s->dir, &q.amended, &spans);
	if (r < 0)
		return r;
	r = view_images_new(&q.images);
	for (i = 0; i < spans.n && r >= 0; i++)
		r = read_run(&q, &spans.runs[i]);
	view_images_free(q.images);
	q.sum.segments = spans.segments;
	q.sum.read = spans.chosen;
	q.sum.begun_ns = spans.begun_ns;
	q.sum.gone_first = spans.gone_first;
	q.sum.gone_last = spans.gone_last;
	q.sum.trimmed = spans.trimmed && s->span.from_ns < spans.begun_ns;
	spans_done(&spans);
	*ret = q.sum;
	return r;
}

/* ---- one record --------------------------------------------------------- */

struct name {
	uint8_t journal[JOURNAL_ID_SIZE];
	uint32_t epoch;
	uint64_t seq;
};

static int parse_name(const char *uid, struct name *ret)
{
	const size_t id = 2 * JOURNAL_ID_SIZE;
	struct slice s = slice_str(uid);
	const char *dot;

	if (s.n < id + 4 || s.p[id] != '.' ||
	    hex_parse(slice_of(s.p, id), ret->journal, JOURNAL_ID_SIZE) < 0)
		return -EINVAL;
	s = slice_of(s.p + id + 1, s.n - id - 1);
	dot = memchr(s.p, '.', s.n);
	if (!dot ||
	    text_u32(slice_of(s.p, (size_t)(dot - s.p)), &ret->epoch) < 0 ||
	    text_u64(slice_of(dot + 1, (size_t)(s.p + s.n - dot) - 1),
		     &ret->seq) < 0)
		return -EINVAL;
	return 0;
}

static bool is_called(const struct name *name, const struct reader_frame *f)
{
	return f->seq == name->seq && f->epoch == name->epoch;
}

/* 1: it was found; -EREMCHG: it amends the event that *name is from now on. */
static int try_frame(const struct query_name *n, struct name *name,
		     struct view_images *images, const struct reader_frame *f)
{
	struct view v;
	int k;

	if (f->type == JOURNAL_AMENDMENT && is_called(name, f))
		return query_amended(f->payload, &name->epoch, &name->seq) < 0
			       ? 0
			       : -EREMCHG;
	if (f->type != JOURNAL_DESCRIPTION && f->type != JOURNAL_SEAL &&
	    (f->type != JOURNAL_EVENT || !is_called(name, f)))
		return 0;
	k = view_take(images, name->journal, f, &v);
	if (k <= 0)
		return k == -EBADMSG ? 0 : k;
	n->found(n->arg, images, &v);
	view_done(&v);
	return 1;
}

static int find(const struct query_name *n, struct name *name,
		enum reader_from from, struct view_images *images)
{
	struct reader_frame f;
	struct reader *r;
	int k;

	k = reader_open(n->dir, from, name->seq, READER_SEALED_ONLY, &r);
	if (k < 0)
		return k;
	if (memcmp(reader_journal_id(r), name->journal, JOURNAL_ID_SIZE)) {
		reader_close(r);
		return -ENOENT;
	}
	k = 0;
	/* A number may have been given again, in a later epoch. */
	while (!k && (k = reader_next(r, &f)) > 0) {
		if (f.epoch > name->epoch ||
		    (f.epoch == name->epoch && f.seq > name->seq)) {
			k = 0;
			break;
		}
		k = try_frame(n, name, images, &f);
	}
	reader_close(r);
	return k > 0 ? 0 : k < 0 ? k : -ENOENT;
}

static int find_anywhere(const struct query_name *n, struct name *name)
{
	struct view_images *images;
	int r;

	r = view_images_new(&images);
	if (r < 0)
		return r;
	r = find(n, name, READER_SEQ, images);
	/* The number was given again since: it is further back. */
	if (r == -ENOENT)
		r = find(n, name, READER_OLDEST, images);
	view_images_free(images);
	return r;
}

int query_find(const struct query_name *n)
{
	struct name name;
	int r;

	r = parse_name(n->uid, &name);
	if (r < 0)
		return r;
	r = find_anywhere(n, &name);
	/* What it amends is an event, and amends nothing. */
	if (r == -EREMCHG)
		r = find_anywhere(n, &name);
	return r == -EREMCHG ? -ENOENT : r;
}
