// SPDX-License-Identifier: Apache-2.0
/*
 * A list in the order of arrival, which is that of the deadlines. Each keeps
 * the record as it came: an event borrows all it has from that, so it is read
 * once more when it is judged once more.
 */
#include "app/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/alerts.h"
#include "app/pipeline.h"
#include "app/shadow.h"
#include "base/clock.h"
#include "proc/proc_table.h"
#include "rules/rules.h"
#include "rules/stats.h"
#include "sense/decode.h"
#include "store/journal.h"
#include "trust/trust.h"

/* More is found out in each round: the files of one ancestor, of the next. */
#define ROUNDS_MAX 8u

struct waiting {
	struct waiting *next;
	struct image *img; /* a reference; NULL: nobody acted */
	/* Not read again; then img is no reference, but held by arg. */
	const struct event *recalled;
	void (*release)(void *arg);
	void *arg;
	struct amend_target target;
	uint64_t deadline_ns;
	size_t size;
	uint8_t data[];
};

struct pending {
	struct trust *trust;
	struct waiting *first, **end;
	size_t n, bytes;
	bool is_making;
	uint64_t asked_until_ns; /* who waited for it has until then */
	struct pending_stats stats;
};

int pending_new(struct trust *trust, struct pending **ret)
{
	struct pending *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->trust = trust;
	w->end = &w->first;
	*ret = w;
	return 0;
}

static void drop(struct waiting *of)
{
	if (of->recalled)
		of->release(of->arg);
	else
		image_unref(of->img);
	free(of);
}

static void drop_first(struct pending *w)
{
	struct waiting *first = w->first;

	w->first = first->next;
	if (!w->first)
		w->end = &w->first;
	w->n--;
	w->bytes -= first->size;
	drop(first);
}

void pending_free(struct pending *w)
{
	if (!w)
		return;
	while (w->first)
		drop_first(w);
	free(w);
}

void pending_stats(const struct pending *w, struct pending_stats *ret)
{
	*ret = w->stats;
	ret->waiting = w->n;
}

/* ---- finding out -------------------------------------------------------- */

static struct slice name_of(const struct image *img, bool script)
{
	if (script)
		return img->script;
	return img->exe.host_path.n ? img->exe.host_path : img->exe.path;
}

static struct trust_question question(const struct image *img, bool script,
				      bool wants_trust)
{
	return (struct trust_question){
		.path = name_of(img, script),
		.id = script ? img->script_file : img->exe_file,
		.wants_trust = wants_trust,
	};
}

/* 1: known; 0: not yet, and *ret what can be said meanwhile. */
static int ask(struct pending *w, const struct image *img, bool script,
	       bool wants_trust, struct trust_answer *ret)
{
	const struct trust_question q = question(img, script, wants_trust);

	*ret = (struct trust_answer){ 0 };
	if (!w->trust)
		return 0;
	return trust_ask(w->trust, &q, ret) == 1;
}

static struct file_facts *facts_of(struct image *img, bool script)
{
	return script ? &img->script_facts : &img->exe_facts;
}

/* The table's own: rules only ever see it through a const pointer. */
static struct image *own(const struct image *img)
{
	return (struct image *)(uintptr_t)img;
}

/* Fill in what is wanted, as far as it is known; false: nothing new. */
static bool learn(struct pending *w, const struct rule_wants *wants)
{
	struct trust_answer a;
	bool any = false;

	for (unsigned i = 0; i < wants->n; i++) {
		const struct rule_want *want = &wants->list[i];

		if (ask(w, want->img, want->script, want->trust, &a) != 1)
			continue;
		a.facts.known = true;
		*facts_of(own(want->img), want->script) = a.facts;
		any = true;
	}
	return any;
}

/*
 * What a program's files are decides nearly always, and is known if it ran
 * before: it need not be found wanting first. What is odd about a file, or in a
 * container, is left to the rules, which may not want to know.
 */
static void foresee(struct pending *w, const struct rule_set *rules,
		    struct image *img)
{
	struct rule_needs needs = rule_set_needs(rules);
	struct trust_answer a;

	if (!w->trust || !needs.facts || img->container.n || img->exe.flags ||
	    !img->exe_file.nlink)
		return;
	for (int script = 0; script <= 1; script++) {
		struct file_facts *f = facts_of(img, script);
		struct trust_question q = question(img, script, needs.trust);

		if (!f->known && q.id.known && q.path.n &&
		    trust_recall(w->trust, &q, &a))
			*f = a.facts;
	}
}

static struct verdict judge(struct pending *w, struct pipeline *p,
			    const struct event *ev, struct image *img)
{
	unsigned rounds = 0;
	struct verdict v;

	if (ev->kind == EVENT_EXEC && img)
		foresee(w, p->rules, img);
	v = rule_set_match(p->rules, ev, img);
	while (v.answer == ANSWER_PENDING && rounds++ < ROUNDS_MAX &&
	       learn(w, rule_set_wants(p->rules)))
		v = rule_set_match(p->rules, ev, img);
	return v;
}

/* ---- without knowing ---------------------------------------------------- */

struct guessed {
	struct file_facts *facts[ROUNDS_MAX * RULE_WANTS_MAX];
	unsigned n;
};

/* What is known so far, if only for now, stands for what is wanted. */
static void guess(struct pending *w, const struct rule_wants *wants,
		  struct guessed *g)
{
	struct trust_answer a;

	for (unsigned i = 0; i < wants->n; i++) {
		const struct rule_want *want = &wants->list[i];
		struct file_facts *f = facts_of(own(want->img), want->script);

		(void)ask(w, want->img, want->script, want->trust, &a);
		*f = a.facts;
		f->known = true;
		g->facts[g->n++] = f;
	}
}

/* Never pending. What was guessed is forgotten by unguess. */
static struct verdict judge_anyway(struct pending *w, struct pipeline *p,
				   const struct event *ev, struct image *img,
				   struct guessed *g)
{
	struct verdict v = rule_set_match(p->rules, ev, img);

	for (unsigned i = 0; i < ROUNDS_MAX && v.answer == ANSWER_PENDING;
	     i++) {
		guess(w, rule_set_wants(p->rules), g);
		v = rule_set_match(p->rules, ev, img);
	}
	if (v.answer == ANSWER_PENDING)
		v = (struct verdict){ .answer = ANSWER_UNLISTED };
	return v;
}

static void unguess(struct guessed *g)
{
	for (unsigned i = 0; i < g->n; i++)
		g->facts[i]->known = false;
}

struct verdict pending_judge(struct pending *w, struct pipeline *p,
			     const struct event *ev, struct image *img)
{
	struct verdict v = judge(w, p, ev, img);
	struct guessed g = { 0 };

	if (v.answer != ANSWER_PENDING || w->trust)
		return v;
	/* Nobody will ever find out. */
	v = judge_anyway(w, p, ev, img, &g);
	unguess(&g);
	return v;
}

/* ---- waiting ------------------------------------------------------------ */

static const char *package_of(struct pending *w, const struct image *img,
			      bool script, struct trust_answer *room)
{
	const struct file_facts *f =
		script ? &img->script_facts : &img->exe_facts;

	if (!f->known || f->trust == TRUST_UNKNOWN)
		return "";
	(void)ask(w, img, script, true, room);
	return room->package;
}

/* The final verdict of an event that waited. */
struct settled {
	const struct event *ev;
	struct verdict v;
	bool timed_out;
};

static void amend(struct pending *w, struct pipeline *p,
		  const struct waiting *of, struct settled *s)
{
	struct verdict *v = &s->v;
	struct trust_answer exe = { 0 }, script = { 0 };
	struct record_amends amends;
	struct resolution res = {
		.verdict = v,
		.img = of->img,
		.timed_out = s->timed_out,
		.exe_package = "",
		.script_package = "",
	};

	if (p->alerts && v->alert)
		alerts_judge(p->alerts, s->ev, of->img, v);
	if (of->img) {
		res.exe_package = package_of(w, of->img, false, &exe);
		res.script_package = package_of(w, of->img, true, &script);
	}
	amends = amend_begin(p, of->target, clock_boot_ns());
	record_pack_resolution(&p->packed, &amends, &res);
	if (!amend_end(p, &amends, v->alert ? JOURNAL_URGENT : 0))
		return;
	p->counts.alerts += v->alert;
	p->counts.answers[v->answer]++;
	if (p->alerts && (v->alert || v->repeated))
		alerts_kept(p->alerts, of->target);
	rule_set_sample(p->rules, v, of->target.epoch, of->target.seq);
}

static int read_again(struct pipeline *p, const struct waiting *of,
		      struct event *ret)
{
	const char *why;
	int r;

	if (of->recalled) {
		*ret = *of->recalled;
		return 0;
	}
	r = decode_record(of->data, of->size, p->scratch, ret, &why);
	if (r >= 0)
		pipeline_complete(p, ret);
	return r;
}

/* Its verdict, if it is known or time is over; false: it goes on waiting. */
static bool settle(struct pending *w, struct pipeline *p,
		   const struct waiting *of, bool last)
{
	struct guessed g = { 0 };
	struct verdict v;
	struct event ev;

	if (read_again(p, of, &ev) < 0)
		return true;
	v = pending_judge(w, p, &ev, of->img);
	if (v.answer == ANSWER_PENDING && !last)
		return false;
	if (v.answer == ANSWER_PENDING) {
		v = judge_anyway(w, p, &ev, of->img, &g);
		w->stats.timed_out++;
	}
	if (p->shadow)
		shadow_kept(shadow_judge(p->shadow, &v, &ev, of->img),
			    of->target.epoch, of->target.seq);
	amend(w, p, of, &(struct settled){ &ev, v, g.n });
	unguess(&g);
	return true;
}

void pending_expect(struct pending *w, struct pipeline *p,
		    const struct pending_event *e)
{
	struct waiting *of = malloc(sizeof(*of) + e->size);
	bool crowded = e->at_once || w->n >= PENDING_MAX ||
		       w->bytes + e->size > PENDING_BYTES;

	w->stats.waited++;
	if (!of) {
		w->stats.crowded++;
		if (e->recalled)
			e->release(e->arg);
		return;
	}
	*of = (struct waiting){
		.img = e->recalled ? e->img : image_ref(e->img),
		.recalled = e->recalled,
		.release = e->release,
		.arg = e->arg,
		.target = e->target,
		.deadline_ns = clock_boot_ns() + PENDING_MS * NS_PER_MS,
		.size = e->size,
	};
	if (e->size)
		memcpy(of->data, e->data, e->size);
	if (crowded) {
		w->stats.crowded++;
		(void)settle(w, p, of, true);
		drop(of);
		return;
	}
	*w->end = of;
	w->end = &of->next;
	w->n++;
	w->bytes += of->size;
}

void pending_making(struct pending *w, bool is_making, uint64_t now_ns)
{
	/* Once it is made, there is something to ask: as long as ever. */
	if (w->is_making && !is_making)
		w->asked_until_ns = now_ns + PENDING_MS * NS_PER_MS;
	w->is_making = is_making;
}

static uint64_t end_of(const struct pending *w, const struct waiting *of)
{
	const uint64_t last_ns =
		of->deadline_ns + (PENDING_MAKING_MS - PENDING_MS) * NS_PER_MS;

	if (w->is_making || w->asked_until_ns > last_ns)
		return last_ns;
	return of->deadline_ns > w->asked_until_ns ? of->deadline_ns
						   : w->asked_until_ns;
}

uint64_t pending_settle(struct pending *w, struct pipeline *p, uint64_t now_ns)
{
	struct waiting **at = &w->first, *of;

	while ((of = *at)) {
		if (!settle(w, p, of, now_ns >= end_of(w, of))) {
			at = &of->next;
			continue;
		}
		*at = of->next;
		if (!*at)
			w->end = at;
		w->n--;
		w->bytes -= of->size;
		drop(of);
	}
	return w->first ? end_of(w, w->first) : 0;
}
