/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which image acted: from (tgid, start time, number of execs, cgroups) in a
 * record to the struct image that stands for exactly that.
 *
 * The rule: never lend an event to an image that is not its own. A number
 * that was never reported gets an image that says so (IMAGE_F_UNKNOWN).
 */
#include <errno.h>

#include "proc/proc_impl.h"

/* ---- images of which little is known ------------------------------------ */

struct image proc_unknown(const struct actor *actor)
{
	return (struct image){
		.proc = actor->proc,
		.number = actor->image_number,
		.flags = IMAGE_F_UNKNOWN |
			 (actor->kthread ? IMAGE_F_KTHREAD : 0),
		.uid = actor->uid,
		.euid = actor->euid,
		.suid = UINT32_MAX,
		.fsuid = UINT32_MAX,
		.gid = actor->gid,
		.egid = UINT32_MAX,
		.sgid = UINT32_MAX,
		.login_uid = UINT32_MAX,
		.session_id = UINT32_MAX,
		.mnt_ns = actor->mnt_ns,
		.cgroup_id = actor->cgroup_id,
		.cgroup_v1_id = actor->cgroup_v1_id,
	};
}

/* Who is named as parent, without having acted: not even ids are known. */
struct actor proc_named(struct proc_key key, uint32_t number)
{
	return (struct actor){
		.proc = key,
		.image_number = number,
		.uid = UINT32_MAX,
		.euid = UINT32_MAX,
		.gid = UINT32_MAX,
	};
}

static bool is_bare(const struct image *img)
{
	return img->flags & IMAGE_F_UNKNOWN && img->uid == UINT32_MAX;
}

void proc_name_cgroups(struct proc_table *t, struct image *img)
{
	pid_t tgid = (pid_t)img->proc.tgid;
	uint32_t v1 = cgroups_v1(t->cgroups);
	struct cgroup_node *unified, *old;

	/* The second look may push the first name out: hold it. */
	unified = cgroup_ref(
		cgroups_find_of(t->cgroups, 0, img->cgroup_id, tgid));
	old = v1 ? cgroups_find_of(t->cgroups, v1, img->cgroup_v1_id, tgid)
		 : NULL;
	cgroups_describe(t->cgroups, unified);
	cgroups_describe(t->cgroups, old);
	image_set_cgroups(img, unified, old);
	cgroup_unref(unified);
}

struct image *proc_make(struct proc_table *t, const struct image *from)
{
	struct image *img = image_new(t->heap, from);

	if (img)
		proc_name_cgroups(t, img);
	return img;
}

/* ---- which image acted -------------------------------------------------- */

static bool same_cgroups(const struct image *img, const struct actor *actor)
{
	/* 0: the kernel side could not tell, which is no move. */
	return (!actor->cgroup_id || actor->cgroup_id == img->cgroup_id) &&
	       (!actor->cgroup_v1_id ||
		actor->cgroup_v1_id == img->cgroup_v1_id);
}

/*
 * The variant of p's image for the cgroups that actor is in, at the head of
 * p's list; see proc_table.h.
 */
static int follow_move(struct proc_table *t, struct proc *p,
		       const struct actor *actor)
{
	struct image *before = p->image;
	struct image *v, from;
	unsigned n = 1;

	for (v = image_variant(before); v; before = v, v = image_variant(v)) {
		if (same_cgroups(v, actor)) {
			image_set_variant(before, image_variant(v));
			image_set_variant(v, p->image);
			p->image = v;
			return 0;
		}
		n++;
	}
	from = *p->image;
	if (actor->cgroup_id)
		from.cgroup_id = actor->cgroup_id;
	if (actor->cgroup_v1_id)
		from.cgroup_v1_id = actor->cgroup_v1_id;
	v = image_share(t->heap, &from, p->image);
	if (!v)
		return -ENOMEM;
	proc_name_cgroups(t, v);
	image_set_variant(v, p->image);
	p->image = v;
	if (n < IMAGE_VARIANTS_MAX)
		return 0;
	/* The one not used longest is the last. */
	for (before = v; image_variant(image_variant(before));)
		before = image_variant(before);
	image_unref(image_variant(before));
	image_set_variant(before, NULL);
	return 0;
}

void proc_drop_variants(struct proc *p)
{
	while (p->image && image_variant(p->image)) {
		struct image *v = image_variant(p->image);

		image_set_variant(p->image, image_variant(v));
		image_set_variant(v, NULL);
		image_unref(v);
	}
}

void proc_next_image(struct proc *p, struct image *img)
{
	proc_drop_variants(p);
	proc_set_image(p, img);
}

int proc_add_unseen(struct proc_table *t, struct proc *p,
		    const struct actor *actor)
{
	struct image from = proc_unknown(actor), *img;

	t->stats.unseen_execs++;
	from.parent = p->image->parent;
	from.prev = p->image;
	img = proc_make(t, &from);
	if (!img)
		return -ENOMEM;
	proc_next_image(p, img);
	return 0;
}

struct image *proc_earlier(const struct proc *p, uint32_t number)
{
	struct image *img = p->image->prev;

	while (img && img->number != number)
		img = img->prev;
	return img;
}

void proc_hold(struct proc_table *t, struct image *img)
{
	image_unref(t->held);
	t->held = img;
}

/* The image with this number of a process in the table; it may be made. */
static int image_of(struct proc_table *t, struct proc *p,
		    const struct actor *actor, struct image **ret)
{
	int32_t ahead = (int32_t)(actor->image_number - p->image->number);
	struct image from;
	int r = 0;

	if (ahead > 0)
		r = proc_add_unseen(t, p, actor);
	if (r < 0)
		return r;
	if (ahead >= 0) {
		*ret = p->image;
		return 0;
	}
	*ret = proc_earlier(p, actor->image_number);
	if (*ret)
		return 0;
	/* Older than what is remembered: for this one event only. */
	t->stats.unseen_execs++;
	from = proc_unknown(actor);
	from.parent = p->image->parent;
	*ret = proc_make(t, &from);
	if (!*ret)
		return -ENOMEM;
	proc_hold(t, *ret);
	return 0;
}

static int enter_unknown(struct proc_table *t, const struct actor *actor,
			 struct proc **ret)
{
	struct image from = proc_unknown(actor);
	struct image *img = proc_make(t, &from);

	if (!img)
		return -ENOMEM;
	*ret = proc_enter(t, actor->proc);
	proc_set_image(*ret, img);
	return 0;
}

/* It was only named until now: from here on its ids are known. */
static void fill_bare(struct proc_table *t, struct image *img,
		      const struct actor *actor)
{
	img->uid = actor->uid;
	img->euid = actor->euid;
	img->gid = actor->gid;
	img->mnt_ns = actor->mnt_ns;
	img->cgroup_id = actor->cgroup_id;
	img->cgroup_v1_id = actor->cgroup_v1_id;
	img->flags |= actor->kthread ? IMAGE_F_KTHREAD : 0;
	proc_name_cgroups(t, img);
	image_renew_id(img);
}

/* The image and those it stands for in other cgroups, under their true key. */
static void rekey(struct proc *p, struct proc_key key, uint32_t number)
{
	for (struct image *v = p->image; v; v = image_variant(v)) {
		v->proc = key;
		v->number = number;
	}
}

struct proc *proc_lookup(struct proc_table *t, struct proc_key key,
			 uint32_t number)
{
	struct proc *p = proc_index_find(t->index, key);

	if (p || !t->rough)
		return p;
	p = proc_index_rival(t->index, key);
	if (!p || !p->rough ||
	    key.start_ns / proc_tick_ns() != p->key.start_ns / proc_tick_ns())
		return NULL;
	proc_index_restart(t->index, p, key.start_ns);
	rekey(p, key, number);
	p->rough = false;
	t->rough--;
	return p;
}

/* The image that acted, by an actor as records have it. */
int proc_find_actor(struct proc_table *t, const struct actor *actor,
		    struct proc **ret_proc, struct image **ret)
{
	struct proc *p = proc_lookup(t, actor->proc, actor->image_number);
	struct image *img;
	int r;

	if (!p) {
		t->stats.unknown++;
		r = enter_unknown(t, actor, &p);
		if (r < 0)
			return r;
	}
	proc_index_touch(t->index, p);
	r = image_of(t, p, actor, &img);
	if (r < 0)
		return r;
	if (img == p->image && is_bare(img) && actor->uid != UINT32_MAX)
		fill_bare(t, img, actor);
	if (img == p->image && !same_cgroups(img, actor)) {
		r = follow_move(t, p, actor);
		if (r < 0)
			return r;
		img = p->image;
	}
	/* The kubelet writes names down once a container runs. */
	if (img == p->image && img->container.n)
		(void)image_name_late(img, t->cgroups);
	*ret_proc = p;
	*ret = img;
	return 0;
}

int proc_parent(struct proc_table *t, struct proc_key child,
		const struct proc_ref *parent, struct image **ret)
{
	const struct actor actor = proc_named(parent->key, parent->number);
	struct proc *p;

	*ret = NULL;
	if (!parent->key.tgid || !image_may_descend(child, parent->key))
		return 0;
	p = proc_lookup(t, parent->key, parent->number);
	if (!p) {
		int r = enter_unknown(t, &actor, &p);

		if (r < 0)
			return r;
	}
	proc_index_touch(t->index, p);
	return image_of(t, p, &actor, ret);
}
