/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal behind a cursor, record by record, only what is sealed. Holds
 * one record back until it is taken, so that whoever has no room for it now
 * meets it again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "out/view.h"
#include "store/cursor.h"

struct feed;

/*
 * Open the journal in dir behind the cursor NAME of state_dir; without one,
 * or with that of another journal, at the oldest record.
 * -ENOENT: no journal there (yet). what: one line on failure.
 */
struct feed_opening {
	struct cursor cursor; /* with the journal's id; seq 0: from oldest */
	bool had_cursor;
	bool ahead;	      /* it speaks of what is to come: as if not */
	bool bad_cursor;      /* there was one that is none: as if not */
	bool other_journal;   /* the cursor was of another one: ... */
	struct cursor former; /* ... that is where it stood */
};
int feed_open(const char *dir, const char *state_dir, const char *name,
	      struct feed **ret, struct feed_opening *ret_opening,
	      char what[static 256]);
/* A second one that looks ahead: behind `at`, or (NULL) from the end on. */
int feed_open_second(const char *dir, const struct cursor *at,
		     struct feed **ret);
void feed_close(struct feed *f);

enum feed_got {
	FEED_NONE = 0,
	FEED_RECORD = 1,
	FEED_UNREADABLE = 2,
	FEED_OTHER = 3
};

/*
 * What comes next: FEED_RECORD with f's view, FEED_UNREADABLE (of its view
 * only epoch, seq and seq_end mean something), FEED_NONE for now, FEED_OTHER:
 * what follows is of another journal than at opening (one was put in its
 * place, or the first one begun), so open it again; or -errno of the reader.
 * The same again until feed_taken.
 */
int feed_peek(struct feed *f, const struct view **ret);
void feed_taken(struct feed *f);

/* As reader_ends_early, where feed_peek says FEED_NONE. */
bool feed_ends_early(const struct feed *f, uint64_t *ret_first,
		     uint64_t *ret_last);

const struct view_images *feed_images(const struct feed *f);

/* Readable when there may be more; feed_clear then. */
int feed_fd(const struct feed *f);
void feed_clear(struct feed *f);

void feed_seal(const struct feed *f, uint64_t *ret_seq,
	       uint8_t ret_sha256[static 32]);
