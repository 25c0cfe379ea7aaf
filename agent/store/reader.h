/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read a journal from a position on, across segments, while it is written.
 * Read-only: needs no lock and no right to write. Nothing read is trusted:
 * lengths, numbers and checksums are verified before a frame is handed out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "journal_format.h"

struct reader;

enum reader_from { READER_OLDEST, READER_NOW, READER_SEQ };

struct reader_frame {
	uint8_t type; /* JOURNAL_* */
	uint8_t flags;
	uint32_t epoch;
	uint64_t seq;	  /* 0: not numbered */
	uint64_t seq_end; /* gap: first number after it; else seq + 1 */
	int64_t wall_ns;
	uint64_t segment;
	struct slice payload; /* until the next call */
};

/*
 * A gap's payload is struct journal_gap (journal_format.h), which says why;
 * seq and seq_end are all that most callers need.
 */

#define READER_SEALED_ONLY 0x1 /* never past the last seal: ship, query */

/*
 * from SEQ: the first numbered frame handed out is the first with
 * number >= seq that still exists; descriptions of that segment come first
 * all the same, so that every event can be understood. Frames that are gone
 * (trimmed, damaged) show as one JOURNAL_GAP frame made by the reader, with
 * READER_MISSING in flags.
 */
int reader_open(const char *dir, enum reader_from from, uint64_t seq,
		unsigned flags, struct reader **ret);
void reader_close(struct reader *r);

/*
 * As from SEQ, behind what a cursor has done with. The number alone is not
 * enough: after a power loss the journal may have given the numbers behind
 * the cut again in a new epoch, and what the cursor says of them is about the
 * old ones. A cursor of another journal is as good as none: from OLDEST.
 */
struct cursor;
int reader_open_cursor(const char *dir, const struct cursor *c, unsigned flags,
		       struct reader **ret);

/*
 * Begin with this number at a place in a segment where frames begin, as the
 * index by time says (spans.h): descriptions before it are not seen. With
 * off 0, or where that segment is gone, as from SEQ.
 */
struct reader_place {
	uint64_t segment, off, seq;
};
int reader_open_at(const char *dir, const struct reader_place *at,
		   unsigned flags, struct reader **ret);

#define READER_MISSING 0x80

/* 1: *ret is the next frame; 0: nothing more now; -errno. */
int reader_next(struct reader *r, struct reader_frame *ret);

/*
 * When there is nothing more: did the journal's state, as it was at opening,
 * speak of numbers that never came? Its end was cut off, or removed.
 */
bool reader_ends_early(const struct reader *r, uint64_t *ret_first,
		       uint64_t *ret_last);

/*
 * Readable when there may be more (inotify). Owned by the reader, made at the
 * first call, and readable then at once: look again before waiting.
 */
int reader_fd(struct reader *r);
/* Clear what made reader_fd readable. */
void reader_clear(struct reader *r);

/* Did the directory, when it was last looked at, hold any segment at all? */
bool reader_found_any(const struct reader *r);

/* The journal's identity. */
const uint8_t *reader_journal_id(const struct reader *r);

/* Newest seal seen: last number it covers and its running SHA-256. */
void reader_seal(const struct reader *r, uint64_t *ret_seq,
		 uint8_t ret_sha256[static 32]);
