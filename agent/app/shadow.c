// SPDX-License-Identifier: Apache-2.0
#include "app/shadow.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "rules/rules.h"

const char *shadow_difference_name(enum shadow_difference d)
{
	static const char *const names[SHADOW_DIFFERENCE_COUNT] = {
		[SHADOW_ALERTED] = "alerted",
		[SHADOW_SILENCED] = "silenced",
		[SHADOW_ANSWERED] = "answered",
	};

	return names[d];
}

/* *ret_by: whose rule is counted. */
static bool differs(const struct verdict *was, const struct verdict *is,
		    enum shadow_difference *ret, const struct verdict **ret_by)
{
	*ret_by = is;
	if (is->alert && !was->alert) {
		*ret = SHADOW_ALERTED;
	} else if (was->alert && !is->alert) {
		*ret = SHADOW_SILENCED;
		*ret_by = was;
	} else if (was->answer != is->answer) {
		*ret = SHADOW_ANSWERED;
	} else {
		return false;
	}
	return true;
}

static struct shadow_row *row_of(struct shadow *s, enum shadow_difference d,
				 const struct verdict *by)
{
	uint32_t at = by->rule ? by->rule_at : UINT32_MAX;
	struct shadow_row *row;

	for (size_t i = 0; i < s->n_rows; i++)
		if (s->rows[i].difference == d && s->rows[i].rule_at == at)
			return &s->rows[i];
	if (s->n_rows == SHADOW_ROWS_MAX)
		return NULL;
	row = &s->rows[s->n_rows++];
	*row = (struct shadow_row){ .difference = d, .rule_at = at };
	(void)snprintf(row->rule, sizeof(row->rule), "%s",
		       by->rule ? by->rule : "none");
	return row;
}

struct shadow_row *shadow_judge(struct shadow *s, const struct verdict *was,
				const struct event *ev, const struct image *img)
{
	enum shadow_difference d;
	const struct verdict *by;
	struct shadow_row *row;
	struct verdict is;

	/* What waits for facts is asked about when they are there. */
	if (!s->set || was->answer == ANSWER_PENDING)
		return NULL;
	is = rule_set_match(s->set, ev, img);
	s->judged++;
	if (is.answer == ANSWER_PENDING) {
		s->undecided++;
		return NULL;
	}
	if (!differs(was, &is, &d, &by))
		return NULL;
	s->differ[d]++;
	row = row_of(s, d, by);
	if (!row) {
		s->unlisted_rows++;
		return NULL;
	}
	row->count++;
	row->was = was->answer;
	row->is = is.answer;
	return row;
}

void shadow_kept(struct shadow_row *row, uint32_t epoch, uint64_t seq)
{
	if (!row)
		return;
	row->epoch = epoch;
	row->seq = seq;
}

void shadow_reset(struct shadow *s)
{
	s->since_wall_ns = clock_wall_ns();
	s->judged = s->undecided = s->unlisted_rows = s->n_rows = 0;
	memset(s->differ, 0, sizeof(s->differ));
}

void shadow_take(struct shadow *s, struct rule_set *fresh,
		 const struct rule_error *err)
{
	s->error[0] = '\0';
	if (!fresh) {
		if (err->line)
			(void)snprintf(s->error, sizeof(s->error), "%s:%u: %s",
				       err->file, err->line, err->what);
		else
			(void)snprintf(s->error, sizeof(s->error), "%s: %s",
				       err->file, err->what);
		return;
	}
	rule_set_free(s->set);
	s->set = fresh;
	shadow_reset(s);
}

void shadow_done(struct shadow *s)
{
	rule_set_free(s->set);
	s->set = NULL;
}
