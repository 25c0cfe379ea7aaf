/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: what a writer does with the journal that it finds at opening. */
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
	int64_t wall_ns; /* when it was created */
};

struct recovery {
	struct journal_opening opening;
	uint64_t next_segment;
	struct state state; /* as it was saved */
	bool nothing_left;  /* there were segments, and none could be read */
	bool goes_on;	    /* go on in the last segment, at `place` */
	struct segment_place place;
	uint8_t previous_sha[JOURNAL_SHA_SIZE];
	struct seg_info *infos; /* free it */
	size_t n_infos;
	uint64_t cut_bytes;
};

/*
 * Bring the directory into the state that journal_format.h describes under
 * WHAT A CRASH LEAVES, except for the new segment. On return the state file,
 * with the epoch of this run, is durable. The caller holds the lock. -errno
 * with a line for the operator in `what`.
 */
int recover(int dirfd, const struct journal_settings *s, struct recovery *ret,
	    char what[static 256]);

/* Headers and sizes of all segments in l. The caller frees *ret. */
int recover_infos(int dirfd, const struct dir_list *l, struct seg_info **ret);
