/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a directory is. The one idea: one file alone decides nothing. A state
 * without a segment of its journal, and a segment without others like it, are
 * somebody else's; and as files of one journal are near one another, a number
 * far above the middle of them is a lie. Either costs no more than a damaged
 * file would. Nothing is asked of numbers that are too low, or too high by less
 * than a leap: the search by number (locate.c) takes them at their word.
 */
#include "store/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/scan.h"

/* What the headers that can be read say. */
struct witness {
	uint8_t id[JOURNAL_ID_SIZE];
	uint64_t epoch, segment, seq;
};

struct witnesses {
	struct witness *all; /* free it */
	size_t n;
};

static int ask_headers(int dirfd, const struct dir_list *l,
		       struct witnesses *ret)
{
	struct scan s = SCAN_INIT;
	struct witness *w;
	size_t i;

	/* One more for the state. */
	ret->all = calloc(l->n + 1, sizeof(*ret->all));
	if (!ret->all)
		return -ENOMEM;
	for (i = 0; i < l->n; i++) {
		if (scan_open(&s, dirfd, l->numbers[i]) < 0)
			continue;
		w = &ret->all[ret->n++];
		memcpy(w->id, s.header.id, sizeof(w->id));
		w->epoch = s.header.epoch;
		w->segment = s.header.number;
		w->seq = s.header.first_seq;
	}
	scan_close(&s);
	return 0;
}

/*
 * Who has more than half, in one pass and without a table, the younger first;
 * where nobody has, one of those that are there (Boyer and Moore).
 */
static const uint8_t *most(const struct witnesses *w)
{
	const uint8_t *id = NULL;
	size_t i, lead = 0;

	for (i = w->n; i-- > 0;) {
		if (!lead)
			id = w->all[i].id;
		if (memcmp(id, w->all[i].id, JOURNAL_ID_SIZE))
			lead--;
		else
			lead++;
	}
	return id;
}

static bool any_says(const struct witnesses *w, const uint8_t *id)
{
	size_t i;

	for (i = w->n; i-- > 0;) {
		if (!memcmp(w->all[i].id, id, JOURNAL_ID_SIZE))
			return true;
	}
	return false;
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

static int judge_numbers(struct witnesses *w, const struct state *st,
			 struct identity *o)
{
	cleanup_free uint64_t *values = NULL;
	size_t i, n = 0;

	for (i = 0; i < w->n; i++)
		if (!memcmp(w->all[i].id, o->id, sizeof(o->id)))
			w->all[n++] = w->all[i];
	if (st)
		w->all[n++] = (struct witness){ .epoch = st->epoch,
						.segment = st->segment,
						.seq = st->seq };
	w->n = n;
	values = calloc(n + 1, sizeof(*values));
	if (!values)
		return -ENOMEM;
	o->epoch_most = (uint32_t)limit(w, values, KIND(epoch, EPOCH));
	o->segment_most = limit(w, values, KIND(segment, SEGMENT));
	o->seq_most = limit(w, values, KIND(seq, SEQ));
	return 0;
}

int identity_find(int dirfd, struct dir_list *l)
{
	struct witnesses w = { .n = 0 };
	struct identity o = { .is_known = true };
	const uint8_t *id = NULL;
	struct state st;
	bool has_state;
	int r;

	l->whose = (struct identity){ .is_known = false };
	has_state = state_load(dirfd, &st) >= 0;
	r = ask_headers(dirfd, l, &w);
	if (r >= 0)
		id = has_state && (!w.n || any_says(&w, st.id)) ? st.id
								: most(&w);
	if (id) {
		memcpy(o.id, id, sizeof(o.id));
		has_state = has_state && identity_has(&o, st.id);
		r = judge_numbers(&w, has_state ? &st : NULL, &o);
		if (r >= 0)
			l->whose = o;
		if (r >= 0 && has_state && identity_takes_state(&o, &st))
			l->whose.state_seq = st.seq;
	}
	free(w.all);
	return r;
}

int identity_of(int dirfd, struct identity *ret)
{
	cleanup_dir_list struct dir_list l = { 0 };
	int r;

	r = dir_list(dirfd, &l);
	if (r >= 0)
		r = identity_find(dirfd, &l);
	if (r >= 0)
		*ret = l.whose;
	return r;
}

bool identity_has(const struct identity *o, const uint8_t *id)
{
	return !o->is_known || !memcmp(o->id, id, sizeof(o->id));
}

bool identity_takes(const struct identity *o,
		    const struct journal_segment_header *h)
{
	return !o->is_known ||
	       (identity_has(o, h->id) && h->epoch <= o->epoch_most &&
		h->number <= o->segment_most && h->first_seq <= o->seq_most);
}

bool identity_takes_state(const struct identity *o, const struct state *st)
{
	return !o->is_known ||
	       (identity_has(o, st->id) && st->epoch <= o->epoch_most &&
		st->segment <= o->segment_most && st->seq <= o->seq_most);
}
