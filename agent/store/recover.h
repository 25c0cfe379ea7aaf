/* SPDX-License-Identifier: Apache-2.0 */
/* What a writer finds when it opens a journal, and makes of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/dir.h"
#include "store/journal.h"
#include "store/segment_write.h"

/* A segment on disk, as the writer remembers it. */
struct seg_info {
	uint64_t number;
	uint64_t first_seq;
	uint64_t bytes;
	int64_t wall_ns; /* of making */
};

struct recovery {
	struct journal_opening opening;
	uint64_t next_segment;
	struct state state; /* as it was saved */
	bool nothing_left;  /* segments were there, none could be read */
	bool goes_on;	    /* it is there and has room: go on behind `place` */
	struct segment_place place;
	uint8_t previous_sha[JOURNAL_SHA_SIZE];
	struct seg_info *infos; /* free it */
	size_t n_infos;
	uint64_t cut_bytes;
};

/*
 * Bring the directory into the state that journal_format.h describes under
 * WHAT A CRASH LEAVES, but for the new segment: `state` with the epoch of
 * this run is durable on return. The lock is held by the caller.
 */
int recover(int dirfd, const struct journal_settings *s, struct recovery *ret,
	    char what[static 256]);

/* Headers and sizes of all segments in dirfd; l says whose. Free *ret. */
int recover_infos(int dirfd, const struct dir_list *l, struct seg_info **ret);
