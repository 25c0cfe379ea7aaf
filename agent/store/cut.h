/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets aside what cannot be read of a journal, a whole segment or its end,
 * under a name of its own (NUMBER-OFFSET.cut). Nothing is thrown away. Number
 * and bytes are bounded; beyond that it stays where it is, and readers skip
 * it.
 */
#pragma once

#include <stdint.h>

#include "store/dir.h"
#include "store/journal.h"

/* Set-aside files: at most so many, and at most max_size / CUT_SHARE. */
#define CUTS_MAX  16
#define CUT_SHARE 4

struct cuts {
	int dirfd;
	const struct journal_settings *settings;
	struct dir_list *list;		 /* cuts and cut_bytes are updated */
	struct journal_opening *opening; /* cut_bytes and cut_file, too */
	char *what;			 /* [256], gets what went wrong */
};

/* A segment's end, from `end` to `size`. */
struct torn_tail {
	uint64_t number, end, size;
	int from; /* open for reading */
};

/*
 * Set a whole segment aside. 0 also if it has to stay, because there is no room
 * or it cannot be moved. -errno with c->what filled in.
 */
int cut_segment(struct cuts *c, uint64_t number);

/*
 * Set the state file aside, which is invalid or another journal's. (A regular
 * file could be replaced; a directory of that name must go first.) -errno.
 */
int cut_state(struct cuts *c);

/*
 * Move the tail out of the segment, which is open for writing as `fd` and is
 * then cut at t->end. 1: done; 0: no room, it stays; -errno as above.
 */
int cut_tail(struct cuts *c, const struct torn_tail *t, int fd);
