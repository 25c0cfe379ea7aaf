/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places for processes: found by (tgid, start time), in two lists by age, the
 * living by their last event, the dead by their exit. All memory is taken at
 * the start; who gives way is the caller's decision.
 */
#pragma once

#include <stddef.h>

#include "event.h"

struct proc {
	struct proc_key key;
	struct image *image;	/* what it runs now */
	uint64_t gone_ns;	/* of the dead: when */
	uint32_t chain;
	uint32_t older, younger;
	uint32_t heal_round; /* in which it was seen to live last */
	bool dead;
	bool rough; /* key.start_ns is the beginning of its clock tick */
};

struct proc_index;

int proc_index_new(size_t max, struct proc_index **ret);
void proc_index_free(struct proc_index *x);

struct proc *proc_index_find(const struct proc_index *x, struct proc_key key);
/* A living process with key's tgid and another start time, or NULL. */
struct proc *proc_index_rival(const struct proc_index *x, struct proc_key key);

/* The same place under another start time of the same pid. */
void proc_index_restart(struct proc_index *x, struct proc *p,
			uint64_t start_ns);

/* A new place among the living, zeroed; NULL: all are taken. */
struct proc *proc_index_add(struct proc_index *x, struct proc_key key);
void proc_index_remove(struct proc_index *x, struct proc *p);

/* Now the youngest of the living. */
void proc_index_touch(struct proc_index *x, struct proc *p);
/* Now the youngest of the dead; revive: of the living again. */
void proc_index_bury(struct proc_index *x, struct proc *p, uint64_t now_ns);
void proc_index_revive(struct proc_index *x, struct proc *p);

/* The oldest of the dead, or of the living; NULL: none. */
struct proc *proc_index_oldest(const struct proc_index *x, bool dead);

/* The living one after another: the youngest after NULL, NULL in the end. */
struct proc *proc_index_next(const struct proc_index *x, const struct proc *p);

size_t proc_index_count(const struct proc_index *x, bool dead);
