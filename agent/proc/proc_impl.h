/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind proc_table.h share, and nobody else looks at. */
#pragma once

#include "proc/cgroups.h"
#include "proc/image.h"
#include "proc/mounts.h"
#include "proc/proc_index.h"
#include "proc/proc_table.h"
#include "proc/scripts.h"
#include "wire.h"

/* Paths handed out by proc_table_host_path, in turn. */
#define HOST_PATHS 4

struct proc_log;

struct proc_table {
	struct proc_index *index;
	struct proc_log *log;	/* NULL: nothing outlives the table */
	struct image_heap *heap;
	struct cgroups *cgroups;
	struct mounts *mounts;
	struct scripts *scripts;
	struct image *held;	/* returned last, kept until the next call */
	char *procfs;
	char **env_names;	/* NULL-terminated, or NULL: keep none */
	uint64_t keep_dead_ns;
	uint64_t now_ns;	/* of the event that is applied */
	struct proc_stats stats;
	uint32_t heal_round;
	size_t rough; /* processes whose start is known by its tick only */
	/* proc_snapshot.c: mounts of the process looked at last. */
	char *mountinfo;
	size_t mountinfo_n;
	/* Room to join and filter in; copied into the image at once. */
	char script[2 * WIRE_NAME_MAX + 2];
	char env[WIRE_ENV_MAX];
	struct mounts_room exe_room;
	struct mounts_room rooms[HOST_PATHS];
	unsigned room_turn;
};

/* proc_table.c: a place for a process; whoever must gives way. */
struct proc *proc_enter(struct proc_table *t, struct proc_key key);

/* p has ended, or is taken to have. */
void proc_bury(struct proc_table *t, struct proc *p);

/* Make img what p runs. Takes over one reference. */
void proc_set_image(struct proc *p, struct image *img);

/* ---- proc_find.c -------------------------------------------------------- */

/*
 * The process of this key. One that was only scanned (proc_scan.c) is taken
 * for it where their start times agree as far as /proc tells them, and gets
 * its true key, and `number` as its image's.
 */
uint64_t proc_tick_ns(void);
struct proc *proc_lookup(struct proc_table *t, struct proc_key key,
			 uint32_t number);

/* An image of which only its key and ids are known. */
struct image proc_unknown(const struct actor *actor);

/* Who is named, without having acted: not even ids are known. */
struct actor proc_named(struct proc_key key, uint32_t number);

/* A new image, with its cgroups named. NULL: no memory. */
struct image *proc_make(struct proc_table *t, const struct image *from);
void proc_name_cgroups(struct proc_table *t, struct image *img);

/* Keep img, with the reference given, until the next call into the table. */
void proc_hold(struct proc_table *t, struct image *img);

/* Make img what p runs from now on; what it was in other cgroups goes. */
void proc_next_image(struct proc *p, struct image *img);
void proc_drop_variants(struct proc *p);

/* p runs actor's number now, and nobody told when it began to. */
int proc_add_unseen(struct proc_table *t, struct proc *p,
		    const struct actor *actor);

/* What p ran under this number before; NULL: not remembered. */
struct image *proc_earlier(const struct proc *p, uint32_t number);

/* Who acted, by what a record says of the actor; entered if need be. */
int proc_find_actor(struct proc_table *t, const struct actor *actor,
		    struct proc **ret_proc, struct image **ret);

/* An image as another process's record names it. */
struct proc_ref {
	struct proc_key key;
	uint32_t number;
};

/*
 * What a fork, an exec or a task names as its parent, entered if need be.
 * NULL: none is named (tgid 0), or it is younger than its child.
 */
int proc_parent(struct proc_table *t, struct proc_key child,
		const struct proc_ref *parent, struct image **ret);

/* ---- proc_events.c ------------------------------------------------------ */

int proc_fork(struct proc_table *t, const struct event *ev,
	      struct image **ret);
int proc_exec(struct proc_table *t, const struct event *ev,
	      struct image **ret);

/* ---- proc_log.c --------------------------------------------------------- */

/* Into the log, if it is not there. */
void proc_log_note(struct proc_table *t, struct image *img);
/* All of it anew: what runs was looked at. */
void proc_log_renew(struct proc_table *t);

/* ---- proc_exec.c -------------------------------------------------------- */

/* What an exec record tells, slices borrowed from it and t. */
struct image proc_exec_image(struct proc_table *t, const struct event *ev);

/* Keep of env what is allow-listed, in t->env. *ret_cut: not all fitted. */
struct slice proc_filter_env(struct proc_table *t, struct slice env,
			     bool *ret_cut);

enum stdio_kind proc_stdio_kind(uint32_t mode, uint32_t rdev);
