/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a journal cannot be read is set aside under a name of its own
 * (NUMBER-OFFSET.cut), as a whole or its end: never thrown away, and bounded in
 * number and bytes, beyond which it stays where it is and readers pass it by.
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
	struct dir_list *list;		 /* cuts, cut_bytes: counted there */
	struct journal_opening *opening; /* cut_bytes, and the first's name */
	char *what;			 /* [256], what went wrong */
};

/* A segment's end, from `end` to `size`. */
struct torn_tail {
	uint64_t number, end, size;
	int from; /* open for reading */
};

/*
 * 0: it is set aside, or there is no room for it, or it may not be moved, and it
 * stays. -errno with c->what filled in.
 */
int cut_segment(struct cuts *c, uint64_t number);

/*
 * A state that is none, or another journal's. One that is a file would be
 * replaced; anything else must go, or there is no way to write one.
 */
int cut_state(struct cuts *c);

/*
 * Move it out of `fd`, the same segment open for writing, which then ends in
 * t->end. 1: done; 0: there is no room for it; -errno as above.
 */
int cut_tail(struct cuts *c, const struct torn_tail *t, int fd);
