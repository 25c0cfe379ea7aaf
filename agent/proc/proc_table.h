/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is who: every process by (tgid, start time), every program it ran by
 * image number, with its ancestry. Fed by fork, exec, exit and cgroup events
 * in ring order and by a snapshot at start. Bounded: the dead are kept a
 * while, then the oldest dead go first; what had to go is counted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct proc_table;
struct wire_task;

struct proc_limits {
	size_t max_processes;	/* alive and dead together */
	uint64_t keep_dead_ms;	/* after the exit */
};

struct proc_stats {
	uint64_t processes;	/* in the table now */
	uint64_t alive;
	uint64_t images;
	uint64_t evicted_alive;	/* still running, but the table was full */
	uint64_t evicted_dead;
	uint64_t unknown;	/* events whose process was not in the table */
	uint64_t cgroups;
	uint64_t bytes;		/* memory held by images, approximately */
};

/* procfs: "/proc", or a copy of it for tests. Kept as a string copy. */
int proc_table_new(const struct proc_limits *limits, const char *procfs,
		   struct proc_table **ret);
void proc_table_free(struct proc_table *t);

/*
 * Account for one event, whatever its kind, in ring order, and name the
 * image that acted. For an exec that is the new image. Never NULL but for
 * -ENOMEM and for events without a process (actor.none, EVENT_CGROUP: *ret is
 * NULL then, 0 returned). An event of a process that is not in the table
 * gets an image with IMAGE_F_UNKNOWN that holds only what the record says.
 * The image stays valid until the next call into the table; take a
 * reference to keep it longer.
 */
int proc_table_apply(struct proc_table *t, const struct event *ev,
		     struct image **ret);

/* Keep an image (and through it its ancestors) beyond the next call. */
struct image *image_ref(struct image *img);
void image_unref(struct image *img);

/*
 * Enter a task that already ran. Strings come from /proc/TGID and are taken
 * only if its start time still agrees; marked IMAGE_F_SNAPSHOT. An entry that
 * events made first is not overwritten. Call cgroup scan first.
 */
int proc_table_snapshot(struct proc_table *t, const struct wire_task *task);

/* Learn the names of all cgroups that exist, from the mounted hierarchies. */
int proc_table_scan_cgroups(struct proc_table *t);

/*
 * Fill host_path of a path seen in mount namespace mnt_ns on device dev,
 * from the host's mountinfo. The bytes live in t until the next call.
 */
void proc_table_host_path(struct proc_table *t, uint32_t mnt_ns, uint32_t dev,
			  struct file_path *path);

/* Forget the dead whose time is over. Call now and then. */
void proc_table_expire(struct proc_table *t, uint64_t now_ns);

void proc_table_stats(const struct proc_table *t, struct proc_stats *ret);
