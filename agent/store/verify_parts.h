/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of verify, for verify*.c alone: what is known on the way. */
#pragma once

#include "store/identity.h"
#include "store/scan.h"
#include "store/segment.h"
#include "store/sha.h"
#include "store/verify.h"

struct check {
	int dirfd;
	struct sha *sha;
	const struct verify_options *options;
	const struct anchor *anchor;
	struct verify_result *out;
	struct scan scan;
	uint64_t done, total; /* bytes, of the listed segments */
	uint64_t told;	      /* what progress was told last */
	struct identity whose;
	uint64_t next;	   /* number that comes; 0: not known */
	uint64_t link;	   /* offset where the open link begins */
	bool all_trimmed;  /* nothing that was listed is there any more */
	bool explained;	   /* the open link has a finding already */
	bool has_no_frame; /* no number since bytes that are no frame, … */
	size_t no_frame;   /* … which is the finding of this index */
	bool ends_in_seal; /* nothing stands behind the last seal */
	bool has_before;   /* `before` is the end of the last segment */
	uint64_t segment;  /* its number */
	uint64_t floor;	   /* the oldest that the state says is left; or 0 */
	uint64_t oldest;   /* listed, ours or in its place; 0: none yet */
	uint32_t epoch;
	uint8_t before[JOURNAL_SHA_SIZE];
	uint64_t before_end;
	/* Its frames do not begin where it says, or are of another epoch. */
	bool odd_header;
	uint64_t rest; /* bytes at its end that are no frame */
	bool clean;    /* the last seal said so */
	bool final;    /* so did the last frame: nobody goes on behind it */
	uint64_t sealed_findings;   /* how many there were at the last seal */
	uint64_t border_findings;   /* and before the segment's first frame */
	struct segment_times times; /* of its numbered frames so far */
	struct scan_hit gap;	    /* the last in it; its payload is gone */
	int64_t link_earliest_ns;   /* of those in the open link */
};

/* Note a finding. It explains the link that is open. */
void verify_find(struct check *c, struct verify_finding f);

/* verify_frames.c. Of a frame that was read: does its number follow? */
void verify_number(struct check *c, const struct scan_hit *hit);
/* Of a seal: is what it covers what it says? -errno: reading failed. */
int verify_seal(struct check *c, const struct scan_hit *hit);
/*
 * Is this the place of the anchor, if there is one? Its seal is known by what
 * it covers, not by being there: a power loss may take a seal that was shipped,
 * and what it covered is durable. `at`: the end of a frame. -errno.
 */
int verify_try_anchor(struct check *c, uint64_t at);
/* The SHA-256 of the open link, if it ended at `to`. -errno. */
int verify_link_sha(struct check *c, uint64_t to,
		    uint8_t ret[static JOURNAL_SHA_SIZE]);

/* verify_ends.c. */
/* Does this segment go on where the one before it ended? */
void verify_border(struct check *c, const struct journal_segment_header *h);
/*
 * Is what a seal says besides its SHA so? No link covers the newest seal, and
 * its times decide what a query reads. True of a segment with a finding.
 */
bool verify_seal_says(const struct check *c, const struct frame *seal);
/*
 * Does the journal end where the writer said that it ended? As it said before
 * anything was read: a writer may have begun meanwhile, or ended.
 */
void verify_state(struct check *c, const struct state *before);
/* Is the oldest that was listed the oldest that the writer left? */
void verify_oldest(struct check *c);
/*
 * There are segments, and no state that can be believed: -ENOENT, -EBADMSG;
 * -ESTALE: it is another journal's.
 */
void verify_no_state(struct check *c, int error);
void verify_anchor(struct check *c);
