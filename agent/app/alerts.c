// SPDX-License-Identifier: Apache-2.0
/*
 * (rule, subject) -> its window. Nothing is told of a window in which nothing
 * was held back.
 */
#include "app/alerts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/alert_known.h"
#include "app/alert_windows.h"
#include "app/pipeline.h"
#include "base/clock.h"

/* Windows ended in one call of alerts_due. */
#define DUE_BATCH 256

struct alerts {
	struct alert_limits limits;
	struct pipeline *p;
	struct windows *windows;
	bool has_changed; /* since windows were written */
	EVP_MD_CTX *hash;
	struct known *known;
	struct alert_stats stats;
	/* Between alerts_judge and alerts_kept. */
	struct subject_key judged;
	int64_t judged_wall_ns;
	bool is_judged, has_passed, is_unlisted;
};

_Static_assert(sizeof(struct subject_key) == KNOWN_KEY, "one key for both");

int alerts_new(const struct alert_limits *limits, struct pipeline *p,
	       struct alerts **ret)
{
	struct alerts *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->limits = *limits;
	a->p = p;
	a->hash = EVP_MD_CTX_new();
	if (!a->hash || windows_new(limits->subjects, &a->windows) < 0 ||
	    known_new(limits->subjects, &a->known) < 0) {
		alerts_free(a);
		return -ENOMEM;
	}
	*ret = a;
	return 0;
}

void alerts_free(struct alerts *a)
{
	if (!a)
		return;
	windows_free(a->windows);
	known_free(a->known);
	EVP_MD_CTX_free(a->hash);
	free(a);
}

/* ---- windows ------------------------------------------------------------ */

/* One that this window has not told of, while it may. */
static bool is_new_object(const struct alerts *a, struct window *w,
			  uint64_t object)
{
	unsigned i;

	for (i = 0; i < a->limits.objects && w->objects[i]; i++) {
		if (w->objects[i] == object)
			return false;
	}
	if (i == a->limits.objects)
		return false;
	w->objects[i] = object;
	return true;
}

static int64_t end_of(const struct alerts *a, const struct window *w)
{
	return w->since_ns + (int64_t)a->limits.window_ns;
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* False: there is nothing to tell, or nowhere. */
static bool tell(struct alerts *a, const struct window *w, uint64_t now_ns)
{
	struct pipeline *p = a->p;
	int64_t until_ns = earlier(end_of(a, w), (int64_t)now_ns);
	const struct alert_repeats told = {
		.count = w->count,
		.alerted = w->alerted,
		.last_epoch = w->last.epoch,
		.last_seq = w->last.seq,
		.since_ns = w->since_ns > 0 ? (uint64_t)w->since_ns : 0,
		.since_wall_ns = w->since_ns + p->wall_offset_ns,
		.until_wall_ns = until_ns + p->wall_offset_ns,
		.kind = w->kind,
		.severity = w->severity,
		.rule = w->rule[0] ? w->rule : NULL,
		.tag = w->tag[0] ? w->tag : NULL,
	};
	struct record_amends of;

	if (w->count == w->alerted || !w->first.seq)
		return false;
	/* All of it was told of before: no alert is here that a sum amends. */
	if (!w->objects[0])
		return false;
	of = amend_begin(p, w->first, now_ns);
	record_pack_alert_repeats(&p->packed, &of, &told);
	if (!amend_end(p, &of, 0))
		return false;
	a->stats.summaries++;
	return true;
}

static void end_first(struct alerts *a, uint64_t now_ns)
{
	const struct window gone = *windows_first(a->windows);

	windows_end_first(a->windows);
	a->has_changed = true;
	(void)tell(a, &gone, now_ns);
}

/* When the first of them is over; there is one. Of this boot, if not 0. */
static uint64_t first_end(struct alerts *a)
{
	int64_t end_ns = end_of(a, windows_first(a->windows));

	return end_ns > 0 ? (uint64_t)end_ns : 0;
}

static struct window *begin(struct alerts *a, const struct subject_key *key,
			    const struct event *ev, const struct verdict *v)
{
	struct window *w;

	if (windows_are_full(a->windows)) {
		a->stats.evicted++;
		end_first(a, ev->time_ns);
	}
	w = windows_begin(a->windows, key);
	*w = (struct window){
		.since_ns = (int64_t)ev->time_ns,
		.severity = v->severity,
		.kind = ev->kind,
	};
	if (v->rule)
		(void)snprintf(w->rule, sizeof(w->rule), "%s", v->rule);
	if (v->tag)
		(void)snprintf(w->tag, sizeof(w->tag), "%s", v->tag);
	return w;
}

uint64_t alerts_due(struct alerts *a, uint64_t now_ns)
{
	uint64_t end;
	unsigned i;

	for (i = 0; i < DUE_BATCH && windows_count(a->windows); i++) {
		end = first_end(a);
		if (end > now_ns)
			return end;
		end_first(a, now_ns);
	}
	return windows_count(a->windows) ? now_ns : 0;
}

void alerts_tell_open(struct alerts *a, uint64_t now_ns)
{
	struct window *w;
	size_t i;

	for (i = 0; i < windows_count(a->windows); i++) {
		w = windows_at(a->windows, i);
		if (!tell(a, w, now_ns))
			continue;
		w->count = w->alerted = 0;
		a->has_changed = true;
	}
}

/* ---- alerts ------------------------------------------------------------- */

static int64_t wall_of(const struct alerts *a, const struct event *ev)
{
	return (int64_t)ev->time_ns + a->p->wall_offset_ns;
}

/* In an earlier window, or by a picket before this one. */
static bool is_told(struct alerts *a, const struct event *ev)
{
	return a->is_unlisted &&
	       known_has(a->known, a->judged.hash,
			 wall_of(a, ev) - (int64_t)a->limits.unlisted_ns);
}

/* The window that the event falls into, which is judged from here on. */
static struct window *window_of(struct alerts *a, const struct event *ev,
				const struct image *img,
				const struct verdict *v)
{
	struct window *w;

	/* What is over and has not been told yet must not swallow this one. */
	while (windows_count(a->windows) &&
	       (int64_t)first_end(a) <= (int64_t)ev->time_ns)
		end_first(a, ev->time_ns);
	a->judged = alert_subject(a->hash, ev, img, v);
	w = windows_get(a->windows, &a->judged);
	if (!w)
		w = begin(a, &a->judged, ev, v);
	a->is_judged = true;
	a->is_unlisted = alert_is_unlisted(ev, v);
	a->judged_wall_ns = wall_of(a, ev);
	w->count++;
	return w;
}

void alerts_judge(struct alerts *a, const struct event *ev,
		  const struct image *img, struct verdict *v)
{
	struct window *w;

	a->is_judged = false;
	if (!v->alert || !a->limits.window_ns)
		return;
	w = window_of(a, ev, img, v);
	a->has_passed = !is_told(a, ev) &&
			is_new_object(a, w, alert_object(a->hash, ev));
	w->alerted += a->has_passed;
	v->alert = a->has_passed;
	v->repeated = !a->has_passed;
}

void alerts_kept(struct alerts *a, struct amend_target target)
{
	struct window *w;

	if (!a->is_judged)
		return;
	a->is_judged = false;
	w = windows_get(a->windows, &a->judged);
	if (!w)
		return;
	a->has_changed = true;
	if (target.seq) {
		if (!w->first.seq)
			w->first = target;
		w->last = target;
		a->stats.repeated += !a->has_passed;
		if (a->has_passed && a->is_unlisted)
			known_add(a->known, a->judged.hash, a->judged_wall_ns);
		return;
	}
	/* Nobody will read of it: the next one is to be told again. */
	w->count--;
	if (a->has_passed) {
		w->alerted--;
		memset(w->objects, 0, sizeof(w->objects));
	}
}

/* ---- those of a picket before this one ----------------------------------- */

void alerts_recall(struct alerts *a, const struct event *ev,
		   const struct image *img, const struct recalled_alert *was)
{
	struct window *w;
	bool has_alerted;

	if (!a->limits.window_ns)
		return;
	w = window_of(a, ev, img, &was->verdict);
	a->has_passed = was->verdict.alert;
	if (a->has_passed) {
		/* Told of already, perhaps, and counted no more. */
		has_alerted = w->alerted || w->objects[0];
		(void)is_new_object(a, w, alert_object(a->hash, ev));
		w->alerted++;
		/* What is amended is an alert, if there is one. */
		if (!has_alerted)
			w->first = was->target;
	}
	alerts_kept(a, was->target);
	a->stats.repeated -= !a->has_passed;
}

static bool is_after(struct amend_target a, struct amend_target b)
{
	return a.epoch != b.epoch ? a.epoch > b.epoch : a.seq > b.seq;
}

void alerts_recall_end(struct alerts *a, struct amend_target of)
{
	const struct window *w;
	struct amend_target ended;

	/* They end in the order they began: those before it have, too. */
	while ((w = windows_first(a->windows)) && !is_after(w->first, of)) {
		ended = w->first;
		windows_end_first(a->windows);
		a->has_changed = true;
		if (ended.seq == of.seq && ended.epoch == of.epoch)
			return;
	}
}

bool alerts_have_changed(const struct alerts *a)
{
	return a->has_changed;
}

void alerts_write(struct alerts *a, struct buf *out,
		  const struct windows_file *head)
{
	windows_write(a->windows, out, head);
	a->has_changed = false;
}

int alerts_read(struct alerts *a, struct slice file, struct windows_file *head)
{
	return windows_read(a->windows, file, head);
}

struct known *alerts_known(struct alerts *a)
{
	return a->limits.window_ns ? a->known : NULL;
}

void alerts_stats(const struct alerts *a, struct alert_stats *ret)
{
	*ret = a->stats;
	ret->subjects = windows_count(a->windows);
}
