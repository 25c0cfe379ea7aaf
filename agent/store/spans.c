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
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/dir.h"
#include "store/identity.h"
#include "store/scan.h"
#include "store/seals.h"

struct finder {
	int dirfd;
	const struct dir_list *list;
	const struct span *span;
	struct scan scan;
	struct spans out;
	bool in_run;
	uint64_t next_seq; /* behind the segment before; 0: not known */
	bool has_end;	   /* a seal said next_seq */
	int64_t latest_ns; /* in it; 0: not known */
	uint8_t id[JOURNAL_ID_SIZE];
};

static int add(struct finder *f, uint64_t number, uint64_t first_seq)
{
	struct span_run *grown;

	f->out.chosen++;
	if (f->in_run) {
		grown = &f->out.runs[f->out.n - 1];
		grown->last_segment = number;
		grown->last_seq = UINT64_MAX;
		/* Numbers do not go down, whatever a seal says. */
		if (first_seq < grown->first_seq && !grown->first_off)
			grown->first_seq = first_seq;
		return 0;
	}
	grown = reallocarray(f->out.runs, f->out.n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	f->out.runs = grown;
	grown[f->out.n++] = (struct span_run){
		.first_segment = number,
		.last_segment = number,
		.first_seq = first_seq,
		.last_seq = UINT64_MAX,
	};
	f->in_run = true;
	return 0;
}

/* Surely not: the seal has times, they are elsewhere, and it is the end. */
static bool is_outside(const struct finder *f, const struct seal_at *e,
		       bool is_end)
{
	const struct journal_seal *s = &e->seal;

	if (!e->has_times || !is_end)
		return false;
	return (!s->earliest_ns && !s->latest_ns) ||
	       s->earliest_ns > f->span->to_ns ||
	       s->latest_ns < f->span->from_ns;
}

/* All that stands before it is older than the span. */
static bool is_before(const struct finder *f, const struct seal_at *at)
{
	return at->has_times && at->seal.latest_ns < f->span->from_ns;
}

/*
 * Within a segment, from its last seal backwards: what is younger than the
 * span to the end, and then what is older up to the beginning, is left out;
 * but for as much before it as what it refers to is described in.
 */
static int narrow(struct finder *f, const struct seal_at *last, bool begins)
{
	struct span_run *run = &f->out.runs[f->out.n - 1];
	struct seal_at at = *last, before;
	bool behind = true;
	uint64_t from = 0;
	int r;

	begins = begins && f->scan.header.compatible & JOURNAL_DESCRIBED_NEAR;
	for (;; at = before) {
		if (!from && is_before(f, &at))
			from = at.off;
		if (!begins && (from || !behind))
			return 0;
		if (from > JOURNAL_NEAR && at.end <= from - JOURNAL_NEAR) {
			run->first_off = at.end;
			run->first_seq = at.seal.last_seq + 1;
			return 0;
		}
		behind = behind && at.seal.link_earliest_ns > f->span->to_ns;
		r = seals_before(&f->scan, &at, &before);
		/* Numbers that go up backwards: one of the two lies. */
		if (r <= 0 || before.seal.last_seq > at.seal.last_seq)
			return r < 0 ? r : 0;
		if (behind)
			run->last_seq = before.seal.last_seq;
	}
}

static int judge(struct finder *f, const struct segment_head *head,
		 bool youngest)
{
	const struct journal_segment_header *h = &f->scan.header;
	/* What fits nothing around it is no number to begin with. */
	uint64_t first = head->order == IN_ORDER || !f->next_seq ? h->first_seq
								 : f->next_seq;
	bool is_last = false, begins = !f->in_run;
	struct seal_at last = { 0 };
	int k, r;

	k = seals_last(&f->scan, &last, &is_last);
	if (k < 0)
		return k;
	f->next_seq = k ? last.seal.last_seq + 1 : first;
	f->has_end = k;
	f->latest_ns = last.has_times ? last.seal.latest_ns : 0;
	memcpy(f->id, h->id, sizeof(f->id));
	if (k && is_outside(f, &last, is_last || youngest)) {
		f->in_run = false;
		return 0;
	}
	r = add(f, h->number, first);
	if (r < 0 || !k || (!is_last && !youngest))
		return r;
	return narrow(f, &last, begins);
}

static int take(struct finder *f, size_t i)
{
	const struct segment_head *head = &f->list->heads[i];
	uint64_t number = f->list->numbers[i];
	int r = scan_open(&f->scan, f->dirfd, number);

	if (r == -ENOENT) /* trimmed meanwhile */
		return 0;
	if (r >= 0 && !head->is_ours)
		r = -EBADMSG;
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
	return judge(f, head, i + 1 == f->list->n);
}

/* Whenever that was: it is not told of a span that ends before. */
static void note_gone(struct finder *f, const struct state *st)
{
	if (!f->has_end || st->seq <= f->next_seq ||
	    memcmp(st->id, f->id, sizeof(f->id)) != 0 ||
	    f->span->to_ns < f->latest_ns)
		return;
	f->out.gone_first = f->next_seq;
	f->out.gone_last = st->seq - 1;
}

int spans_find(const char *dir, const struct span *span, struct spans *ret)
{
	cleanup_dir_list struct dir_list l = { 0 };
	struct finder f = { .scan = SCAN_INIT, .span = span, .list = &l };
	cleanup_close int dirfd = -1;
	struct state st;
	bool has_state;
	size_t i;
	int r;

	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	f.dirfd = dirfd;
	/* Before the listing: what it speaks of must be in there. */
	has_state = state_load(dirfd, &st) >= 0;
	r = dir_list(dirfd, &l);
	if (r >= 0)
		r = identity_find(dirfd, &l);
	f.out.segments = l.n;
	for (i = 0; i < l.n && r >= 0; i++)
		r = take(&f, i);
	scan_close(&f.scan);
	if (r < 0) {
		spans_done(&f.out);
		return r;
	}
	if (has_state)
		note_gone(&f, &st);
	*ret = f.out;
	return 0;
}

void spans_done(struct spans *s)
{
	free(s->runs);
	s->runs = NULL;
	s->n = 0;
}
