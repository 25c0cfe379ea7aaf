/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is who: every process by (tgid, start time), every program it ran by
 * image number, with its ancestry. Fed by fork, exec, exit and cgroup events
 * in ring order and by a snapshot at start. Bounded: the dead are kept a
 * while, then the oldest dead go first, then who was not heard of longest;
 * what had to go is counted. Lines of ancestors and of earlier images keep
 * the newest and the first; the middle of very long ones goes.
 *
 * An image does not change once it was returned, but for these, and whatever
 * changes what a description says gives it a new id and clears described_in:
 * - IMAGE_F_EXITED is set by the exit (no new id);
 * - an image that was unknown becomes known where it stands, so that those
 *   who descend from it have their ancestor (new id);
 * - a process that acts from another cgroup than its image was found in (moved
 *   by systemd or a runtime, or one of its threads) acts through another
 *   struct image: same number, parent, prev and strings, its own id and
 *   cgroup, unit, container. Going back to a cgroup it had lately goes back to
 *   that struct, id included. Children refer to the one that forked them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct proc_table;
struct wire_task;

struct proc_limits {
	size_t max_processes;	/* alive and dead together */
	/* After the exit, while memory allows; else one second. */
	uint64_t keep_dead_ms;
	/*
	 * Names of environment variables to keep, NULL-terminated, copied.
	 * NULL: none. The kernel side compares only their first bytes.
	 */
	const char *const *env_names;
};

struct proc_stats {
	uint64_t processes;	/* in the table now */
	uint64_t alive;
	uint64_t images;
	uint64_t evicted_alive;	/* still running, but the table was full */
	uint64_t evicted_dead;
	uint64_t unknown;	/* events whose process was not in the table */
	uint64_t unseen_execs;	/* image numbers that were never reported */
	uint64_t healed;	/* put right against what runs, after a loss */
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

/*
 * The image that a process runs, or ran as its `number`-th, if it is known;
 * NULL. Valid until the next proc_table_apply.
 */
struct image *proc_table_find(const struct proc_table *t, struct proc_key key,
			      uint32_t number);

/* Keep an image (and through it its ancestors) beyond the next call. */
struct image *image_ref(struct image *img);
void image_unref(struct image *img);

/*
 * Enter a task that already ran. Strings come from /proc/TGID and are taken
 * only if its start time still agrees; marked IMAGE_F_SNAPSHOT. An entry that
 * events made first is not overwritten. Call cgroup scan first.
 */
int proc_table_snapshot(struct proc_table *t, const struct wire_task *task);

/*
 * The same from /proc alone, for all there is: start times and numbers of
 * execs are then put right by the first record of each process. -errno: /proc
 * cannot be listed; -ENOMEM.
 */
int proc_table_scan(struct proc_table *t);

/*
 * After a loss: begin, every task that runs, end. All records that were made
 * before began_ns (boottime) have been applied. -ENOMEM as the snapshot.
 */
void proc_table_heal_begin(struct proc_table *t);
int proc_table_heal_task(struct proc_table *t, const struct wire_task *task);
void proc_table_heal_end(struct proc_table *t, uint64_t began_ns);

/*
 * Learn the names of all cgroups that exist, from the mounted hierarchies. A
 * hierarchy that cannot be read is skipped: the first -errno is returned, the
 * names that were found are in.
 */
int proc_table_scan_cgroups(struct proc_table *t);

/*
 * Which v1 hierarchy (its id in /proc/self/cgroup) actor.cgroup_v1_id speaks
 * of; 0: none. Untold, the scan takes the mounted one that has memory, else
 * pids, devices, freezer, cpu …, as the sensor does.
 */
void proc_table_set_v1(struct proc_table *t, uint32_t hierarchy);

/*
 * Fill host_path of a path that the last event applied named, seen in mount
 * namespace mnt_ns on device dev, from the host's mountinfo; empty where it
 * says nothing new. Where several mounts show the file, the one mounted first
 * names it. A claimed name is led through its namespace's mounts, which puts
 * its fs_path right. The bytes live in t, those of the last four calls.
 * exe.host_path of images is already filled.
 */
void proc_table_host_path(struct proc_table *t, uint32_t mnt_ns, uint32_t dev,
			  struct file_path *path);

/* Forget the dead whose time is over. Call now and then. */
void proc_table_expire(struct proc_table *t, uint64_t now_ns);

void proc_table_stats(const struct proc_table *t, struct proc_stats *ret);
