/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process and those that came of it, found from records alone: each brings
 * its process's line of ancestors with it, so whether it is of the tree is
 * seen from that line, and those below a known one join. Bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "out/view.h"

#define FOREST_NODES_MAX 65536u
#define FOREST_NONE	 UINT32_MAX

struct forest_node {
	void *of; /* the owner's: what it made of the process */
	uint32_t parent, first_child, last_child, next; /* FOREST_NONE */
	uint32_t depth;					/* the root's is 0 */
};

struct forest_owner {
	/* *ret: what to keep of a process that joins; negative: -errno. */
	int (*join)(void *arg, const Picket__V1__Image *img, void **ret);
	void (*forget)(void *of);
	void *arg;
};

struct forest {
	struct forest_owner owner;
	struct table *by_key;
	struct forest_node *nodes; /* [0] is the root; moves as it grows */
	uint32_t n, cap;
};

/* -ENOMEM. Failed or not, forest_done may follow. */
int forest_init(struct forest *f, const struct forest_owner *owner);
void forest_done(struct forest *f);

/* The process so many steps up from img, or as far as it is known. */
const Picket__V1__Image *forest_above(const struct view_images *images,
				      const Picket__V1__Image *img,
				      unsigned up);

/* Is the process of the tree? One that forest_place has room for, or has. */
bool forest_has(const struct forest *f, const struct view_images *images,
		const Picket__V1__Image *img);

/* The first one. What join returned, or -ENOMEM. */
int forest_root(struct forest *f, const Picket__V1__Image *img);

/*
 * *ret: the node of this process, made if it is of the tree; FOREST_NONE: it
 * is not, or there is no room (forest_full says). As forest_root.
 */
int forest_place(struct forest *f, const struct view_images *images,
		 const Picket__V1__Image *img, uint32_t *ret);

static inline bool forest_full(const struct forest *f)
{
	return f->n == FOREST_NODES_MAX;
}

/* The node behind this one, depth first; FOREST_NONE behind the last. */
uint32_t forest_behind(const struct forest *f, uint32_t i);
