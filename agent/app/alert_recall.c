// SPDX-License-Identifier: Apache-2.0
/*
 * The journal's end is gone through twice: for what became of verdicts that
 * were pending, and of files, and then for the alerts themselves, in order.
 * They are found again by who did what, as when they were judged; so nothing
 * has to be written for an event that is one of many.
 */
#include "app/alert_recall.h"

#include <inttypes.h>

#include "app/agent.h"
#include "app/alerts.h"
#include "app/journal_end.h"
#include "base/clock.h"
#include "base/log.h"
#include "out/findings.h"
#include "out/recall.h"

/* More than comes between the file and the end (alert_state.c), by far. */
#define SPAN_MAX 131072u

struct alert_recall {
	struct agent *a;
	uint64_t as_of;
	uint64_t first; /* that is an alert since, if it is not after as_of */
	struct findings *findings;
	struct recall *recall;
};

static int note(void *arg, const struct view_images *images, struct view *v)
{
	const Picket__V1__Amendment *m = v->amendment;
	struct alert_recall *of = arg;

	(void)images;
	findings_take(of->findings, v);
	/* It was pending when the windows were written. */
	if (m && m->resolution && m->seq < of->first &&
	    (m->resolution->verdict->alert || m->resolution->verdict->repeated))
		of->first = m->seq;
	return 0;
}

static const char *named(const char *s)
{
	return s && *s ? s : NULL;
}

static enum severity severity_of(unsigned severity)
{
	return severity < SEVERITY_COUNT ? (enum severity)severity
					 : SEVERITY_NONE;
}

/*
 * Was it an alert, or one of many, since as_of? As it was kept, or settled: of
 * what was settled before that nothing was read.
 */
static bool was_alert(const struct alert_recall *of, const struct view *v,
		      struct verdict *ret)
{
	const Picket__V1__Verdict *m = v->event->verdict;
	const struct settled *s;

	if (!m || v->event->canary)
		return false;
	if (m->answer != PICKET__V1__ANSWER__ANSWER_PENDING) {
		*ret = (struct verdict){
			.alert = m->alert,
			.repeated = m->repeated,
			.severity = severity_of((unsigned)m->severity),
			.rule = named(m->rule),
			.tag = named(m->tag),
		};
		return (m->alert || m->repeated) && v->seq > of->as_of;
	}
	s = findings_verdict(of->findings, v->epoch, v->seq);
	if (!s || !s->alert)
		return false;
	*ret = (struct verdict){
		.alert = !s->repeated,
		.repeated = s->repeated,
		.severity = severity_of(s->severity),
		.rule = named(s->rule),
		.tag = named(s->tag),
	};
	return true;
}

/* When it was: of another boot, perhaps, or before the clock was set back. */
static uint64_t time_of(const struct agent *a, const struct view *v)
{
	int64_t then_ns = v->wall_ns - a->pipeline.wall_offset_ns;
	int64_t now_ns = (int64_t)clock_boot_ns();

	return (uint64_t)(then_ns < now_ns ? then_ns : now_ns);
}

static int take(void *arg, const struct view_images *images, struct view *v)
{
	struct alert_recall *of = arg;
	struct pipeline *p = &of->a->pipeline;
	struct recalled_alert was = { .target = { v->seq, v->epoch } };
	const struct image *img;
	struct event ev;
	int r;

	if (v->amendment && v->amendment->repeats && v->seq > of->as_of)
		alerts_recall_end(p->alerts,
				  (struct amend_target){ v->amendment->seq,
							 v->amendment->epoch });
	if (!v->event || !was_alert(of, v, &was.verdict))
		return 0;
	r = recall_event(of->recall, images, v, &ev, &img);
	if (r != 1)
		return r;
	ev.time_ns = time_of(of->a, v);
	alerts_recall(p->alerts, &ev, img, &was);
	return 0;
}

/* Not further back than is worth it. */
static uint64_t bounded(const struct agent *a, uint64_t from)
{
	uint64_t next = a->opening.next_seq;

	return next > SPAN_MAX && from < next - SPAN_MAX ? next - SPAN_MAX
							 : from;
}

int alert_recall(struct agent *a, uint64_t as_of)
{
	uint64_t from = bounded(a, as_of + 1);
	struct alert_recall of = { .a = a, .as_of = as_of, .first = from };
	int r;

	/* Without a file it is not known that there was anything. */
	if (as_of && as_of + 1 < from)
		log_warning("alerts that repeated before picket was killed are "
			    "summed from record %" PRIu64 " on",
			    from);
	r = findings_new(&of.findings);
	if (r >= 0)
		r = recall_new(&of.recall);
	if (r >= 0) {
		recall_use(of.recall, of.findings);
		r = journal_end_read(a, from, note, &of);
	}
	if (r >= 0)
		r = journal_end_read(a, bounded(a, of.first), take, &of);
	recall_free(of.recall);
	findings_free(of.findings);
	return r;
}
