/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walk the frames of one segment file, in order, whoever may be writing to it.
 * The reader, recovery and verify are three users of this one walk.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal_format.h"
#include "store/frame.h"

struct scan {
	int fd; /* owned */
	struct journal_segment_header header;
	struct frame_key key;
	uint64_t off;	/* of the next frame */
	uint64_t tried; /* file size at which resync found nothing */
	uint8_t *buf;
	size_t buf_size;  /* grows to what one frame needs */
	uint64_t buf_off; /* where buf's bytes are in the file */
	size_t buf_n;
};

#define SCAN_INIT        \
	{                \
		.fd = -1 \
	}

/*
 * Begin at the first frame. Errors as segment_read_header, -ENOENT, -ENOMEM.
 * A scan that is open is closed first.
 */
int scan_open(struct scan *s, int dirfd, uint64_t number);
/* The same, and another journal's is as damaged: -EBADMSG. */
int scan_open_of(struct scan *s, int dirfd, uint64_t number, const uint8_t *id);
void scan_close(struct scan *s);

struct scan_hit {
	struct frame frame; /* payload: until the next call on the scan */
	uint64_t off;	    /* where it is */
	uint64_t size;
	uint64_t skipped; /* bytes of damage right before it */
};

/*
 * 1: *ret is the next valid frame; s->off is behind it. 0: none from s->off
 * to the end of the file as it is now; what is there may become one unless
 * the segment is finished. -errno: reading failed.
 */
int scan_next(struct scan *s, struct scan_hit *ret);

/* Bytes from s->off to the end of the file. */
int scan_rest(struct scan *s, uint64_t *ret);
