/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a reader, for its two files alone. */
#pragma once

#include <time.h>

#include "store/dir.h"
#include "store/reader.h"
#include "store/scan.h"
#include "store/watch.h"

struct reader {
	char *dir;
	int dirfd;
	unsigned flags;
	struct watch watch;
	bool is_watched;
	uint8_t id[JOURNAL_ID_SIZE]; /* of what was handed out */
	bool has_id;
	/* The directory's, as it was when a segment last was not of it. */
	struct identity here;

	struct scan at;	  /* fd < 0: between segments */
	uint64_t segment; /* the one in `at`, or the last that was; 0 */
	uint32_t epoch;	  /* of it */
	bool finished;	  /* a younger one is there: it will not grow */
	uint64_t after;	  /* the one behind the last that was found; or 0 */
	uint64_t bound;	  /* the first number of the one behind `segment` */
	uint64_t next;	  /* the number that comes; 0: not known yet */
	uint64_t leapt;	  /* what it was before a gap in `segment`; or 0 */
	struct reader_place start; /* in a segment not entered yet; or off 0 */

	struct scan ahead; /* sealed only: looks for seals in `segment` */
	uint64_t horizon;  /* behind the last one it found */
	struct journal_seal newest;

	bool has_held; /* found, but a gap goes first */
	struct scan_hit held;
	struct journal_gap gap; /* payload of the gap handed out */

	int64_t listed_ns; /* when no younger segment was found ... */
	struct timespec listed_mtime; /* ... and the directory's time then */
};

/* Close what is open of it; it stays where it is. */
void reader_leave_segment(struct reader *r);
/* Go before the one that holds r->next, so that it is opened next. */
void reader_go_before(struct reader *r, const struct dir_list *l);
/* Note whose the directory is; before anything was read, we are of that. */
int reader_know_id(struct reader *r, struct dir_list *l);
/*
 * The numbers of segments younger than ours: the least in *ret (0: none) and
 * whether it is the oldest of all; the one behind it in r->after.
 */
int reader_find_younger(struct reader *r, uint64_t *ret, bool *ret_oldest);
/* 1: our directory was not what its name shows any more, and is now. */
int reader_follow_directory(struct reader *r);
