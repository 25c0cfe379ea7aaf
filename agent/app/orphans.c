// SPDX-License-Identifier: Apache-2.0
/*
 * The journal's end is gone through twice: first for the numbers of what is
 * pending and never settled, then for those events themselves, which wait with
 * the others from then on. Their images are made of the journal's, since the
 * processes may be gone.
 */
#include "app/orphans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/agent.h"
#include "app/journal_end.h"
#include "app/pending.h"
#include "app/trust_run.h"
#include "base/log.h"
#include "base/table.h"
#include "out/recall.h"
#include "out/view.h"

#define KEPT_BYTES  (8u << 20)
/*
 * An agent has PENDING_MAX that wait, and may have died before it settled one
 * more; one that died while it took up another's has as many more.
 */
#define ORPHANS_MAX ((size_t)4 * PENDING_MAX)

/* Key: without padding. */
struct orphan_key {
	uint64_t seq, epoch;
};

struct orphans {
	struct agent *a;
	/* Keys alone, the oldest first. What gives way is left as it is. */
	struct table *list;
	size_t adopted, left;
	/* The images of those that wait, and of one that does not. */
	struct recall *kept, *passing;
	size_t holds; /* orphans that wait, and one for orphans_adopt */
};

struct orphan {
	struct orphans *of;
	struct view view; /* which the event's strings are in */
	struct event ev;
	struct image target; /* of a tamper event */
};

static void let_go(struct orphans *o)
{
	if (--o->holds)
		return;
	recall_free(o->kept);
	recall_free(o->passing);
	table_free(o->list);
	free(o);
}

static void release(void *arg)
{
	struct orphan *one = arg;
	struct orphans *o = one->of;

	view_done(&one->view);
	free(one);
	let_go(o);
}

/* ---- which -------------------------------------------------------------- */

static int note(void *arg, const struct view_images *images, struct view *v)
{
	struct orphans *o = arg;
	struct orphan_key key;
	int made;

	(void)images;
	if (v->amendment && v->amendment->resolution) {
		key = (struct orphan_key){ v->amendment->seq,
					   v->amendment->epoch };
		table_remove(o->list, &key);
	}
	if (!view_is_pending(v))
		return 0;
	key = (struct orphan_key){ v->seq, v->epoch };
	(void)table_put(o->list, &key, &made);
	return 0;
}

static bool is_listed(const struct orphans *o, const struct view *v)
{
	const struct orphan_key key = { v->seq, v->epoch };

	return table_get(o->list, &key);
}

/* Where the second reading begins; 0: it need not be. */
static uint64_t first_seq(const struct orphans *o)
{
	const void *key;

	return table_oldest(o->list, &key)
		       ? ((const struct orphan_key *)key)->seq
		       : 0;
}

/* ---- taking them up ----------------------------------------------------- */

/* 1 as recall_event; *ret_waits: the image lasts. */
static int recall_one(struct orphans *o, const struct view_images *images,
		      struct orphan *one, const struct image **ret_img,
		      bool *ret_waits)
{
	int r = -ENOBUFS;

	/* Numbers of images mean something else in each run. */
	*ret_waits = one->view.epoch + 1 == o->a->opening.epoch;
	if (*ret_waits)
		r = recall_event(o->kept, images, &one->view, &one->ev,
				 ret_img);
	if (r != -ENOBUFS)
		return r;
	*ret_waits = false;
	return recall_event(o->passing, images, &one->view, &one->ev, ret_img);
}

static int adopt(void *arg, const struct view_images *images, struct view *v)
{
	struct orphans *o = arg;
	struct pipeline *p = &o->a->pipeline;
	const struct image *img;
	struct orphan *one;
	bool waits;

	if (!v->event || !is_listed(o, v))
		return 0;
	one = calloc(1, sizeof(*one));
	if (!one)
		return -ENOMEM;
	one->of = o;
	one->view = *v;
	if (recall_one(o, images, one, &img, &waits) != 1) {
		free(one);
		o->left++;
		return 0;
	}
	if (one->ev.kind == EVENT_TAMPER && one->ev.tamper.target_img) {
		one->target = *one->ev.tamper.target_img;
		one->ev.tamper.target_img = &one->target;
	}
	/* Of another boot, perhaps: rules that expire go by this. */
	one->ev.time_ns = (uint64_t)(v->wall_ns - p->wall_offset_ns);
	o->holds++;
	o->adopted++;
	pending_expect(p->pending, p,
		       &(struct pending_event){
			       .recalled = &one->ev,
			       .release = release,
			       .arg = one,
			       .at_once = !waits,
			       /* Made by recall, for us alone. */
			       .img = (struct image *)(uintptr_t)img,
			       .target = { .epoch = v->epoch, .seq = v->seq },
		       });
	return 1;
}

/* ---- the journal's end -------------------------------------------------- */

static int adopt_all(struct orphans *o)
{
	uint64_t next = o->a->opening.next_seq, first;
	int r;

	r = table_new(ORPHANS_MAX, sizeof(struct orphan_key), 1, &o->list);
	if (r < 0)
		return r;
	r = journal_end_read(
		o->a,
		next > JOURNAL_END_PENDING ? next - JOURNAL_END_PENDING : 1,
		note, o);
	o->left += table_evicted(o->list);
	first = first_seq(o);
	if (r < 0 || !first)
		return r;
	r = recall_new(&o->kept);
	if (r >= 0)
		r = recall_new(&o->passing);
	if (r < 0)
		return r;
	recall_keep(o->kept, KEPT_BYTES);
	return journal_end_read(o->a, first, adopt, o);
}

void orphans_adopt(struct agent *a)
{
	struct orphans *o;
	int r;

	if (!a->opening.unclean || a->opening.created)
		return;
	o = calloc(1, sizeof(*o));
	r = o ? 0 : -ENOMEM;
	if (o) {
		o->a = a;
		o->holds = 1;
		r = adopt_all(o);
		if (o->adopted)
			log_notice("%zu verdicts that were pending when the "
				   "last picket died are given now",
				   o->adopted);
		if (o->left)
			log_warning("%zu verdicts that were pending when the "
				    "last picket died may stay so",
				    o->left);
		let_go(o);
	}
	if (r < 0)
		log_warning("verdicts that were pending when the last picket "
			    "died may stay so: %s",
			    strerrordesc_np(-r));
	trust_run_settle(a, false);
}
