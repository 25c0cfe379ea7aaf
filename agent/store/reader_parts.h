/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a reader, for its three files alone. */
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
	/*
	 * The directory, as it was when a segment came last that was not in it:
	 * judging reads every header.
	 */
	struct dir_list here;
	/* The next number, as its state said it at opening; or 0. */
	uint64_t state_seq;

	struct scan at;	  /* fd < 0: between segments */
	uint64_t segment; /* the one in `at`, or the last that was; 0 */
	uint32_t epoch;	  /* of the last one that is in order */
	bool finished;	  /* a younger one is there: it will not grow */
	bool has_after;	  /* so it is for the last one that was found */
	uint64_t bound;	  /* the first number of the next in order */
	uint64_t next;	  /* the number that comes; 0: not known yet */
	uint64_t leapt;	  /* what it was before a gap in `segment`; or 0 */
	uint64_t comes;	  /* in `at`, whether it was seen or not; 0: unknown */
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
void reader_go_before(struct reader *r);
/*
 * List and judge the directory anew; before anything was read, we are of its
 * journal.
 */
int reader_look(struct reader *r);

/* Judge anew when it is listed next: a file is not what was said of it. */
void reader_forget(struct reader *r);

/* An error that says something of the file, and not of us. */
bool reader_is_files(int err);

/* A segment younger than ours. */
struct younger {
	uint64_t number; /* 0: there is none */
	bool is_oldest;	 /* nothing is listed before it */
	bool in_order;
};

/* The next one; r->has_after: it is finished. */
int reader_find_younger(struct reader *r, struct younger *ret);
/* The first number of the next segment in order, of the epoch we are in. */
uint64_t reader_bound(const struct reader *r, uint64_t segment);
/* 1: our directory was not what its name shows any more, and is now. */
int reader_follow_directory(struct reader *r);

/* No writer gives a number that is so far behind r->next. */
bool reader_leaps(const struct reader *r, uint64_t end);
/* From here on numbers are lies, for a segment or for what leaps. */
uint64_t reader_limit(const struct reader *r);
/* The same for what skips and ends at `off`: what follows it is asked as well. */
uint64_t reader_believes(struct reader *r, uint64_t off);
/*
 * May what was not seen begin with it? What skips, be it numbers that were seen,
 * and what stands for many, is asked about.
 */
bool reader_believes_frame(struct reader *r, const struct scan_hit *hit);
/* Something in the segment that is open has a number before its header's. */
bool reader_header_lies(struct reader *r);
/* The first number in it is one before r->next; or there is none yet. */
bool reader_goes_back(struct reader *r);
/*
 * Of a gap from r->next on, and up to where it is believed: we have seen its
 * beginning, or ask only for the end; or it says too much.
 */
void reader_clip_gap(struct reader *r, const struct scan_hit *hit,
		     struct reader_frame *ret);
