// SPDX-License-Identifier: Apache-2.0
/*
 * One pass. Rules that expire are asked as of the event's own wall clock. What
 * a policy ignored or dropped was never recorded, so it cannot come back here.
 */
#include "cmd/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cmd/findings_read.h"
#include "cmd/progress.h"
#include "cmd/query_read.h"
#include "out/recall.h"
#include "out/text.h"
#include "rules/rules.h"

#define LINE_BYTES (1u << 20)

struct replaying {
	struct replay *r;
	struct recall *recall;
	struct findings *findings;
	struct buf line;
	size_t cap; /* of r->changes */
	struct progress progress;
};

static enum answer answer_recorded(uint64_t answer)
{
	static const enum answer answers[] = {
		[PICKET__V1__ANSWER__ANSWER_NONE] = ANSWER_NONE,
		[PICKET__V1__ANSWER__ANSWER_ALLOWED] = ANSWER_ALLOWED,
		[PICKET__V1__ANSWER__ANSWER_DENIED] = ANSWER_DENIED,
		[PICKET__V1__ANSWER__ANSWER_UNLISTED] = ANSWER_UNLISTED,
		[PICKET__V1__ANSWER__ANSWER_PENDING] = ANSWER_PENDING,
		[PICKET__V1__ANSWER__ANSWER_IGNORED] = ANSWER_IGNORED,
	};

	return answer < sizeof(answers) / sizeof(answers[0]) ? answers[answer]
							     : ANSWER_NONE;
}

/* What the journal says was said. */
static struct verdict recorded(const struct view *v)
{
	const Picket__V1__Verdict *d = v->event->verdict;
	struct verdict was = { 0 };

	if (!d)
		return was;
	was.answer = answer_recorded((uint64_t)d->answer);
	was.alert = d->alert || d->repeated;
	was.rule = d->rule && *d->rule ? d->rule : NULL;
	if ((unsigned)d->severity < SEVERITY_COUNT)
		was.severity = (enum severity)d->severity;
	return was;
}

/* A verdict that waited is what it became. */
static struct verdict settled(struct replaying *p, const struct view *v)
{
	struct verdict was = recorded(v);
	const struct settled *s;

	if (was.answer != ANSWER_PENDING)
		return was;
	s = findings_verdict(p->findings, v->epoch, v->seq);
	if (!s)
		return was;
	was.answer = answer_recorded(s->answer);
	was.alert = s->alert;
	was.severity = (enum severity)s->severity;
	was.rule = *s->rule ? s->rule : NULL;
	return was;
}

static void count(struct replay_tally *t, const struct verdict *v)
{
	t->answers[v->answer]++;
	t->alerts += v->alert;
}

static struct replay_change *change_of(struct replaying *p,
				       const struct verdict *v, bool silenced)
{
	const char *rule = v->rule ? v->rule : "none";
	struct replay *r = p->r;
	struct replay_change *more;

	for (size_t i = 0; i < r->n_changes; i++)
		if (r->changes[i].silenced == silenced &&
		    !strcmp(r->changes[i].rule, rule))
			return &r->changes[i];
	if (r->n_changes == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		more = reallocarray(r->changes, p->cap, sizeof(*more));
		if (!more)
			return NULL;
		r->changes = more;
	}
	more = &r->changes[r->n_changes++];
	*more = (struct replay_change){ .silenced = silenced,
					.severity = v->severity };
	(void)snprintf(more->rule, sizeof(more->rule), "%s", rule);
	return more;
}

static int add_sample(struct replaying *p, struct replay_change *c,
		      const struct view_images *images, const struct view *v)
{
	const struct text_style style = { .with_date = true };
	struct replay_sample *s = &c->samples[c->count];
	char uid[VIEW_UID_MAX];

	buf_reset(&p->line);
	text_line(&p->line, images, v, &style);
	buf_add_char(&p->line, '\0');
	s->uid = strdup(view_uid(v, uid));
	s->line = strdup(p->line.failed ? "" : p->line.p);
	return s->uid && s->line ? 0 : -ENOMEM;
}

static int note(struct replaying *p, const struct view_images *images,
		const struct view *v, const struct verdict *by)
{
	struct replay_change *c = change_of(p, by, !by->alert);
	int r = 0;

	if (!c)
		return -ENOMEM;
	if (c->count < REPLAY_SAMPLES)
		r = add_sample(p, c, images, v);
	c->count++;
	return r;
}

static int compare(struct replaying *p, const struct view_images *images,
		   const struct view *v, const struct verdict pair[2])
{
	const struct verdict *was = &pair[0], *is = &pair[1];
	struct verdict by;

	if (was->answer == ANSWER_PENDING && !p->r->against) {
		p->r->unsettled++;
		return 0;
	}
	if (was->alert == is->alert)
		return 0;
	if (was->redacted || is->redacted) {
		p->r->redacted++;
		return 0;
	}
	/* An alert is its rule's that raises it, or that raised it. */
	by = is->alert ? *is : *was;
	by.alert = is->alert;
	if (is->alert)
		p->r->alerted++;
	else
		p->r->silenced++;
	return note(p, images, v, &by);
}

static int take(void *arg, const struct view_images *images,
		const struct view *v)
{
	struct replaying *p = arg;
	struct replay *r = p->r;
	struct verdict pair[2];
	const struct image *img;
	struct event ev;
	int k;

	progress_step(&p->progress, v->wall_ns);
	k = recall_event(p->recall, images, v, &ev, &img);
	/* picket's own tests raise no alert, whatever the policy says. */
	if (k <= 0 || ev.kind == EVENT_EXIT || ev.canary)
		return k;
	ev.time_ns = (uint64_t)(v->event->wall_ns - clock_offset_ns());
	pair[0] = r->against ? rule_set_match(r->against, &ev, img)
			     : settled(p, v);
	pair[1] = rule_set_match(r->set, &ev, img);
	if (!r->events++)
		r->first_ns = v->wall_ns;
	r->last_ns = v->wall_ns;
	count(&r->before, &pair[0]);
	count(&r->now, &pair[1]);
	if (r->expects)
		expects_take(r->expects, v, &pair[1]);
	return compare(p, images, v, pair);
}

static int by_count(const void *a, const void *b)
{
	const struct replay_change *x = a, *y = b;

	if (x->silenced != y->silenced)
		return x->silenced - y->silenced;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->rule, y->rule);
}

int replay_run(struct replay *r, const struct replay_source *of)
{
	struct replaying p = { .r = r };
	const struct query_source source = {
		.dir = of->journal,
		.span = of->span,
		.match = of->match,
		.take = take,
		.arg = &p,
	};
	struct query_sum sum = { 0 };
	int k;

	buf_init(&p.line, LINE_BYTES);
	progress_begin(&p.progress, "replaying", of->span.to_ns);
	k = recall_new(&p.recall);
	if (k >= 0)
		k = findings_read(of->journal, &of->span, &p.findings);
	if (k >= 0) {
		findings_tell(p.findings);
		recall_use(p.recall, p.findings);
		k = query_read(&source, &sum);
	}
	progress_end(&p.progress);
	r->bad = sum.bad;
	if (r->n_changes)
		qsort(r->changes, r->n_changes, sizeof(*r->changes), by_count);
	recall_free(p.recall);
	findings_free(p.findings);
	buf_done(&p.line);
	return k;
}

void replay_done(struct replay *r)
{
	for (size_t i = 0; i < r->n_changes; i++) {
		for (size_t k = 0; k < REPLAY_SAMPLES; k++) {
			free(r->changes[i].samples[k].uid);
			free(r->changes[i].samples[k].line);
		}
	}
	free(r->changes);
	r->changes = NULL;
	r->n_changes = 0;
}
