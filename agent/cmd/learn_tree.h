/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as a tree of path components, for learn_names.c. A node is a component
 * or, where it is likely to be called otherwise next time, a glob of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* So many names of mkstemp that begin alike were asked for so. */
#define THROWN_MIN 3u

struct node {
	struct slice part;   /* as a glob; owned */
	struct slice raw;    /* the first name that became it; owned */
	size_t pre, suf;     /* what all of them begin and end with */
	size_t least;	     /* the length of the shortest */
	bool is_glob;	     /* part is not the raw name */
	size_t of;	     /* different names that ended here ... */
	uint64_t count;	     /* ... and how often */
	struct slice sample; /* the whole name; of whoever planted it */
	struct node **subs;
	size_t n_subs, cap;
	/* Those of them that names may still join: few, as a rule. */
	struct node **globs;
	size_t n_globs, globs_cap;
};

/* A copy on the heap. -ENOMEM. */
int tree_copy(struct slice s, struct slice *ret);

/* A node and all below it. */
void tree_free(struct node *t);
/* What all names that became t begin and end with, with this one. */
void tree_narrow(struct node *t, struct slice raw);

/* A name that names_fit; names come sorted, '/' first. -ENOMEM. */
int tree_plant(struct node *root, struct slice path, uint64_t count);

/* Directories in which too much happened become one glob each. -ENOMEM. */
int tree_thin(struct node *root);
