// SPDX-License-Identifier: Apache-2.0
/*
 * The file to read first: what happens to a record, stage by stage.
 *
 *   decode    bytes -> event                     sense/decode.c
 *   who       event -> image that acted          proc/proc_table.c
 *   judge     event, image -> verdict            rules/match.c
 *   repeat    verdict -> alert, or one of many   app/alerts.c
 *   describe  image without its secrets -> journal, once a segment
 *                                                app/describe.c
 *   keep      event, verdict -> journal          out/record.c, store/journal.c
 *   later     outcome, totals -> amendments      app/outcomes.c, app/totals.c
 *
 * One record is finished before the next begins, in the ring's order, which
 * is the order. Nothing here waits for the disk or the network.
 */
#include "app/pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "app/alerts.h"
#include "app/canary.h"
#include "app/describe.h"
#include "app/likes.h"
#include "app/outcomes.h"
#include "app/pending.h"
#include "app/shadow.h"
#include "app/totals.h"
#include "limits.h"
#include "out/record.h"
#include "proc/proc_table.h"
#include "rules/rules.h"
#include "rules/stats.h"
#include "sense/decode.h"
#include "sense/sensor.h"
#include "store/journal.h"
#include "trust/trust.h"

/* What becomes of an event of this kind once its process is known. */
enum fate { FATE_TRACK, FATE_KEEP, FATE_JUDGE, FATE_AMEND };

static const enum fate fates[EVENT_KIND_COUNT] = {
	[EVENT_FORK] = FATE_TRACK,	     [EVENT_CGROUP] = FATE_TRACK,
	[EVENT_EXEC] = FATE_JUDGE,	     [EVENT_CONNECT] = FATE_JUDGE,
	[EVENT_WRITE] = FATE_JUDGE,	     [EVENT_EXIT] = FATE_KEEP,
	[EVENT_CONNECT_RESULT] = FATE_AMEND, [EVENT_SCRIPT] = FATE_TRACK,
	[EVENT_LISTEN] = FATE_JUDGE,	     [EVENT_LOAD] = FATE_JUDGE,
	[EVENT_TAMPER] = FATE_JUDGE,
};

int pipeline_init(struct pipeline *p)
{
	int r;

	p->scratch = malloc(sizeof(*p->scratch));
	if (!p->scratch)
		return -ENOMEM;
	buf_init(&p->packed, PICKET_RECORD_MAX);
	buf_init(&p->redacted, REDACT_SCRATCH_MAX);
	r = outcomes_new(&p->outcomes);
	if (r >= 0)
		r = totals_new(p, &p->totals);
	if (r >= 0)
		r = likes_new(&p->likes);
	if (r < 0)
		pipeline_done(p);
	return r;
}

void pipeline_done(struct pipeline *p)
{
	free(p->scratch);
	p->scratch = NULL;
	buf_done(&p->packed);
	buf_done(&p->redacted);
	outcomes_free(p->outcomes);
	p->outcomes = NULL;
	totals_free(p->totals);
	p->totals = NULL;
	likes_free(p->likes);
	p->likes = NULL;
}

/* The names as the host has them, so that a bind mount evades no rule. */
static void add_host_paths(struct pipeline *p, struct event *ev)
{
	struct write_info *w = &ev->write;

	if (ev->kind == EVENT_LOAD && ev->load.path.path.n)
		proc_table_host_path(p->procs, ev->actor.mnt_ns, &ev->load.file,
				     &ev->load.path);
	if (ev->kind != EVENT_WRITE)
		return;
	/* A rename or link stays on one device: it is that of both names. */
	proc_table_host_path(p->procs, ev->actor.mnt_ns, &w->file, &w->path);
	if (w->new_path.path.n)
		proc_table_host_path(p->procs, ev->actor.mnt_ns, &w->file,
				     &w->new_path);
}

/* Whom an act of one process on another is aimed at. */
static void add_target(struct pipeline *p, struct event *ev)
{
	if (ev->kind == EVENT_TAMPER && ev->tamper.target.start_ns)
		ev->tamper.target_img = proc_table_find(
			p->procs, ev->tamper.target, ev->tamper.target_image);
}

void pipeline_complete(struct pipeline *p, struct event *ev)
{
	add_host_paths(p, ev);
	add_target(p, ev);
}

/* What was found out about a file ends with a change of it. */
static void forget_facts(struct pipeline *p, const struct event *ev)
{
	const struct write_info *w = &ev->write;

	if (!p->trust || ev->kind != EVENT_WRITE)
		return;
	trust_written(p->trust, &w->file);
	/* Of a directory it says who may write below. */
	if (w->op == OP_CHMOD || w->op == OP_CHOWN || w->op == OP_XATTR)
		trust_way_changed(p->trust, w->path.host_path.n
						    ? w->path.host_path
						    : w->path.path);
}

/* What a rule ignores, and what is unlisted and to be dropped, is counted. */
static bool is_wanted(struct pipeline *p, const struct verdict *v)
{
	p->counts.answers[v->answer]++;
	if (v->answer != ANSWER_IGNORED)
		return true;
	if (!v->rule)
		p->counts.dropped++;
	return false;
}

/* An unwanted exec: its exit will not be wanted either. */
static void pass_over(const struct event *ev, struct image *img)
{
	if (img && ev->kind == EVENT_EXEC)
		img->is_unwanted = true;
}

/*
 * The end of a process that nothing in the journal speaks of, because its exec
 * was ignored or dropped, tells nobody anything.
 */
static bool is_exit_wanted(struct pipeline *p, const struct image *img)
{
	if (!img || !img->is_unwanted)
		return true;
	for (; img; img = img->prev)
		if (img->described_in)
			return true;
	p->counts.dropped++;
	return false;
}

/* Into the journal, its process described before it. Returns its number. */
static uint64_t keep(struct pipeline *p, const struct event *ev,
		     struct image *img, const struct verdict *v)
{
	int64_t wall_ns = (int64_t)ev->time_ns + p->wall_offset_ns;
	const struct describer d = {
		.journal = p->journal,
		.likes = p->likes,
		.redactor = rule_set_redactor(p->rules),
		.key = &p->redact_key,
		.packed = &p->packed,
		.redacted = &p->redacted,
		.wall_ns = wall_ns,
	};
	uint64_t seq = 0;
	int r;

	describe_image(&d, journal_segment(p->journal), img);

	buf_reset(&p->packed);
	record_pack_event(&p->packed, ev, img, v, RECORD_WALL_OF_FRAME);
	if (p->packed.failed) {
		p->counts.refused++;
		return 0;
	}
	r = journal_append(p->journal, JOURNAL_EVENT,
			   v->alert ? JOURNAL_URGENT : 0, wall_ns,
			   buf_slice(&p->packed), &seq);
	if (r < 0) {
		p->counts.refused++;
		return 0;
	}
	p->counts.kept[ev->kind]++;
	if (v->alert)
		p->counts.alerts++;
	return seq;
}

/* Remember what will be known later of an event that was kept. */
static void expect_more(struct pipeline *p, const struct event *ev,
			struct amend_target target)
{
	if (ev->kind == EVENT_CONNECT && !ev->connect.is_send &&
	    !ev->connect.is_socket)
		outcomes_expect(p->outcomes, ev, target);
	else if (ev->kind == EVENT_WRITE)
		totals_expect(p->totals, ev, target);
}

/* picket's own test of itself: marked, judged, and never an alert. */
static bool is_canary(struct pipeline *p, struct event *ev,
		      const struct image *img)
{
	ev->canary = p->canary && canary_is(p->canary, ev, img);
	return ev->canary;
}

/* One record on its way from the ring to the journal. */
struct passing {
	const void *data;
	size_t size;
	struct event ev;
	struct image *img; /* NULL: not known */
	struct verdict v;
	struct shadow_row *shadowed;
};

/* False: the policy does not want it in the journal. */
static bool judge(struct pipeline *p, struct passing *x)
{
	pipeline_complete(p, &x->ev);
	forget_facts(p, &x->ev);
	x->v = pending_judge(p->pending, p, &x->ev, x->img);
	if (!is_canary(p, &x->ev, x->img) && p->shadow)
		x->shadowed = shadow_judge(p->shadow, &x->v, &x->ev, x->img);
	if (x->ev.canary)
		x->v.alert = false;
	if (x->ev.canary || is_wanted(p, &x->v))
		return true;
	pass_over(&x->ev, x->img);
	return false;
}

/* The event is in the journal as target: tell those who go on with it. */
static void kept(struct pipeline *p, struct passing *x,
		 struct amend_target target)
{
	shadow_kept(x->shadowed, target.epoch, target.seq);
	if (!x->ev.canary)
		rule_set_sample(p->rules, &x->v, target.epoch, target.seq);
	sensor_kept(p->sensor, target.epoch, target.seq);
	expect_more(p, &x->ev, target);
	if (x->ev.canary)
		canary_kept(p->canary, &x->ev, target.seq);
	else if (x->v.answer == ANSWER_PENDING)
		pending_expect(p->pending, p,
			       &(struct pending_event){ .data = x->data,
							.size = x->size,
							.img = x->img,
							.target = target });
}

static void journal(struct pipeline *p, struct passing *x)
{
	struct amend_target target = { .epoch = p->epoch };

	if (p->alerts && x->v.alert)
		alerts_judge(p->alerts, &x->ev, x->img, &x->v);
	target.seq = keep(p, &x->ev, x->img, &x->v);
	if (p->alerts && (x->v.alert || x->v.repeated))
		alerts_kept(p->alerts, target);
	if (target.seq)
		kept(p, x, target);
}

int pipeline_record(void *pipeline, const void *data, size_t size)
{
	struct passing x = { .data = data, .size = size };
	struct pipeline *p = pipeline;
	int family, r;

	family = decode_family(data, size);
	if (family >= 0)
		p->counts.received[family]++;
	r = decode_record(data, size, p->scratch, &x.ev, &p->last_bad);
	if (r < 0) {
		p->counts.bad++;
		return 0;
	}

	r = proc_table_apply(p->procs, &x.ev, &x.img);
	if (r < 0)
		return r;

	switch (fates[x.ev.kind]) {
	case FATE_TRACK:
		return 0;
	case FATE_AMEND:
		outcomes_settle(p->outcomes, p, &x.ev);
		return 0;
	case FATE_JUDGE:
		if (!judge(p, &x))
			return 0;
		break;
	case FATE_KEEP:
		/* Totals first: they are of events before this exit. */
		totals_of_process(p->totals, x.ev.actor.proc, x.ev.time_ns);
		if (!is_canary(p, &x.ev, x.img) && !is_exit_wanted(p, x.img))
			return 0;
		break;
	}
	journal(p, &x);
	return 0;
}

void pipeline_seen(void *pipeline, const struct sensor_seen *seen)
{
	struct pipeline *p = pipeline;
	struct image *img = NULL;
	struct event ev;

	if (decode_record(seen->data, seen->size, p->scratch, &ev,
			  &p->last_bad) < 0 ||
	    proc_table_apply(p->procs, &ev, &img) < 0)
		return;
	if (ev.kind == EVENT_CONNECT_RESULT)
		outcomes_forget(p->outcomes, &ev);
	else if (seen->seq)
		expect_more(p, &ev,
			    (struct amend_target){ .epoch = seen->epoch,
						   .seq = seen->seq });
}
