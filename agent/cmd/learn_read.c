// SPDX-License-Identifier: Apache-2.0
#include "cmd/learn_read.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/findings_read.h"
#include "cmd/progress.h"
#include "cmd/query_read.h"
#include "out/recall.h"
#include "rules/rules.h"

struct reading {
	struct learn *learn;  /* or ... */
	struct rule_set *set; /* ... to be asked */
	struct learn_proof *proof;
	struct recall *recall;
	struct progress progress;
};

static int prove(struct reading *q, const struct event *ev,
		 const struct image *img)
{
	struct verdict v = rule_set_match(q->set, ev, img);

	if (v.answer == ANSWER_NONE)
		return 0;
	q->proof->events++;
	q->proof->allowed += v.answer == ANSWER_ALLOWED ||
			     (v.answer == ANSWER_IGNORED && v.rule);
	q->proof->denied += v.answer == ANSWER_DENIED;
	q->proof->unlisted += v.answer == ANSWER_UNLISTED ||
			      v.answer == ANSWER_PENDING ||
			      (v.answer == ANSWER_IGNORED && !v.rule);
	return 0;
}

static int take(void *arg, const struct view_images *images,
		const struct view *v)
{
	struct reading *q = arg;
	const struct image *img;
	struct event ev;
	int r;

	progress_step(&q->progress, v->wall_ns);
	r = recall_event(q->recall, images, v, &ev, &img);
	if (r <= 0 || ev.kind == EVENT_EXIT || ev.canary)
		return r;
	/* Rules that expire are asked as of the event's own time. */
	ev.time_ns = (uint64_t)(v->event->wall_ns - clock_offset_ns());
	return q->learn ? learn_take(q->learn, v, &ev, img)
			: prove(q, &ev, img);
}

static int read_all(const struct learn_source *s, struct reading *q,
		    const char *what)
{
	const struct query_source source = {
		.dir = s->journal,
		.span = s->span,
		.match = s->match,
		.take = take,
		.arg = q,
	};
	struct findings *findings = NULL;
	struct query_sum sum = { 0 };
	int r;

	progress_begin(&q->progress, what, s->span.to_ns);
	r = recall_new(&q->recall);
	if (r >= 0)
		r = findings_read(s->journal, &s->span, &findings);
	if (r >= 0) {
		if (q->learn)
			findings_tell(findings);
		recall_use(q->recall, findings);
		r = query_read(&source, &sum);
	}
	progress_end(&q->progress);
	recall_free(q->recall);
	findings_free(findings);
	return r;
}

int learn_read(const struct learn_source *s, struct learn *l)
{
	struct reading q = { .learn = l };

	return read_all(s, &q, "learning");
}

int learn_prove(const struct learn_source *s, struct rule_set *set,
		struct learn_proof *ret)
{
	struct learn_proof proof = { 0 };
	struct reading q = { .set = set, .proof = &proof };
	int r = read_all(s, &q, "trying what was learned");

	if (r >= 0)
		*ret = proof;
	return r;
}
