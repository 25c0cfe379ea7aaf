/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of one mount namespace, as one reading of mountinfo tells. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct mount {
	uint32_t dev;		/* major << 20 | minor */
	uint32_t order;		/* of mounting */
	struct slice root;	/* what it shows; "" is the whole file system */
	struct slice point;	/* where; "" is the namespace's root */
};

/* A value; {0} is an empty one. */
struct mount_list {
	char *text;
	struct mount *mounts;	/* by device, then by order */
	size_t count;
	uint32_t root_dev;	/* of what is mounted at / */
	bool is_cut;		/* there were more mounts than are kept */
};

/* Read from the start of fd; *ret is untouched on failure. */
int mount_list_read(int fd, struct mount_list *ret);
void mount_list_done(struct mount_list *l);

/* The one mounted first that shows a file of this device; NULL: none does. */
const struct mount *mount_list_first(const struct mount_list *l, uint32_t dev,
				     struct slice fs_path);

/* The one that a path of this namespace leads through; NULL: none. */
const struct mount *mount_list_through(const struct mount_list *l,
				       struct slice path);

/* path is root, or lies below it. */
bool mount_is_below(struct slice path, struct slice root);
