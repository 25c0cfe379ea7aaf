/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forks and execs: how images come to be.
 *
 * In an unbroken ring each is one step from what the table holds. The rest of
 * this file is for what a loss, the snapshot or a process older than picket
 * leaves: a child before its fork, an exec of nobody, an exec that comes
 * after later ones, the same exec twice.
 */
#include <errno.h>

#include "proc/proc_impl.h"

/* What a child starts with: its parent's program under its own key. */
static struct image forked_image(const struct event *ev, struct image *parent)
{
	const struct actor *child = &ev->actor;
	struct image img = *parent;

	img.proc = child->proc;
	img.number = child->image_number;
	img.flags &= ~(uint32_t)(IMAGE_F_EXITED | IMAGE_F_KTHREAD);
	img.flags |= IMAGE_F_FORKED;
	img.flags |= child->kthread ? IMAGE_F_KTHREAD : 0;
	img.parent = parent;
	img.prev = NULL;
	img.began_ns = ev->time_ns;
	img.uid = child->uid;
	img.euid = child->euid;
	img.gid = child->gid;
	img.mnt_ns = child->mnt_ns;
	/* Its own pid where pids are counted anew is not in the record. */
	img.ns_pid = parent->ns_pid && parent->ns_pid == parent->proc.tgid
			     ? child->proc.tgid
			     : 0;
	img.cgroup_id = child->cgroup_id;
	img.cgroup_v1_id = child->cgroup_v1_id;
	return img;
}

static struct image *fork_image(struct proc_table *t, const struct event *ev,
				struct image *parent)
{
	struct image from = forked_image(ev, parent);
	struct image *img = image_share(t->heap, &from, parent);

	if (img && (img->cgroup_id != parent->cgroup_id ||
		    img->cgroup_v1_id != parent->cgroup_v1_id))
		proc_name_cgroups(t, img);
	return img;
}

/* A child that was met before its fork: by the snapshot, or out of turn. */
static int fork_known(struct proc_table *t, const struct event *ev,
		      struct proc *p, struct image *parent)
{
	struct image *first = p->image;

	while (first->prev)
		first = first->prev;
	if (first->flags & IMAGE_F_UNKNOWN &&
	    !(first->flags & IMAGE_F_FORKED) &&
	    first->number == ev->actor.image_number) {
		struct image from = forked_image(ev, parent);
		int r = image_become(first, &from);

		if (r < 0 && r != -EEXIST)
			return r;
		if (r == 0) {
			if (first == p->image)
				proc_drop_variants(p);
			proc_name_cgroups(t, first);
			return 0;
		}
	}
	for (struct image *i = p->image; i; i = i->prev)
		if (!i->parent)
			image_set_parent(i, parent);
	return 0;
}

int proc_fork(struct proc_table *t, const struct event *ev, struct image **ret)
{
	const struct proc_ref ref = { ev->fork.parent, ev->fork.parent_image };
	struct image *parent, *img;
	struct proc *p;
	int r;

	r = proc_parent(t, ev->actor.proc, &ref, &parent);
	if (r < 0)
		return r;
	p = proc_lookup(t, ev->actor.proc, ev->actor.image_number);
	if (p || !parent) {
		if (p && parent)
			r = fork_known(t, ev, p, parent);
		return r < 0 ? r : proc_find_actor(t, &ev->actor, &p, ret);
	}
	/* The parent must not give way to its own child. */
	image_ref(parent);
	img = fork_image(t, ev, parent);
	if (img) {
		p = proc_enter(t, ev->actor.proc);
		proc_set_image(p, img);
		*ret = img;
	}
	image_unref(parent);
	return img ? 0 : -ENOMEM;
}

static int exec_parent(struct proc_table *t, const struct event *ev,
		       struct image **ret)
{
	const struct proc_ref ref = { ev->exec.parent, ev->exec.parent_image };

	return proc_parent(t, ev->actor.proc, &ref, ret);
}

/* An exec of a number that is already known, or older than what is known. */
static int exec_known(struct proc_table *t, struct proc *p, struct image *known,
		      const struct image *from, struct image **ret)
{
	struct image *img;

	if (known->flags & IMAGE_F_UNKNOWN && image_become(known, from) == 0) {
		if (known == p->image)
			proc_drop_variants(p);
		proc_name_cgroups(t, known);
		*ret = known;
		return 0;
	}
	if (known != p->image || !(known->flags & IMAGE_F_SNAPSHOT)) {
		*ret = known; /* told twice */
		return 0;
	}
	/* The snapshot met it first; the record knows more. */
	img = proc_make(t, from);
	if (!img)
		return -ENOMEM;
	image_set_parent(img, known->parent ? known->parent : from->parent);
	image_set_prev(img, known->prev);
	proc_next_image(p, img);
	*ret = img;
	return 0;
}

/* Number `from->number` lies before what the table knows of p. */
static int exec_late(struct proc_table *t, struct proc *p,
		     const struct image *from, struct image **ret)
{
	struct image *after = p->image;
	struct image *img;

	while (after->prev && (int32_t)(after->prev->number - from->number) > 0)
		after = after->prev;
	img = proc_make(t, from);
	if (!img)
		return -ENOMEM;
	image_set_parent(img, after->parent ? after->parent : from->parent);
	image_set_prev(img, after->prev);
	image_set_prev(after, img);
	/* The line may have been cut at once: it is returned all the same. */
	proc_hold(t, img);
	*ret = img;
	return 0;
}

static int exec_in(struct proc_table *t, struct proc *p, const struct event *ev,
		   struct image **ret)
{
	struct image from = proc_exec_image(t, ev);
	int32_t ahead = (int32_t)(from.number - p->image->number);
	struct image *known = ahead ? NULL : p->image, *img;
	int r;

	if (ahead < 0)
		known = proc_earlier(p, from.number);
	r = p->image->parent ? 0 : exec_parent(t, ev, &from.parent);
	if (r < 0)
		return r;
	if (known && !(known->flags & IMAGE_F_FORKED))
		return exec_known(t, p, known, &from, ret);
	if (ahead < 0)
		return exec_late(t, p, &from, ret);
	if (ahead > 1) {
		struct actor before = ev->actor;

		before.image_number--;
		r = proc_add_unseen(t, p, &before);
		if (r < 0)
			return r;
	}
	if (p->image->parent)
		from.parent = p->image->parent;
	from.prev = p->image;
	img = proc_make(t, &from);
	if (!img)
		return -ENOMEM;
	proc_next_image(p, img);
	*ret = img;
	return 0;
}

static int exec_new(struct proc_table *t, const struct event *ev,
		    struct image **ret)
{
	struct image from = proc_exec_image(t, ev);
	struct image *img;
	struct proc *p;
	int r;

	t->stats.unknown++;
	r = exec_parent(t, ev, &from.parent);
	if (r < 0)
		return r;
	img = proc_make(t, &from);
	if (!img)
		return -ENOMEM;
	p = proc_enter(t, ev->actor.proc);
	proc_set_image(p, img);
	*ret = img;
	return 0;
}

int proc_exec(struct proc_table *t, const struct event *ev, struct image **ret)
{
	/* What it ran until now had the number before. */
	struct proc *p =
		proc_lookup(t, ev->actor.proc, ev->actor.image_number - 1);

	if (!p)
		return exec_new(t, ev, ret);
	/* Whoever executes is not dead, whatever was told. */
	proc_index_revive(t->index, p);
	proc_index_touch(t->index, p);
	return exec_in(t, p, ev, ret);
}
