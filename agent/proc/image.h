/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of images inside proc/: made in one allocation with their strings,
 * counted, kept as long as a descendant or a reader refers to them.
 */
#pragma once

#include "event.h"

struct cgroup_node;
struct cgroups;

/* How much of a line is kept; what is between the newest and the first goes. */
struct image_limits {
	unsigned prev_max, prev_new;
	unsigned line_max, line_new, line_first;
};

/* Counts of what is held. Outlives the table while images do. */
struct image_heap {
	uint64_t images;
	uint64_t bytes;
	uint64_t max_bytes;	/* past it, lines are cut to what is vital */
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
 * Turn an image made without strings (IMAGE_F_UNKNOWN) into *from where it
 * stands, so that whoever descends from it sees it; under a new id. -ENOMEM.
 */
int image_become(struct image *img, const struct image *from);

/* Which cgroups (each may be NULL) name this image from now on. */
void image_set_cgroups(struct image *img, struct cgroup_node *unified,
		       struct cgroup_node *v1);

/*
 * Ask again what its container is called, where that is not known yet (it is
 * not asked each time); true: it is told now, under a new id.
 */
bool image_name_late(struct image *img, const struct cgroups *c);

/* Set what was not known when the image was made, under a new id. */
void image_renew_id(struct image *img);

/*
 * A parent is older than its child: so lines have no circles. Equal only in
 * early boot, before there is a fine clock: then pids tell.
 */
static inline bool image_may_descend(struct proc_key child,
				     struct proc_key parent)
{
	return parent.start_ns != child.start_ns ?
		       parent.start_ns < child.start_ns :
		       parent.tgid < child.tgid;
}

/* No parent where it cannot be one. */
void image_set_parent(struct image *img, struct image *parent);
void image_set_prev(struct image *img, struct image *prev);

/* Images with other cgroups than img; a list owned by img. */
struct image *image_variant(const struct image *img);
void image_set_variant(struct image *img, struct image *variant);
