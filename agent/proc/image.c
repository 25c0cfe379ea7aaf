/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images: what a process runs, as one block of memory with its strings.
 *
 * Two counts per block. `refs` counts who refers to the image; at zero it
 * lets go of its parent, its predecessor and its cgroups. `holds` counts who
 * uses the block's bytes: the image itself, and every fork that runs the same
 * program, which shares the strings but must not keep the ancestors alive.
 *
 * Lines of ancestors are as long as somebody chooses to make them (a process
 * that forks and exits, or execs itself, for ever), so they are cut: the
 * newest and the first are kept, the middle goes. The first tell where
 * something came from (the service, the login), the newest how it is done;
 * those are what a rule on ancestors asks for.
 */
#include "proc/image.h"

#include <errno.h>
#include <stdlib.h>

#include "limits.h"
#include "proc/cgroups.h"
#include "proc/container_info.h"
#include "proc/proc_table.h"

struct image_block {
	struct image pub; /* first: an image is its block */
	struct image_heap *heap;
	struct image_block *strings; /* whose bytes the slices are in */
	struct image_block *variant;
	struct cgroup_node *unified, *v1;
	char *extra; /* strings of an image_become */
	uint32_t refs, holds;
	uint32_t depth; /* at least as many ancestors */
	uint32_t size;
	uint64_t place;
};

/* Every string that belongs to an image's block. */
static const size_t strings_at[] = {
	offsetof(struct image, exe.path),
	offsetof(struct image, exe.fs_path),
	offsetof(struct image, exe.host_path),
	offsetof(struct image, script),
	offsetof(struct image, filename),
	offsetof(struct image, cwd),
	offsetof(struct image, args),
	offsetof(struct image, env),
};

_Static_assert(sizeof(strings_at) / sizeof(*strings_at) == IMAGE_STRINGS,
	       "image.h counts them");

static struct image_block *block_of(const struct image *img)
{
	return (struct image_block *)(uintptr_t)img;
}

struct slice *image_string(struct image *img, size_t i)
{
	return (struct slice *)(void *)((char *)img + strings_at[i]);
}

bool image_is_shared(const struct image *a, const struct image *b)
{
	return block_of(a)->strings == block_of(b)->strings;
}

const struct cgroup_node *image_cgroup(const struct image *img, bool v1)
{
	return v1 ? block_of(img)->v1 : block_of(img)->unified;
}

uint64_t image_place(const struct image *img)
{
	return block_of(img)->place;
}

void image_set_place(struct image *img, uint64_t place)
{
	block_of(img)->place = place;
}

int image_heap_new(uint64_t max_bytes, struct image_heap **ret)
{
	struct image_heap *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->users = 1;
	h->max_bytes = max_bytes;
	*ret = h;
	return 0;
}

void image_heap_put(struct image_heap *h)
{
	if (h && !--h->users)
		free(h);
}

static void block_put(struct image_block *b)
{
	struct image_heap *h = b->heap;

	if (--b->holds)
		return;
	h->bytes -= b->size;
	free(b->extra);
	free(b);
	image_heap_put(h);
}

/* ---- references --------------------------------------------------------- */

struct image *image_ref(struct image *img)
{
	if (img)
		block_of(img)->refs++;
	return img;
}

/* Drop one reference; what became free is put on the list through variant. */
static void drop(struct image *img, struct image_block **list)
{
	struct image_block *b = block_of(img);

	if (!img || --b->refs)
		return;
	/* Its variants are owned by it alone; they go with it. */
	while (b->variant) {
		struct image_block *v = b->variant;

		b->variant = v->variant;
		v->variant = NULL;
		if (!--v->refs) {
			v->variant = *list;
			*list = v;
		}
	}
	b->variant = *list;
	*list = b;
}

/* No recursion: a line of ancestors may be long. */
void image_unref(struct image *img)
{
	struct image_block *list = NULL;

	drop(img, &list);
	while (list) {
		struct image_block *b = list;
		struct image_block *strings = b->strings;

		list = b->variant;
		b->variant = NULL;
		drop(b->pub.parent, &list);
		drop(b->pub.prev, &list);
		cgroup_unref(b->unified);
		cgroup_unref(b->v1);
		b->heap->images--;
		if (strings != b)
			block_put(strings);
		block_put(b);
	}
}

/* ---- lines -------------------------------------------------------------- */

static const struct image_limits ample = { .prev_max = 16,
					   .prev_new = 12,
					   .line_max = PICKET_ANCESTORS_MAX,
					   .line_new = 40,
					   .line_first = 12 };
static const struct image_limits vital = { .prev_max = 2,
					   .prev_new = 1,
					   .line_max = 12,
					   .line_new = 5,
					   .line_first = 4 };

static const struct image_limits *limits_of(const struct image *img)
{
	const struct image_heap *h = block_of(img)->heap;

	return h->bytes > h->max_bytes ? &vital : &ample;
}

static struct image *up(struct image *img, unsigned steps)
{
	while (img && steps--)
		img = img->parent;
	return img;
}

/* Earlier images of the same process have the same parent: theirs goes too. */
static void cut_line(struct image *at, struct image *first)
{
	struct image *old = image_ref(at->parent);

	for (; at; at = at->prev)
		if (at->parent == old)
			image_set_parent(at, first);
	image_unref(old);
}

/*
 * A block's depth only bounds the true one from above, since a cut is not
 * told to those further down: the true one is counted when it matters.
 */
static void bound_line(struct image *img, const struct image_limits *l)
{
	unsigned depth = 0;

	for (const struct image *a = img->parent; a; a = a->parent)
		depth++;
	if (depth > l->line_max) {
		cut_line(up(img, l->line_new),
			 up(img, depth - l->line_first + 1));
		depth = l->line_new + l->line_first;
	}
	for (; img; img = img->parent, depth--)
		if (block_of(img)->depth > depth)
			block_of(img)->depth = depth;
}

void image_set_parent(struct image *img, struct image *parent)
{
	const struct image_limits *l = limits_of(img);
	struct image *old = img->parent;

	if (parent && !image_may_descend(img->proc, parent->proc))
		parent = NULL;

	img->parent = image_ref(parent);
	image_unref(old);
	block_of(img)->depth = parent ? block_of(parent)->depth + 1 : 0;
	if (block_of(img)->depth > l->line_max)
		bound_line(img, l);
}

void image_set_prev(struct image *img, struct image *prev)
{
	const struct image_limits *l = limits_of(img);
	struct image *old = img->prev;
	unsigned n = 0;

	img->prev = image_ref(prev);
	image_unref(old);
	for (const struct image *p = prev; p; p = p->prev)
		n++;
	for (; n > l->prev_max; n--) {
		struct image *at = img;

		for (unsigned i = 0; i < l->prev_new; i++)
			at = at->prev;
		old = at->prev;
		at->prev = image_ref(old->prev);
		image_unref(old);
	}
}

/* ---- cgroups ------------------------------------------------------------ */

/* How much a path tells: a container more than a unit, a unit than none. */
static unsigned worth(const struct cgroup_node *n)
{
	if (!n)
		return 0;
	return 1 + (n->name.unit.n ? 2 : 0) + (n->name.container.n ? 4 : 0);
}

static void name_cgroup(struct image_block *b)
{
	const struct cgroup_node *best = b->unified;
	const struct slice none = { NULL, 0 };
	struct image *img = &b->pub;

	img->cgroup = img->unit = img->container = none;
	img->container_image = img->pod = img->pod_namespace = none;
	img->container_name = img->image_digest = img->pod_uid = none;
	img->container_known = false;
	if (worth(b->v1) > worth(best) ||
	    (best && worth(b->v1) == worth(best) &&
	     b->v1->path.n > best->path.n))
		best = b->v1;
	if (!best)
		return;
	img->cgroup = best->path;
	img->unit = best->name.unit;
	img->container = best->name.container;
	img->pod_uid = best->name.pod;
	if (!best->info)
		return;
	/* Of a pod whose name is still to come, not all is known. */
	img->container_known =
		best->info->told && (best->info->pod.n || !best->name.pod.n);
	img->container_name = best->info->name;
	img->image_digest = best->info->digest;
	img->container_image = best->info->image;
	img->pod = best->info->pod;
	img->pod_namespace = best->info->pod_namespace;
}

void image_set_cgroups(struct image *img, struct cgroup_node *unified,
		       struct cgroup_node *v1)
{
	struct image_block *b = block_of(img);

	cgroup_ref(unified);
	cgroup_ref(v1);
	cgroup_unref(b->unified);
	cgroup_unref(b->v1);
	b->unified = unified;
	b->v1 = v1;
	name_cgroup(b);
}

bool image_name_late(struct image *img, const struct cgroups *c)
{
	struct image_block *b = block_of(img);
	const char *was_pod = img->pod.p, *was_image = img->container_image.p;

	cgroups_describe(c, b->unified);
	cgroups_describe(c, b->v1);
	name_cgroup(b);
	if (img->pod.p == was_pod && img->container_image.p == was_image)
		return false;
	image_renew_id(img);
	return true;
}

/* ---- making ------------------------------------------------------------- */

static size_t strings_size(const struct image *from)
{
	size_t n = 0;

	for (size_t i = 0; i < IMAGE_STRINGS; i++) {
		const struct slice *s = image_string(&block_of(from)->pub, i);

		n += s->n ? s->n + 1 : 0;
	}
	return n;
}

/* args and env are lists of strings, each with its zero, the last too. */
static bool is_list(size_t i)
{
	return strings_at[i] == offsetof(struct image, args) ||
	       strings_at[i] == offsetof(struct image, env);
}

static void copy_strings(struct image *to, const struct image *from, char *p)
{
	struct slice was = { NULL, 0 };
	struct slice copy = { NULL, 0 };

	for (size_t i = 0; i < IMAGE_STRINGS; i++) {
		struct slice s = *image_string(&block_of(from)->pub, i);

		if (!s.n) {
			*image_string(to, i) = (struct slice){ NULL, 0 };
			continue;
		}
		/* fs_path is mostly the same as path: one copy for both. */
		if (slice_eq(s, was)) {
			*image_string(to, i) = copy;
			continue;
		}
		memcpy(p, s.p, s.n);
		p[s.n] = 0;
		was = s;
		copy = slice_of(p, s.n + (is_list(i) && p[s.n - 1]));
		*image_string(to, i) = copy;
		p += s.n + 1;
	}
}

static struct image_block *new_block(struct image_heap *h,
				     const struct image *from, size_t extra)
{
	struct image_block *b = malloc(sizeof(*b) + extra);

	if (!b)
		return NULL;
	/* Member by member: by a literal all would be zeroed first. */
	b->pub = *from;
	b->heap = h;
	b->strings = b;
	b->variant = NULL;
	b->unified = b->v1 = NULL;
	b->extra = NULL;
	b->refs = b->holds = 1;
	b->depth = 0;
	b->size = (uint32_t)(sizeof(*b) + extra);
	b->place = 0;
	b->pub.id = ++h->next_id;
	b->pub.described_in = 0;
	b->pub.parent = NULL;
	b->pub.prev = NULL;
	h->users++;
	h->images++;
	h->bytes += b->size;
	image_set_parent(&b->pub, from->parent);
	image_set_prev(&b->pub, from->prev);
	return b;
}

struct image *image_new(struct image_heap *h, const struct image *from)
{
	struct image_block *b = new_block(h, from, strings_size(from));

	if (!b)
		return NULL;
	copy_strings(&b->pub, from, (char *)(b + 1));
	return &b->pub;
}

struct image *image_share(struct image_heap *h, const struct image *from,
			  struct image *of)
{
	struct image_block *o = block_of(of);
	struct image_block *b = new_block(h, from, 0);

	if (!b)
		return NULL;
	for (size_t i = 0; i < IMAGE_STRINGS; i++)
		*image_string(&b->pub, i) = *image_string(of, i);
	b->strings = o->strings;
	b->strings->holds++;
	image_set_cgroups(&b->pub, o->unified, o->v1);
	return &b->pub;
}

int image_become(struct image *img, const struct image *from)
{
	struct image_block *b = block_of(img);
	struct image *parent = from->parent ? from->parent : img->parent;
	struct image *prev = from->prev ? from->prev : img->prev;
	size_t n = strings_size(from);
	char *extra = NULL;
	uint32_t gone;

	/* A second time would pull the strings away from under a fork. */
	if (b->extra)
		return -EEXIST;
	if (n) {
		extra = malloc(n);
		if (!extra)
			return -ENOMEM;
	}
	image_ref(parent);
	image_ref(prev);
	image_set_parent(img, NULL);
	image_set_prev(img, NULL);
	gone = img->flags & IMAGE_F_EXITED;
	*img = *from;
	img->flags |= gone;
	img->parent = NULL;
	img->prev = NULL;
	image_set_parent(img, parent);
	image_set_prev(img, prev);
	image_unref(parent);
	image_unref(prev);
	copy_strings(img, from, extra);
	/* One that was moved shared the strings, none, of the unmoved. */
	if (b->strings != b)
		block_put(b->strings);
	b->strings = b;
	b->extra = extra;
	b->size += (uint32_t)n;
	b->heap->bytes += n;
	name_cgroup(b);
	image_renew_id(img);
	return 0;
}

void image_renew_id(struct image *img)
{
	img->id = ++block_of(img)->heap->next_id;
	img->described_in = 0;
	block_of(img)->place = 0;
}

/* ---- variants ----------------------------------------------------------- */

struct image *image_variant(const struct image *img)
{
	struct image_block *v = block_of(img)->variant;

	return v ? &v->pub : NULL;
}

void image_set_variant(struct image *img, struct image *variant)
{
	block_of(img)->variant = variant ? block_of(variant) : NULL;
}
