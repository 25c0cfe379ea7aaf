/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of images inside proc/: made in one allocation with their strings,
 * counted, kept as long as a descendant or a reader refers to them.
 */
#pragma once

#include "event.h"

struct cgroup_node;
struct cgroups;

/* How many ancestors are kept: the newest and the first, not the middle. */
struct image_limits {
	unsigned prev_max, prev_new;
	unsigned line_max, line_new, line_first;
};

/* Counts of what is held. Outlives the table while images do. */
struct image_heap {
	uint64_t images;
	uint64_t bytes;
	uint64_t max_bytes;	/* beyond it, lines are cut to the minimum */
	uint64_t next_id;
	uint64_t users;		/* blocks, and the table */
};

/* Images of one exec that differ in cgroup only, kept for a return. */
#define IMAGE_VARIANTS_MAX 4

int image_heap_new(uint64_t max_bytes, struct image_heap **ret);
void image_heap_put(struct image_heap *h);

/*
 * A new image with one reference, filled from *from: strings are copied,
 * parent and prev get a reference, id is set. NULL: no memory.
 */
struct image *image_new(struct image_heap *h, const struct image *from);

/* The same, but its strings and cgroup are those of `of`, shared. */
struct image *image_share(struct image_heap *h, const struct image *from,
			  struct image *of);

/*
 * Turn an unknown image (IMAGE_F_UNKNOWN) into *from in place, with a new id,
 * so that its descendants see it. -ENOMEM.
 */
int image_become(struct image *img, const struct image *from);

/* Set the cgroups that name this image; either may be NULL. */
void image_set_cgroups(struct image *img, struct cgroup_node *unified,
		       struct cgroup_node *v1);

/*
 * Try again to find the name of its container, if it is due. True: it is known
 * now, and the image has a new id.
 */
bool image_name_late(struct image *img, const struct cgroups *c);

/* Give it a new id, because something became known that was not before. */
void image_renew_id(struct image *img);

/*
 * A parent must be older than its child, so that lines have no cycles. Start
 * times are equal only in early boot, with a coarse clock; then pids decide.
 */
static inline bool image_may_descend(struct proc_key child,
				     struct proc_key parent)
{
	return parent.start_ns != child.start_ns ?
		       parent.start_ns < child.start_ns :
		       parent.tgid < child.tgid;
}

/* Sets no parent if image_may_descend says no. */
void image_set_parent(struct image *img, struct image *parent);
void image_set_prev(struct image *img, struct image *prev);

/* Every string that belongs to an image: exe's paths, args and so on. */
#define IMAGE_STRINGS 8
struct slice *image_string(struct image *img, size_t i);
/* Are their strings the same bytes: a fork's and its parent's? */
bool image_is_shared(const struct image *a, const struct image *b);

/* The cgroup of the unified hierarchy, or of v1; NULL: not known by name. */
const struct cgroup_node *image_cgroup(const struct image *img, bool v1);

/* For image_log.c: where img stands in the log. 0 once it has a new id. */
uint64_t image_place(const struct image *img);
void image_set_place(struct image *img, uint64_t place);

/* Images with other cgroups than img; a list owned by img. */
struct image *image_variant(const struct image *img);
void image_set_variant(struct image *img, struct image *variant);
