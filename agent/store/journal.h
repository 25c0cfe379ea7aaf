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
	uint64_t segment_size;	   /* bytes; then the next one begins */
	uint64_t buffer_size;	   /* bytes of memory for unwritten frames */
	uint32_t sync_interval_ms; /* data is sealed after this at most */
	mode_t file_mode;	   /* 0640 */
	const struct store_io *io; /* NULL: the system's; for tests */
};

/* What opening found, to be journaled as events by the caller. */
struct journal_opening {
	uint8_t id[16];
	uint32_t epoch;
	uint64_t next_seq;
	bool created;	      /* a new journal */
	bool unclean;	      /* the last writer did not close it */
	uint64_t cut_bytes;   /* set aside: torn, damaged or foreign */
	char cut_file[64];    /* name of the first in dir; empty: none */
	int64_t last_wall_ns; /* wall time of the last frame; 0: none */
};

/* Position and health, cheap to ask. */
struct journal_stats {
	uint32_t epoch;
	uint64_t first_seq; /* oldest still there; 0: empty */
	uint64_t next_seq;
	uint64_t sealed_seq; /* the last one that is durable */
	uint64_t bytes;	     /* on disk, with what was set aside */
	uint64_t segments;
	uint64_t appended, dropped; /* numbered frames; dropped ones */
	uint64_t waiting;	    /* numbered, in memory: not durable yet */
	uint64_t trimmed_unread;    /* removed before the cursor passed */
	uint64_t stuck;		    /* segments that cannot be deleted */
	uint64_t reopened;     /* how often the directory had to be remade */
	uint64_t reopened_seq; /* the next number when it was remade last */
	uint64_t syncs;
	int error;	     /* errno that writing fails with now; 0: fine */
	char error_what[64]; /* "write", "fdatasync", "open segment" … */
};

/*
 * -EWOULDBLOCK: another process writes it; *ret_holder is its pid, or 0.
 * -EACCES, -ENOSPC, -EROFS …: system calls failed. The directory is created if
 * its parent exists. what: on failure, one line for the operator.
 */
int journal_open(const struct journal_settings *s, struct journal **ret,
		 struct journal_opening *ret_opening, int *ret_holder,
		 char what[static 256]);

/*
 * Returns a number for the place that the next frames go into, after switching
 * to the next segment (or part of a large one) if one is due. When the number
 * changes, images must be described again. No append switches by itself, so
 * descriptions and the events that refer to them end up in one segment. Between
 * two calls, append at most PICKET_ANCESTORS_MAX descriptions and one event.
 */
uint64_t journal_segment(struct journal *j);

#define JOURNAL_URGENT 0x1 /* sync at once: an alert */

/*
 * Append one frame: type JOURNAL_EVENT, JOURNAL_AMENDMENT or
 * JOURNAL_DESCRIPTION. *ret_seq: its number (0 for a description). -ENOBUFS:
 * the buffer is full, and the frame is lost; its number is used up, is
 * counted, and will be in a gap frame. -EMSGSIZE: the payload is larger than
 * JOURNAL_PAYLOAD_MAX.
 */
int journal_append(struct journal *j, uint8_t type, unsigned flags,
		   int64_t wall_ns, struct slice payload, uint64_t *ret_seq);

/*
 * Everything up to `seq` has been delivered to all collectors. When the journal
 * must shrink, segments up to there are deleted first; later ones only when
 * nothing else is left, and these are counted in trimmed_unread. If it is never
 * called there are no collectors, and nothing is counted.
 */
int journal_set_cursor(struct journal *j, uint64_t seq);

/* Wait until all appended frames are durable; -ETIMEDOUT after timeout_ms. */
int journal_flush(struct journal *j, uint32_t timeout_ms);

void journal_stats(struct journal *j, struct journal_stats *ret);

/* Seal, mark the journal as cleanly closed, unlock it. NULL is fine. */
void journal_close(struct journal *j);
