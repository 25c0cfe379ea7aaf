/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table: every process by (tgid, start time), every program it ran
 * by image number, with its ancestry. Fed by fork, exec, exit and cgroup
 * events in ring order, and by a snapshot at the start. Bounded: dead
 * processes are kept for a while; when the table is full the oldest dead are
 * evicted first, then the processes least recently heard of, and evictions are
 * counted. Very long lines of ancestors or earlier images lose their middle.
 *
 * An image does not change once it was returned, with these exceptions. If the
 * change affects its description, it gets a new id and described_in is cleared.
 * - IMAGE_F_EXITED is set by the exit (no new id).
 * - An unknown image becomes known in place, so that its descendants have their
 *   ancestor (new id).
 * - A process that acts from another cgroup than before (moved by systemd or a
 *   runtime, or one of its threads) gets another struct image with the same
 *   number, parent, prev and strings, and with its own id, cgroup, unit and
 *   container. When it returns to a recent cgroup it gets that struct again, id
 *   included. Children refer to the one that forked them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct proc_table;
struct wire_task;

struct proc_limits {
	size_t max_processes;	/* alive and dead together */
	/* How long after the exit; one second when memory is short. */
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
	uint64_t healed;	/* repaired after a loss, by what runs */
	/*
	 * Programs that run and that the next agent will not know if this one
	 * is killed and they end before it starts: there was no room for them
	 * (see proc_table_remember), neither when it was last written anew nor
	 * since.
	 */
	uint64_t unlogged;
	uint64_t cgroups;
	uint64_t bytes;		/* memory held by images, approximately */
};

/* procfs: "/proc", or a copy of it for tests. Kept as a string copy. */
int proc_table_new(const struct proc_limits *limits, const char *procfs,
		   struct proc_table **ret);
void proc_table_free(struct proc_table *t);

/*
 * Apply one event, of any kind, in ring order. *ret is the image that acted;
 * for an exec, the new one. It is NULL for events without a process
 * (actor.none, EVENT_CGROUP). A process that is not in the table gets an image
 * with IMAGE_F_UNKNOWN that has only what the record says. The image is valid
 * until the next call into the table; take a reference to keep it longer. 0 or
 * -ENOMEM.
 */
int proc_table_apply(struct proc_table *t, const struct event *ev,
		     struct image **ret);

/*
 * The image with this number of a process; NULL: not known. Valid until the
 * next proc_table_apply.
 */
struct image *proc_table_find(const struct proc_table *t, struct proc_key key,
			      uint32_t number);

/* Keep an image (and through it its ancestors) beyond the next call. */
struct image *image_ref(struct image *img);
void image_unref(struct image *img);

/*
 * Add a task that was already running, marked IMAGE_F_SNAPSHOT. Strings are
 * read from /proc/TGID and used only if its start time still matches. An entry
 * that an event made first is not overwritten. Call proc_table_scan_cgroups
 * before.
 */
int proc_table_snapshot(struct proc_table *t, const struct wire_task *task);

/*
 * Add all running tasks, from /proc alone. Start times and image numbers are
 * then corrected by the first record of each process. -errno: /proc cannot be
 * listed; -ENOMEM.
 */
int proc_table_scan(struct proc_table *t);

/*
 * Repair the table after a loss: call begin, then task for every running task,
 * then end. All records made before began_ns (boottime) must have been applied.
 * -ENOMEM.
 */
void proc_table_heal_begin(struct proc_table *t);
int proc_table_heal_task(struct proc_table *t, const struct wire_task *task);
void proc_table_heal_end(struct proc_table *t, uint64_t began_ns);

/*
 * As a snapshot, but /proc is only asked where the table does not know what the
 * task runs. 1: it was asked; 0; -ENOMEM.
 */
int proc_table_update(struct proc_table *t, const struct wire_task *task);

/*
 * After the update of every running task that heal_begin came before: who
 * started before began_ns and was not among them has ended. How many.
 */
size_t proc_table_end_unseen(struct proc_table *t, uint64_t began_ns);

/*
 * From now on keep in `memory` (8-aligned, borrowed as long as t lives) what the
 * next agent must know of the processes that live when this one is killed.
 * -EINVAL: it is too small; -ENOMEM.
 */
int proc_table_remember(struct proc_table *t, void *memory, size_t size,
			uint64_t now_ns);

/*
 * Enter what an earlier table kept there, before anything else is entered but
 * the names of cgroups. Then update every task between heal_begin and
 * end_unseen.
 * Memory of another build says nothing. -ENOMEM.
 */
int proc_table_recall(struct proc_table *t, const void *memory, size_t size,
		      uint64_t now_ns);

/*
 * Read the names of all existing cgroups from the mounted hierarchies. One that
 * cannot be read is skipped; the first -errno is returned, and the names that
 * were found are kept.
 */
int proc_table_scan_cgroups(struct proc_table *t);

/*
 * The v1 hierarchy (its id in /proc/self/cgroup) that actor.cgroup_v1_id
 * belongs to; 0: none. Without this call the scan chooses the mounted one with
 * memory, else pids, devices, freezer, cpu …, as the sensor does.
 */
void proc_table_set_v1(struct proc_table *t, uint32_t hierarchy);

/*
 * Fill in host_path of a path of the last event, which was in mount namespace
 * mnt_ns on file's file system, from the host's mountinfo; it stays empty if it
 * equals path. If several mounts show the file, the one mounted first names it.
 * A claimed name is resolved through the mounts of its namespace, which corrects
 * its fs_path. The bytes belong to t, until the fourth call after this one.
 * exe.host_path of images is already filled in.
 */
void proc_table_host_path(struct proc_table *t, uint32_t mnt_ns,
			  const struct file_id *file, struct file_path *path);

/* Forget dead processes after keep_dead_ms. Call it now and then. */
void proc_table_expire(struct proc_table *t, uint64_t now_ns);

void proc_table_stats(const struct proc_table *t, struct proc_stats *ret);
