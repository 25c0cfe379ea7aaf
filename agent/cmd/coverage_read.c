// SPDX-License-Identifier: Apache-2.0
/*
 * One pass over the journal. The idea: only what picket says of itself is
 * unpacked, and that is one record in thousands; of all others the time and
 * the number are enough, and both stand outside the payload. It goes on to the
 * end of the run: a loss is told when picket looks at the ring again, and if it
 * was stopped, or dead while the programs ran on, that is as late as may be.
 */
#include "cmd/coverage_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/coverage_clock.h"
#include "out/view.h"
#include "store/reader.h"

struct reading {
	int64_t at_ns;
	size_t era; /* of the clock, that at_ns is of */
	struct coverage *c;
	int64_t set_ns;	     /* since that era: how far the clock was set */
	bool has_run;	     /* a start was read, not later than at_ns */
	bool has_ended;	     /* that run was stopped, not later than at_ns */
	bool has_table;	     /* of that run */
	int64_t before_ns;   /* the last record before that run */
	bool is_over;	     /* nothing that follows can matter */
	int64_t last_ns;     /* of the last record, by the clock of then */
	bool is_past;	     /* the last record was later than at_ns */
	bool run_is_over;    /* so was, or of at_ns, the last of that run */
	int64_t run_last_ns; /* of the last record of that run, so far */
};

/* Of what is being read: the clock may have been set between it and at_ns. */
static bool is_later(const struct reading *r, int64_t wall_ns)
{
	if (r->c->newest_era != r->era)
		return r->c->newest_era > r->era;
	return wall_ns > r->at_ns;
}

static char *copy(const char *s)
{
	char *p = strdup(s ? s : "");

	if (!p)
		abort(); /* a few bytes of a short-lived command */
	return p;
}

static void drop_table(struct coverage *c)
{
	for (size_t i = 0; i < c->n_rows; i++) {
		free(c->rows[i].family);
		free(c->rows[i].way);
		free(c->rows[i].backend);
		free(c->rows[i].reason);
	}
	free(c->rows);
	c->rows = NULL;
	c->n_rows = 0;
}

void coverage_done(struct coverage *c)
{
	drop_table(c);
	for (size_t i = 0; i < c->n_losses; i++)
		free(c->losses[i].family);
	free(c->why);
	*c = (struct coverage){ 0 };
}

static void take_table(struct reading *r, const Picket__V1__Agent *a)
{
	struct coverage *c = r->c;

	drop_table(c);
	c->rows = calloc(a->n_coverage ? a->n_coverage : 1, sizeof(*c->rows));
	if (!c->rows)
		abort();
	for (size_t i = 0; i < a->n_coverage; i++) {
		const Picket__V1__Coverage *row = a->coverage[i];

		c->rows[i] = (struct coverage_row){
			.family = copy(row->family),
			.way = copy(row->way),
			.backend = copy(row->backend),
			.reason = copy(row->reason),
			.active = row->active,
		};
	}
	c->n_rows = a->n_coverage;
	r->has_table = true;
}

static const char *fact(const Picket__V1__Agent *a, const char *key)
{
	for (size_t i = 0; i < a->n_facts; i++)
		if (!strcmp(a->facts[i]->key, key))
			return a->facts[i]->value;
	return "";
}

static uint64_t fact_number(const Picket__V1__Agent *a, const char *key)
{
	uint64_t n = 0;

	(void)text_u64(slice_str(fact(a, key)), &n);
	return n;
}

/* By a fact that only such a loss has. */
static const char *loss_reason(const Picket__V1__Agent *a)
{
	static const struct {
		const char *key, *why;
	} reasons[] = {
		{ "cpu", "no room in the ring" },
		{ "missed", "runs of programs that the kernel left out" },
		{ "files", "repeats that are not told one by one" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (*fact(a, reasons[i].key))
			return reasons[i].why;
	return strcmp(fact(a, "family"), COVERAGE_ANY_FAMILY)
		       ? "no room in the ring"
		       : "records that were made and could not be read or kept";
}

static void take_loss(struct reading *r, const Picket__V1__Event *e)
{
	const Picket__V1__Agent *a = e->agent;
	int64_t offset = e->wall_ns - (int64_t)e->boot_ns;
	struct coverage_loss loss = {
		/* Runs that the kernel left out are sight that was lost. */
		.count = fact_number(a, "count") + fact_number(a, "missed"),
		/* By the clock as it was then. */
		.from_ns =
			(int64_t)fact_number(a, "from_ns") + offset - r->set_ns,
		.until_ns = (int64_t)fact_number(a, "until_ns") + offset -
			    r->set_ns,
	};
	struct coverage *c = r->c;

	/* Found at a start: some time since the run before it. */
	if (!*fact(a, "from_ns")) {
		loss.from_ns = r->before_ns;
		loss.until_ns = e->wall_ns - r->set_ns;
	}
	if (!loss.count || r->c->newest_era < r->era ||
	    loss.from_ns > r->at_ns || loss.until_ns < r->at_ns)
		return;
	if (c->n_losses == COVERAGE_LOSSES_MAX) {
		c->more_losses += loss.count;
		return;
	}
	loss.family = copy(fact(a, "family"));
	loss.why = loss_reason(a);
	c->losses[c->n_losses++] = loss;
}

static void take_start(struct reading *r, const Picket__V1__Event *e)
{
	bool went_on = !strcmp(fact(e->agent, "kernel_side"), "went on");

	r->before_ns = r->run_last_ns;
	/* Nobody read meanwhile, but the programs and the ring were there. */
	if (is_later(r, e->wall_ns) && went_on && r->has_run) {
		r->has_ended = false;
		r->c->from_ns = 0;
		return;
	}
	if (is_later(r, e->wall_ns)) {
		/* Without a stop before it: when did it end, then? */
		if (!r->has_ended && !r->run_is_over)
			r->c->from_ns = r->run_last_ns;
		r->c->until_ns = e->wall_ns;
		r->is_over = true;
		return;
	}
	r->has_run = true;
	r->has_ended = r->has_table = false;
	r->c->from_ns = 0;
	drop_table(r->c);
}

static void take_stop(struct reading *r, const Picket__V1__Event *e)
{
	if (is_later(r, e->wall_ns)) {
		r->is_over = true;
		return;
	}
	r->has_ended = true;
	r->c->from_ns = e->wall_ns;
	free(r->c->why);
	r->c->why = copy(e->agent->text);
}

static void take_era(struct reading *r, const Picket__V1__Event *e)
{
	int64_t by_ns;

	if (!coverage_begins_era(e, r->last_ns, &by_ns))
		return;
	r->c->newest_era++;
	if (r->c->newest_era > r->era)
		r->set_ns += by_ns;
}

static void take_agent(struct reading *r, const Picket__V1__Event *e)
{
	take_era(r, e);
	switch (e->agent->what) {
	case PICKET__V1__AGENT__WHAT__STARTED:
		take_start(r, e);
		break;
	case PICKET__V1__AGENT__WHAT__STOPPED:
		take_stop(r, e);
		break;
	case PICKET__V1__AGENT__WHAT__COVERAGE:
		if (!is_later(r, e->wall_ns) || !r->has_table)
			take_table(r, e->agent);
		break;
	case PICKET__V1__AGENT__WHAT__LOSS:
		take_loss(r, e);
		break;
	default:
		break;
	}
}

/* Our packer writes both times (fixed64) and the kind first, in this order. */
bool coverage_is_of_picket(const struct reader_frame *f)
{
	const struct slice p = f->payload;
	const unsigned char *b = (const unsigned char *)p.p;

	if (f->type != JOURNAL_EVENT)
		return false;
	return !(p.n > 19 && b[0] == 0x09 && b[9] == 0x11 && b[18] == 0x18 &&
		 b[19] < 0x80 && b[19] != PICKET__V1__KIND__KIND_AGENT);
}

static void take_gap(struct reading *r, const struct reader_frame *f)
{
	/* It stands between the last record before it and the next one. */
	r->c->missing_first = f->seq;
	r->c->missing_last = f->seq_end ? f->seq_end - 1 : f->seq;
}

static void take_frame(struct reading *r, struct view_images *images,
		       const uint8_t *journal, const struct reader_frame *f)
{
	bool is_gap = f->type == JOURNAL_GAP;
	struct view v;
	int k;

	if (!f->seq)
		return;
	if (is_gap && !r->is_past)
		take_gap(r, f);
	if (is_gap)
		return;
	r->c->newest_ns = f->wall_ns;
	if (coverage_is_of_picket(f)) {
		k = view_take(images, journal, f, &v);
		r->c->bad += k < 0;
		if (k > 0 && v.event && v.event->agent)
			take_agent(r, v.event);
		if (k > 0)
			view_done(&v);
	}
	r->last_ns = f->wall_ns;
	r->is_past = is_later(r, f->wall_ns);
	/* The gap before it lay before the time, too. */
	if (!r->is_past)
		r->c->missing_first = r->c->missing_last = 0;
	if (r->is_over)
		return;
	r->run_last_ns = f->wall_ns;
	r->run_is_over = r->is_past ||
			 (r->c->newest_era == r->era && f->wall_ns == r->at_ns);
}

/* What the pass has come to mean. */
static void conclude(struct reading *r)
{
	struct coverage *c = r->c;

	if (!r->has_run) {
		c->state = COVERAGE_BEFORE;
	} else if (r->has_ended) {
		c->state = COVERAGE_STOPPED;
		if (!c->until_ns)
			c->until_ns = INT64_MAX;
	} else if (c->from_ns) {
		c->state = COVERAGE_DOWN;
	} else {
		c->state = COVERAGE_RAN;
	}
}

int coverage_read(const char *dir, int64_t at_ns, size_t era,
		  struct coverage *ret)
{
	struct reading r = { .at_ns = at_ns, .era = era, .c = ret };
	struct view_images *images = NULL;
	struct reader *reader = NULL;
	struct reader_frame f;
	int k;

	*ret = (struct coverage){ 0 };
	k = view_images_new(&images);
	if (k >= 0)
		k = reader_open(dir, READER_OLDEST, 0, READER_SEALED_ONLY,
				&reader);
	while (k >= 0 && !r.is_over && (k = reader_next(reader, &f)) > 0)
		take_frame(&r, images, reader_journal_id(reader), &f);
	reader_close(reader);
	view_images_free(images);
	if (k < 0) {
		coverage_done(ret);
		return k;
	}
	conclude(&r);
	return 0;
}
