/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining of names, by their text alone: what a name would mean if no
 * component were a symlink. For names that a process only claimed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct path_join {
	struct slice base; /* absolute and normal; "" and "/" are the root */
	struct slice name; /* taken below base, leading slashes or not */
	size_t floor;	   /* ".." never shortens the result below this */
	bool hit_floor;	   /* set when a ".." wanted to */
};

/* Room that path_join needs in `out`. */
static inline size_t path_join_room(const struct path_join *j)
{
	return j->base.n + j->name.n + 2;
}

/*
 * base + "/" + name with "//", "/./", "/../" and trailing slashes collapsed,
 * not zero-terminated. Returns its length, at least 1: the least is "/".
 */
size_t path_join(struct path_join *j, char *out);

/* Is `path` the directory `dir`, or below it? Both absolute and normal. */
bool path_is_within(const char *dir, const char *path);
