/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that were seen -> few globs that fit them all, and what is likely to
 * be called alike tomorrow: versioned directories, temporary names, numbers,
 * files of which there are many in one directory. What comes out depends on
 * the set of names alone, not on their order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cmd/learn_room.h"

struct names;

/* Is this a name that a rule can have: whole, from '/', without "." or ".."? */
bool names_fit(struct slice path);

/*
 * One name by itself, as a glob: numbers of versions and directories that are
 * numbers become [0-9]*. For programs: no other name fits by chance.
 */
void names_generalise(struct buf *out, struct slice path);
/* The same of what is no path: the number of a session, a hash. */
void names_generalise_word(struct buf *out, struct slice word);

/* The room is borrowed. */
int names_new(struct learn_room *room, struct names **ret);
void names_free(struct names *n);
/*
 * Seen once more. -EINVAL: names_fit says no; -ENOSPC: it is a new one, and
 * there is no room for it. -ENOMEM.
 */
int names_add(struct names *n, struct slice path);

/*
 * The globs, sorted. of: how many different names became this one; sample: one
 * of them. -ENOMEM, or a negative return of fn.
 */
struct names_glob {
	struct slice glob, sample;
	uint64_t count; /* times */
	size_t of;
};
typedef int (*names_fn)(void *arg, const struct names_glob *g);
int names_globs(struct names *n, names_fn fn, void *arg);
