/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a directory is. The one idea: one file alone decides nothing. A state
 * without a segment of its journal, and fewer segments than another journal's,
 * are somebody else's; and as files of one journal are near one another, a
 * number far above the middle of them is a lie. Either costs no more than a
 * damaged file would. Numbers that are too low, or too high by less than a leap,
 * are for order.c: nobody searches by those that do not fit.
 */
#include "store/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/order.h"
#include "store/scan.h"

/* What the files of the journal say. */
struct witness {
	uint64_t epoch, segment, seq;
};

struct witnesses {
	struct witness *all; /* free it */
	size_t n;
};

/* Errors that say something of us, now, and nothing of a file. */
static bool is_want(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

static int ask_headers(int dirfd, struct dir_list *l)
{
	struct scan s = SCAN_INIT;
	struct segment_head *h;
	size_t i;

	if (!l->heads)
		l->heads = calloc(l->n + 1, sizeof(*l->heads));
	if (!l->heads)
		return -ENOMEM;
	for (i = 0; i < l->n; i++) {
		h = &l->heads[i];
		/* Ours is never written again; another may be by now. */
		if (h->is_ours)
			continue;
		h->error = scan_open(&s, dirfd, l->numbers[i]);
		if (is_want(h->error))
			break;
		if (h->error < 0)
			continue;
		memcpy(h->id, s.header.id, sizeof(h->id));
		h->epoch = s.header.epoch;
		h->number = s.header.number;
		h->first_seq = s.header.first_seq;
	}
	scan_close(&s);
	return i < l->n ? l->heads[i].error : 0;
}

/* A journal that segments name. */
struct vote {
	const uint8_t *id;
	size_t count; /* of segments, and of the state */
	bool is_states;
	size_t last; /* the youngest segment of it */
};

static int by_id(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;

	return memcmp(x->id, y->id, JOURNAL_ID_SIZE);
}

static bool beats(const struct vote *v, const struct vote *best)
{
	if (v->count != best->count)
		return v->count > best->count;
	if (v->is_states != best->is_states)
		return v->is_states;
	return v->last > best->last;
}

/* Who has most votes; NULL: nobody has one. state_id: the state's, or NULL. */
static int count_votes(const struct dir_list *l, const uint8_t *state_id,
		       const uint8_t **ret)
{
	cleanup_free struct vote *votes = NULL;
	struct vote best = { .id = NULL }, one;
	size_t i, n = 0;

	votes = calloc(l->n + 1, sizeof(*votes));
	if (!votes)
		return -ENOMEM;
	for (i = 0; i < l->n; i++)
		if (l->heads[i].error >= 0)
			votes[n++] =
				(struct vote){ l->heads[i].id, 1, false, i };
	qsort(votes, n, sizeof(*votes), by_id);
	for (i = 0; i < n;) {
		one = votes[i];
		while (++i < n && !by_id(&one, &votes[i])) {
			one.count++;
			if (votes[i].last > one.last)
				one.last = votes[i].last;
		}
		one.is_states =
			state_id && !memcmp(one.id, state_id, JOURNAL_ID_SIZE);
		one.count += one.is_states;
		if (!best.id || beats(&one, &best))
			best = one;
	}
	*ret = best.id;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Which number of a witness, and how far apart, and how large, it may be. */
struct kind {
	size_t at;
	uint64_t leap, max;
};

/*
 * At most a leap above the middle, of two the lower. Where that itself is near
 * the end of all numbers nothing is believed.
 */
static uint64_t limit(const struct witnesses *w, uint64_t *values,
		      struct kind kind)
{
	uint64_t middle;
	size_t i;

	if (!w->n)
		return kind.max;
	for (i = 0; i < w->n; i++)
		memcpy(&values[i], (const char *)&w->all[i] + kind.at,
		       sizeof(*values));
	qsort(values, w->n, sizeof(*values), by_value);
	middle = values[(w->n - 1) / 2];
	return middle < kind.max - 2 * kind.leap ? middle + kind.leap : 0;
}

#define KIND(member, name)                                \
	((struct kind){ offsetof(struct witness, member), \
			JOURNAL_##name##_LEAP, JOURNAL_##name##_MAX })

static bool takes_head(const struct identity *o, const struct segment_head *h)
{
	return !o->is_known ||
	       (identity_has(o, h->id) && h->epoch <= o->epoch_most &&
		h->number <= o->segment_most && h->first_seq <= o->seq_most);
}

static int judge_numbers(const struct dir_list *l, const struct state *st,
			 struct identity *o)
{
	cleanup_free uint64_t *values = NULL;
	cleanup_free struct witness *all = NULL;
	struct witnesses w = { .n = 0 };
	size_t i;

	/* One more for the state. */
	w.all = all = calloc(l->n + 1, sizeof(*all));
	values = calloc(l->n + 1, sizeof(*values));
	if (!all || !values)
		return -ENOMEM;
	for (i = 0; i < l->n; i++) {
		const struct segment_head *h = &l->heads[i];

		if (h->error >= 0 && identity_has(o, h->id))
			all[w.n++] = (struct witness){ h->epoch, h->number,
						       h->first_seq };
	}
	if (st)
		all[w.n++] =
			(struct witness){ st->epoch, st->segment, st->seq };
	o->epoch_most = (uint32_t)limit(&w, values, KIND(epoch, EPOCH));
	o->segment_most = limit(&w, values, KIND(segment, SEGMENT));
	o->seq_most = limit(&w, values, KIND(seq, SEQ));
	return 0;
}

/* Judge each file by what o says. */
static int judge_files(struct dir_list *l, const struct state *st,
		       struct identity *o)
{
	size_t i;
	int r;

	r = judge_numbers(l, st, o);
	if (r < 0)
		return r;
	for (i = 0; i < l->n; i++)
		l->heads[i].is_ours =
			l->heads[i].error >= 0 && takes_head(o, &l->heads[i]);
	r = order_find(l);
	if (r < 0)
		return r;
	if (st && identity_takes_state(o, st))
		o->state_seq = st->seq;
	l->whose = *o;
	return 0;
}

int identity_find(int dirfd, struct dir_list *l)
{
	struct identity o = { .is_known = true };
	const uint8_t *id = NULL;
	struct state st;
	bool has_state;
	int r;

	l->whose = (struct identity){ .is_known = false };
	r = state_load(dirfd, &st);
	has_state = r >= 0;
	if (is_want(r))
		return r;
	r = ask_headers(dirfd, l);
	if (r >= 0)
		r = count_votes(l, has_state ? st.id : NULL, &id);
	if (r < 0)
		return r;
	if (!id && has_state)
		id = st.id;
	if (!id)
		return 0;
	memcpy(o.id, id, sizeof(o.id));
	has_state = has_state && identity_has(&o, st.id);
	return judge_files(l, has_state ? &st : NULL, &o);
}

bool identity_has(const struct identity *o, const uint8_t *id)
{
	return !o->is_known || !memcmp(o->id, id, sizeof(o->id));
}

bool identity_takes(const struct identity *o,
		    const struct journal_segment_header *h)
{
	struct segment_head head = { .epoch = h->epoch,
				     .number = h->number,
				     .first_seq = h->first_seq };

	memcpy(head.id, h->id, sizeof(head.id));
	return takes_head(o, &head);
}

bool identity_takes_state(const struct identity *o, const struct state *st)
{
	return !o->is_known ||
	       (identity_has(o, st->id) && st->epoch <= o->epoch_most &&
		st->segment <= o->segment_most &&
		st->oldest <= o->segment_most && st->seq <= o->seq_most);
}
