/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: a directory of segments, written by one process at a time.
 * Payload is bytes. include/journal_format.h has the format.
 *
 * Appending copies into memory and returns; a thread of the journal's own
 * writes, syncs and seals. So an append never waits for the disk; what does
 * not fit into the bounded buffer while the disk is stuck is counted and
 * becomes a gap frame.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"
#include "journal_format.h"

struct journal;
struct store_io;

struct journal_settings {
	const char *dir;
	uint64_t max_size;	   /* bytes over all segments */
	uint64_t max_age_ms;	   /* 0: no bound */
	uint64_t segment_size;	   /* a new one is begun past this */
	uint64_t buffer_size;	   /* memory for what is not yet written */
	uint32_t sync_interval_ms; /* at most this between data and seal */
	mode_t file_mode;	   /* 0640 */
	const struct store_io *io; /* NULL: the system's; tests break it */
};

/* What opening found, to be journaled as events by the caller. */
struct journal_opening {
	uint8_t id[16];
	uint32_t epoch;
	uint64_t next_seq;
	bool created;	      /* a new journal */
	bool unclean;	      /* the last writer did not close it */
	uint64_t cut_bytes;   /* set aside: torn, damaged, another's */
	char cut_file[64];    /* the first's name in dir; empty: nothing was */
	int64_t last_wall_ns; /* time of the last whole frame; 0: none */
};

/* Position and health, cheap to ask. */
struct journal_stats {
	uint32_t epoch;
	uint64_t first_seq; /* oldest still there; 0: empty */
	uint64_t next_seq;
	uint64_t sealed_seq; /* last durable */
	uint64_t bytes;	     /* on disk, set-aside tails included */
	uint64_t segments;
	uint64_t appended, dropped; /* numbered frames; dropped ones */
	uint64_t waiting;	    /* numbered, in memory: not durable yet */
	uint64_t trimmed_unread;    /* removed before the cursor passed */
	uint64_t stuck;		    /* segments that should go and cannot */
	uint64_t reopened;     /* times its place was gone, and made anew */
	uint64_t reopened_seq; /* the number it went on with then */
	uint64_t syncs;
	int error;	     /* errno that writing fails with now; 0: fine */
	char error_what[64]; /* "write", "fdatasync", "open segment" … */
};

/*
 * -EWOULDBLOCK: another process holds it, its pid in *ret_holder (may be 0).
 * -EACCES, -ENOSPC, -EROFS … as met. The directory is made if its parent is
 * there. what: one line for the operator on failure.
 */
int journal_open(const struct journal_settings *s, struct journal **ret,
		 struct journal_opening *ret_opening, int *ret_holder,
		 char what[static 256]);

/*
 * Names the place that the next frames go into, another segment if the last
 * one is full, or another part of a large one. Where this changes, images are
 * described again. Until the next call no append rotates, so descriptions and
 * the events that refer to them end in one segment; between two calls at most
 * PICKET_ANCESTORS_MAX descriptions and an event are appended.
 */
uint64_t journal_segment(struct journal *j);

#define JOURNAL_URGENT 0x1 /* sync at once: an alert */

/*
 * Append one frame: type JOURNAL_EVENT, JOURNAL_AMENDMENT or
 * JOURNAL_DESCRIPTION. *ret_seq: its number (0 for a description).
 * -ENOBUFS: the buffer is full; counted, a gap frame will say so: the number
 * is used up all the same. -EMSGSIZE: payload over JOURNAL_PAYLOAD_MAX.
 */
int journal_append(struct journal *j, uint8_t type, unsigned flags,
		   int64_t wall_ns, struct slice payload, uint64_t *ret_seq);

/*
 * Everything up to `seq` has been delivered by all who deliver. Whole segments
 * before it go first when a bound demands it; those behind it go when nothing
 * else is left, and are counted in trimmed_unread. Never called: nobody
 * delivers, and nothing is counted.
 */
int journal_set_cursor(struct journal *j, uint64_t seq);

/* Wait until all appended frames are sealed, at most timeout_ms; -ETIMEDOUT. */
int journal_flush(struct journal *j, uint32_t timeout_ms);

void journal_stats(struct journal *j, struct journal_stats *ret);

/* Seal, mark as clean, give up the lock. NULL is fine. */
void journal_close(struct journal *j);
