/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table: what each event does to it.
 *
 * The ring's order is the order, so the table is a plain state machine, and
 * every event can be met in a state that a loss left behind. Here are the
 * places: who has one, who gives way, when the dead go. Which image acted is
 * proc_find.c, what forks and execs make is proc_events.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "proc/proc_impl.h"

/* Names of cgroups: as many as a large host has, and a bound in bytes. */
#define CGROUPS_MAX	  16384
#define CGROUPS_BYTES_MAX (8u << 20)
/* What images may hold before long lines are cut to what is vital. */
#define BYTES_PER_PROCESS 4096
/*
 * Past this many bytes, living and dead together, the dead are kept only as
 * long as something that they did may still come out of the ring.
 */
#define DEAD_BYTES_MAX	  (12u << 20)
#define DEAD_KEPT_NS	  NS_PER_S
/* Fewer places would let a process push out the one it is entered for. */
#define PROCESSES_MIN	  16

/* ---- life of the table -------------------------------------------------- */

static int copy_names(const char *const *names, char ***ret)
{
	size_t n = 0;
	char **copy;

	while (names && names[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	for (size_t i = 0; i < n; i++) {
		copy[i] = strdup(names[i]);
		if (!copy[i])
			return -ENOMEM;
	}
	return 0;
}

int proc_table_new(const struct proc_limits *limits, const char *procfs,
		   struct proc_table **ret)
{
	struct proc_table *t = calloc(1, sizeof(*t));
	size_t max = limits->max_processes;
	int r;

	if (!t)
		return -ENOMEM;
	if (max < PROCESSES_MIN)
		max = PROCESSES_MIN;
	t->keep_dead_ns = limits->keep_dead_ms * NS_PER_MS;
	t->procfs = strdup(procfs);
	r = t->procfs ? 0 : -ENOMEM;
	if (r == 0)
		r = copy_names(limits->env_names, &t->env_names);
	if (r == 0)
		r = proc_index_new(max, &t->index);
	if (r == 0)
		r = image_heap_new(max * BYTES_PER_PROCESS, &t->heap);
	if (r == 0)
		r = cgroups_new(t->procfs, CGROUPS_MAX, CGROUPS_BYTES_MAX,
				&t->cgroups);
	if (r == 0)
		r = mounts_new(t->procfs, &t->mounts);
	if (r == 0)
		r = scripts_new(&t->scripts);
	if (r < 0) {
		proc_table_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

static void leave(struct proc_table *t, struct proc *p)
{
	t->rough -= p->rough;
	image_unref(p->image);
	proc_index_remove(t->index, p);
}

void proc_table_free(struct proc_table *t)
{
	struct proc *p;

	if (!t)
		return;
	free(t->log);
	image_unref(t->held);
	for (int dead = 0; t->index && dead < 2; dead++)
		while ((p = proc_index_oldest(t->index, dead)))
			leave(t, p);
	proc_index_free(t->index);
	image_heap_put(t->heap);
	cgroups_free(t->cgroups);
	mounts_free(t->mounts);
	scripts_free(t->scripts);
	for (char **n = t->env_names; n && *n; n++)
		free(*n);
	free(t->env_names);
	free(t->mountinfo);
	free(t->procfs);
	free(t);
}

/* ---- entering and leaving ----------------------------------------------- */

void proc_bury(struct proc_table *t, struct proc *p)
{
	for (struct image *v = p->image; v; v = image_variant(v))
		v->flags |= IMAGE_F_EXITED;
	proc_index_bury(t->index, p, t->now_ns);
}

/* One pid, one living process: of two the older has gone unseen. */
static void settle_rival(struct proc_table *t, struct proc *p)
{
	struct proc *rival;

	while ((rival = proc_index_rival(t->index, p->key))) {
		if (rival->key.start_ns > p->key.start_ns) {
			proc_bury(t, p);
			return;
		}
		proc_bury(t, rival);
	}
}

/* The dead are a convenience: a machine that compiles makes many of them. */
static void thin_out(struct proc_table *t)
{
	struct proc *out;

	while (t->heap->bytes > DEAD_BYTES_MAX &&
	       (out = proc_index_oldest(t->index, true))) {
		if (t->now_ns < out->gone_ns + DEAD_KEPT_NS)
			break;
		t->stats.evicted_dead++;
		leave(t, out);
	}
}

static void make_room(struct proc_table *t)
{
	struct proc *out = proc_index_oldest(t->index, true);

	if (out) {
		t->stats.evicted_dead++;
	} else {
		out = proc_index_oldest(t->index, false);
		t->stats.evicted_alive++;
	}
	leave(t, out);
}

struct proc *proc_enter(struct proc_table *t, struct proc_key key)
{
	struct proc *p;

	thin_out(t);
	p = proc_index_add(t->index, key);
	if (!p) {
		make_room(t);
		p = proc_index_add(t->index, key);
	}
	settle_rival(t, p);
	return p;
}

void proc_set_image(struct proc *p, struct image *img)
{
	struct image *old = p->image;

	p->image = img;
	if (p->dead)
		img->flags |= IMAGE_F_EXITED;
	image_unref(old);
}

/* ---- the events --------------------------------------------------------- */

static int apply_exit(struct proc_table *t, const struct event *ev,
		      struct image **ret)
{
	struct proc *p;
	int r = proc_find_actor(t, &ev->actor, &p, ret);

	if (r < 0)
		return r;
	proc_bury(t, p);
	(*ret)->flags |= IMAGE_F_EXITED;
	return 0;
}

static int apply_cgroup(struct proc_table *t, const struct event *ev)
{
	const struct cgroup_info *info = &ev->cgroup;

	/* Ids of other hierarchies are never asked for. */
	if (info->hierarchy && cgroups_v1(t->cgroups) &&
	    info->hierarchy != cgroups_v1(t->cgroups))
		return 0;
	return cgroups_add(t->cgroups, info);
}

int proc_table_apply(struct proc_table *t, const struct event *ev,
		     struct image **ret)
{
	struct image *img = NULL;
	struct proc *p;
	int r = 0;

	t->now_ns = ev->time_ns;
	if (ev->kind == EVENT_CGROUP)
		r = apply_cgroup(t, ev);
	else if (ev->kind == EVENT_AGENT || ev->actor.none)
		r = 0;
	else if (ev->kind == EVENT_FORK)
		r = proc_fork(t, ev, &img);
	else if (ev->kind == EVENT_EXEC)
		r = proc_exec(t, ev, &img);
	else if (ev->kind == EVENT_EXIT)
		r = apply_exit(t, ev, &img);
	else
		r = proc_find_actor(t, &ev->actor, &p, &img);
	if (r >= 0 && ev->kind == EVENT_SCRIPT)
		r = scripts_put(t->scripts, ev);
	if (r < 0)
		return r;
	proc_hold(t, image_ref(img));
	if (img && ev->kind != EVENT_EXIT)
		proc_log_note(t, img);
	*ret = img;
	return 0;
}

struct image *proc_table_find(const struct proc_table *t, struct proc_key key,
			      uint32_t number)
{
	const struct proc *p = proc_index_find(t->index, key);
	struct image *img = p ? p->image : NULL;

	while (img && img->number != number)
		img = img->prev;
	return img;
}

int proc_table_scan_cgroups(struct proc_table *t)
{
	return cgroups_scan(t->cgroups);
}

void proc_table_set_v1(struct proc_table *t, uint32_t hierarchy)
{
	cgroups_set_v1(t->cgroups, hierarchy);
}

void proc_table_host_path(struct proc_table *t, uint32_t mnt_ns,
			  const struct file_id *file, struct file_path *path)
{
	const struct mounts_file on = {
		.mnt_ns = mnt_ns,
		.dev = file->dev,
		.fs_magic = file->fs_magic,
		.actor = t->held,
		.follows = path->flags & PATH_F_FOLLOWS,
	};

	mounts_host_path(t->mounts, &on, path,
			 &t->rooms[t->room_turn++ % HOST_PATHS]);
}

void proc_table_expire(struct proc_table *t, uint64_t now_ns)
{
	struct proc *p;

	while ((p = proc_index_oldest(t->index, true))) {
		if (now_ns < p->gone_ns ||
		    now_ns - p->gone_ns < t->keep_dead_ns)
			break;
		leave(t, p);
	}
}

void proc_table_stats(const struct proc_table *t, struct proc_stats *ret)
{
	*ret = t->stats;
	ret->alive = proc_index_count(t->index, false);
	ret->processes = ret->alive + proc_index_count(t->index, true);
	ret->images = t->heap->images;
	ret->bytes = t->heap->bytes;
	ret->cgroups = cgroups_count(t->cgroups);
}
