/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cgroup hierarchies are mounted, from the text of mountinfo. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/*
 * The next mount of the unified hierarchy (type cgroup2) that shows its root
 * directory, unescaped into path (terminated, at most 4095 bytes). *text moves
 * past it; false at the end.
 */
bool cgroup_root_next(struct slice *text, char path[static 4096]);

/*
 * The version 1 controller whose hierarchy tells most about where a process
 * belongs, of those that are mounted; NULL: none is. A constant string, the
 * controller's name in the kernel.
 */
const char *cgroup_root_v1(struct slice text);

/* hierarchy_id of a version 1 controller by /proc/self/cgroup; 0: none. */
unsigned cgroup_root_hierarchy(struct slice text, const char *controller);

/*
 * The version 1 hierarchy of this machine whose cgroup ids are kept: its
 * hierarchy_id, and its controller; 0: none is mounted.
 */
unsigned cgroup_root_find_v1(const char **ret_controller);

/*
 * Open the real root of the unified hierarchy: a mount may show a part of it,
 * or a cgroup namespace's root. -ENOENT: none is mounted here.
 */
int cgroup_root_open(int *ret_fd);
