// SPDX-License-Identifier: Apache-2.0
#include "cmd/coverage_answer.h"

#include <string.h>

const char *const coverage_words[] = { "yes", "no", "partly" };

static struct coverage_because *add(struct coverage_answer *y, const char *what)
{
	static struct coverage_because overflow;
	struct coverage_because *b =
		y->n < COVERAGE_BECAUSE_MAX ? &y->because[y->n++] : &overflow;

	*b = (struct coverage_because){
		.what = what, .way = "", .backend = "", .reason = ""
	};
	return b;
}

static void not_running(const struct coverage *c, struct coverage_answer *y)
{
	struct coverage_because *b = add(y, "down");

	y->word = COVERAGE_NO;
	b->from_ns = c->from_ns;
	b->until_ns = c->until_ns;
	if (c->state == COVERAGE_BEFORE)
		b->reason = "the journal does not go back that far";
	else if (c->state == COVERAGE_STOPPED)
		b->reason = c->why;
	else
		b->reason = "picket had ended without a word";
}

static void ways_in(const struct coverage *c, struct coverage_answer *y)
{
	size_t on = 0, ways = 0;
	struct coverage_because *b;

	for (size_t i = 0; i < c->n_rows; i++) {
		const struct coverage_row *row = &c->rows[i];

		if (strcmp(row->family, y->kind))
			continue;
		ways++;
		on += row->active;
		if (row->active && !*row->reason)
			continue;
		b = add(y, row->active ? "unseen" : "off");
		b->way = row->way;
		b->backend = row->backend;
		b->reason = row->reason;
	}
	if (!ways)
		add(y, "off")->reason =
			c->n_rows ? "picket had no hook for it"
				  : "no table of ways in is in the journal";
	if (!on)
		y->word = COVERAGE_NO;
}

void coverage_answer(const struct coverage *c, const char *kind,
		     struct coverage_answer *ret)
{
	struct coverage_answer *y = ret;
	struct coverage_because *b;

	*y = (struct coverage_answer){ .kind = kind, .word = COVERAGE_YES };
	if (c->state != COVERAGE_RAN) {
		not_running(c, y);
		return;
	}
	ways_in(c, y);
	for (size_t i = 0; i < c->n_losses; i++) {
		const struct coverage_loss *l = &c->losses[i];

		if (strcmp(l->family, y->kind) &&
		    strcmp(l->family, COVERAGE_ANY_FAMILY))
			continue;
		b = add(y, "lost");
		b->count = l->count;
		b->from_ns = l->from_ns;
		b->until_ns = l->until_ns;
		b->reason = l->why;
	}
	if (c->more_losses) {
		b = add(y, "lost");
		b->count = c->more_losses;
		b->reason = "of several kinds, in more intervals than are kept "
			    "here";
	}
	if (c->missing_first) {
		b = add(y, "missing");
		b->count = c->missing_last - c->missing_first + 1;
		b->reason = "records of about that time are gone from the "
			    "journal";
	}
	if (y->n && y->word == COVERAGE_YES)
		y->word = COVERAGE_PARTLY;
}
