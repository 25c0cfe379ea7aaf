// SPDX-License-Identifier: Apache-2.0
/*
 * One more pass over the journal, for the settings of the clock in it: those that
 * picket saw itself, and a start whose time is before that of the run before it.
 */
#include "cmd/coverage_clock.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/coverage_read.h"
#include "out/view.h"
#include "store/reader.h"

/* Times of neighbours are not in order to the last millisecond. */
#define SET_BACK_NS ((int64_t)NS_PER_S)
/* Where nothing happens, the newest record is a little older than now. */
#define SILENCE_NS  (600 * (int64_t)NS_PER_S)

struct search {
	int64_t at_ns;
	struct coverage_eras *found;
	size_t era;	  /* that is being read */
	int64_t begin_ns; /* its first record; 0: none yet */
	int64_t last_ns;  /* its last, so far */
	size_t before;	  /* the newest that began before at_ns */
};

static int64_t signed_number(const char *s)
{
	bool is_negative = *s == '-';
	uint64_t n = 0;

	(void)text_u64(slice_str(s + is_negative), &n);
	return is_negative ? -(int64_t)n : (int64_t)n;
}

bool coverage_begins_era(const Picket__V1__Event *e, int64_t last_ns,
			 int64_t *ret_by_ns)
{
	const Picket__V1__Agent *a = e->agent;

	*ret_by_ns = 0;
	if (a->what == PICKET__V1__AGENT__WHAT__STARTED)
		return last_ns - e->wall_ns > SET_BACK_NS;
	if (a->what != PICKET__V1__AGENT__WHAT__CLOCK)
		return false;
	for (size_t i = 0; i < a->n_facts; i++)
		if (!strcmp(a->facts[i]->key, "moved_ns"))
			*ret_by_ns = signed_number(a->facts[i]->value);
	return true;
}

static void remember(struct coverage_eras *found, size_t era)
{
	if (found->n == COVERAGE_ERAS_MAX) {
		memmove(found->numbers, found->numbers + 1,
			(found->n - 1) * sizeof(found->numbers[0]));
		found->n--;
	}
	found->numbers[found->n++] = era;
}

static void end_era(struct search *s, int64_t end_ns)
{
	if (!s->begin_ns || s->begin_ns > s->at_ns)
		return;
	s->before = s->era;
	if (s->at_ns <= end_ns)
		remember(s->found, s->era);
}

static void take(struct search *s, const struct view *v, int64_t wall_ns)
{
	int64_t by_ns;

	if (v && v->event && v->event->agent &&
	    coverage_begins_era(v->event, s->last_ns, &by_ns)) {
		end_era(s, by_ns ? wall_ns - by_ns : s->last_ns);
		s->era++;
		s->begin_ns = 0;
	}
	if (!s->begin_ns)
		s->begin_ns = wall_ns;
	s->last_ns = wall_ns;
}

int coverage_eras_of(const char *dir, int64_t at_ns, struct coverage_eras *ret)
{
	struct search s = { .at_ns = at_ns, .found = ret };
	struct view_images *images = NULL;
	struct reader *reader = NULL;
	struct reader_frame f;
	struct view v;
	int k, r;

	ret->n = 0;
	r = view_images_new(&images);
	if (r >= 0)
		r = reader_open(dir, READER_OLDEST, 0, READER_SEALED_ONLY,
				&reader);
	while (r >= 0 && (r = reader_next(reader, &f)) > 0) {
		if (!f.seq || f.type == JOURNAL_GAP)
			continue;
		k = coverage_is_of_picket(&f)
			    ? view_take(images, reader_journal_id(reader), &f,
					&v)
			    : 0;
		take(&s, k > 0 ? &v : NULL, f.wall_ns);
		if (k > 0)
			view_done(&v);
	}
	reader_close(reader);
	view_images_free(images);
	if (r < 0)
		return r;
	if (s.last_ns)
		end_era(&s, s.last_ns + SILENCE_NS);
	if (s.last_ns && !ret->n)
		remember(ret, s.before);
	return 0;
}
