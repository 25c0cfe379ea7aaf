/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second opinion on a name that a process gave: what it leads to now, links
 * followed, by what the kernel has cached. It may have led elsewhere when it
 * was used, so it says nothing for certain; but who leads /tmp/way to
 * /etc/cron.d and writes /tmp/way/job is met by a rule on /etc/cron.d.
 *
 * Nothing is read from any disk and nobody's file system is asked: a lookup
 * that would have to wait is none. Nor is one by a link whose time of access
 * the kernel would have to write (fs/inode.c, atime_needs_update): on relatime
 * mounts one that was followed a day ago last, or no later than in the tick (1
 * to 10 ms) in which it was made. Who acts by a link follows it, so what is
 * left is who makes the link and acts within one tick.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "base/slice.h"

#define SECOND_LOOK_MAX (PATH_MAX + NAME_MAX + 1)

/* Where names are looked up. */
struct second_look_from {
	int root_fd;	 /* -1: nowhere */
	unsigned mnt_ns; /* whose root that is, by its inode number */
};

/*
 * The host's root, as its first process has it: a service's own may be made up
 * of other mounts. Where that is not to be had, our own.
 */
void second_look_open(const char *procfs, struct second_look_from *ret);
void second_look_close(struct second_look_from *from);

/*
 * The way to `path` (absolute) without links, in `out`; the last component is
 * followed as well if `follow`. Empty: the same as path, or not known.
 */
struct slice second_look(const struct second_look_from *from, struct slice path,
			 bool follow, char out[static SECOND_LOOK_MAX]);
