// SPDX-License-Identifier: Apache-2.0
#include "cmd/why_effect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cmd/findings_read.h"
#include "cmd/query_read.h"
#include "out/recall.h"
#include "out/text.h"
#include "rules/rules.h"

#define LINE_BYTES (1u << 20)

struct measuring {
	struct why_effect *e;
	struct recall *recall;
	struct buf line;
};

static int add_sample(struct measuring *m, const struct view_images *images,
		      const struct view *v)
{
	const struct text_style style = { .with_date = true };
	char **to = &m->e->samples[m->e->events];

	buf_reset(&m->line);
	text_line(&m->line, images, v, &style);
	buf_add_char(&m->line, '\0');
	*to = strdup(m->line.failed ? "" : m->line.p);
	return *to ? 0 : -ENOMEM;
}

static int take(void *arg, const struct view_images *images,
		const struct view *v)
{
	struct measuring *m = arg;
	const struct image *img;
	struct verdict was, is;
	struct event ev;
	int r;

	r = recall_event(m->recall, images, v, &ev, &img);
	if (r <= 0 || ev.kind == EVENT_EXIT || ev.canary)
		return r;
	ev.time_ns = (uint64_t)(v->event->wall_ns - clock_offset_ns());
	is = rule_set_match(m->e->after, &ev, img);
	if (is.answer != ANSWER_ALLOWED)
		return 0;
	was = rule_set_match(m->e->before, &ev, img);
	if (was.answer == ANSWER_ALLOWED)
		return 0;
	r = m->e->events < WHY_SAMPLES ? add_sample(m, images, v) : 0;
	m->e->events++;
	m->e->alerts += was.alert;
	return r;
}

int why_effect_read(struct why_effect *e, const char *journal,
		    const struct span *span)
{
	const struct query_match any = { 0 };
	struct measuring m = { .e = e };
	const struct query_source source = {
		.dir = journal,
		.span = *span,
		.match = &any,
		.take = take,
		.arg = &m,
	};
	struct findings *findings = NULL;
	struct query_sum sum = { 0 };
	int r;

	buf_init(&m.line, LINE_BYTES);
	r = recall_new(&m.recall);
	if (r >= 0)
		r = findings_read(journal, span, &findings);
	if (r >= 0) {
		findings_tell(findings);
		recall_use(m.recall, findings);
		r = query_read(&source, &sum);
	}
	recall_free(m.recall);
	findings_free(findings);
	buf_done(&m.line);
	return r;
}

void why_effect_done(struct why_effect *e)
{
	for (size_t i = 0; i < WHY_SAMPLES; i++)
		free(e->samples[i]);
	*e = (struct why_effect){ 0 };
}
