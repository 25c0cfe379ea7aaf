/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table beyond the agent's end. Who is killed takes with him who ran what,
 * and a process that ends before the next one starts is then known to nobody:
 * its exec may be older than what the ring still holds, and /proc has it no
 * more. So each image that is met goes into a log in memory that stays; when it
 * is full it is written anew of those that live. The next agent enters what it
 * says before it looks at what runs, and takes those that it does not find for
 * ended.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "limits.h"
#include "proc/image_log.h"
#include "proc/proc_impl.h"

/* What was run before an exec so long ago matters to no record any more. */
#define PREV_KEPT_NS (10 * NS_PER_S)
/* Less room than this part of the log after it was written anew: nearly full. */
#define SCANT	     8

struct proc_log {
	struct image_log log;
	uint32_t wait; /* images to pass over before it is written anew */
};

/* ---- writing ------------------------------------------------------------ */

/* What to add before img, so that it is found there; NULL: nothing. */
static struct image *ahead(const struct proc_table *t, const struct image *img)
{
	const struct image_log *l = &t->log->log;

	if (img->prev && !image_log_has(l, img->prev) &&
	    img->began_ns + PREV_KEPT_NS > t->now_ns)
		return img->prev;
	if (img->parent && !image_log_has(l, img->parent))
		return img->parent;
	return NULL;
}

static bool add_line(struct proc_table *t, struct image *img)
{
	struct image *line[PICKET_ANCESTORS_MAX];
	size_t n = 0;

	line[n++] = img;
	while (n) {
		struct image *next = ahead(t, line[n - 1]);

		if (next && n < PICKET_ANCESTORS_MAX)
			line[n++] = next;
		else if (!image_log_add(&t->log->log, line[--n]))
			return false;
	}
	return true;
}

/* How many there was no room for. */
static uint64_t add_living(struct proc_table *t, bool kthreads)
{
	struct proc *p = NULL;
	uint64_t left = 0;

	while ((p = proc_index_next(t->index, p))) {
		bool is_kthread = p->image->flags & IMAGE_F_KTHREAD;

		if (is_kthread != kthreads ||
		    image_log_has(&t->log->log, p->image))
			continue;
		if (left || !add_line(t, p->image))
			left++;
	}
	return left;
}

/* Kernel threads last, and uncounted: they end when the machine does. */
static void write_anew(struct proc_table *t)
{
	struct image_log *l = &t->log->log;

	image_log_begin(l);
	t->stats.unlogged = add_living(t, false);
	if (!t->stats.unlogged)
		(void)add_living(t, true);
	image_log_commit(l);
	t->log->wait = l->half - l->used < l->half / SCANT ? l->count / 4 : 0;
}

void proc_log_note(struct proc_table *t, struct image *img)
{
	if (!t->log || image_log_has(&t->log->log, img) || add_line(t, img))
		return;
	if (t->log->wait) {
		t->log->wait--;
		t->stats.unlogged++;
	} else {
		write_anew(t);
	}
}

void proc_log_renew(struct proc_table *t)
{
	if (t->log)
		write_anew(t);
}

int proc_table_remember(struct proc_table *t, void *memory, size_t size,
			uint64_t now_ns)
{
	struct proc_log *log = calloc(1, sizeof(*log));
	int r = log ? image_log_open(&log->log, memory, size) : -ENOMEM;

	if (r < 0) {
		free(log);
		return r;
	}
	/* Places of images in a log before this one are none here. */
	if (t->log)
		log->log.round = t->log->log.round;
	free(t->log);
	t->log = log;
	t->now_ns = now_ns;
	write_anew(t);
	return 0;
}

/* ---- reading ------------------------------------------------------------ */

struct recalling {
	struct proc_table *t;
	struct image **images; /* by number; each with a reference */
	uint32_t max;
};

static struct image *recalled(const struct recalling *r, uint32_t number)
{
	return number ? r->images[number - 1] : NULL;
}

/* Cgroups that are gone have their names from here alone. */
static void add_cgroup(struct proc_table *t, uint32_t hierarchy, uint64_t id,
		       struct slice path)
{
	const struct cgroup_info info = { id, hierarchy, path };

	if (id && path.n && !cgroups_find(t->cgroups, hierarchy, id))
		(void)cgroups_add(t->cgroups, &info);
}

static struct image *make(struct proc_table *t, const struct image *from,
			  struct image *strings)
{
	struct image *img = strings ? image_share(t->heap, from, strings)
				    : image_new(t->heap, from);

	if (img)
		proc_name_cgroups(t, img);
	return img;
}

/* Met already: by another log, or before it was known what it is. */
static void learn(struct proc_table *t, struct proc *p, struct image *known,
		  const struct image *from)
{
	if (!(known->flags & IMAGE_F_UNKNOWN) ||
	    from->flags & IMAGE_F_UNKNOWN || image_become(known, from) < 0)
		return;
	if (known == p->image)
		proc_drop_variants(p);
	proc_name_cgroups(t, known);
}

/* Make img what its process runs, unless something later is known. */
static void place(struct proc_table *t, struct proc *p, struct image *img)
{
	if (img->flags & IMAGE_F_EXITED)
		return;
	if (!p) {
		p = proc_enter(t, img->proc);
		proc_set_image(p, image_ref(img));
	} else if ((int32_t)(img->number - p->image->number) > 0) {
		if (!img->prev)
			image_set_prev(img, p->image);
		proc_next_image(p, image_ref(img));
	}
}

static int recall(void *recalling, const struct image_log_entry *e)
{
	struct recalling *r = recalling;
	struct proc_table *t = r->t;
	struct image from = e->img, *known = NULL;
	struct proc *p = proc_index_find(t->index, from.proc);

	if (e->number > r->max)
		return 0;
	from.parent = recalled(r, e->parent);
	from.prev = recalled(r, e->prev);
	add_cgroup(t, 0, from.cgroup_id, e->cgroup);
	add_cgroup(t, cgroups_v1(t->cgroups), from.cgroup_v1_id, e->cgroup_v1);
	if (p)
		known = p->image->number == from.number
				? p->image
				: proc_earlier(p, from.number);
	if (known) {
		learn(t, p, known, &from);
		r->images[e->number - 1] = image_ref(known);
		return 0;
	}
	known = make(t, &from, recalled(r, e->strings));
	r->images[e->number - 1] = known;
	if (!known)
		return -ENOMEM;
	place(t, p, known);
	return 0;
}

int proc_table_recall(struct proc_table *t, const void *memory, size_t size,
		      uint64_t now_ns)
{
	struct recalling r = { .t = t, .max = image_log_max(size) };
	uint32_t i;
	int e;

	t->now_ns = now_ns;
	r.images = calloc((size_t)r.max + 1, sizeof(*r.images));
	if (!r.images)
		return -ENOMEM;
	e = image_log_read(memory, size, recall, &r);
	for (i = 0; i < r.max; i++)
		image_unref(r.images[i]);
	free(r.images);
	return e;
}
