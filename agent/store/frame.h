/* SPDX-License-Identifier: Apache-2.0 */
/* One frame <-> bytes, as include/journal_format.h specifies it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "journal_format.h"

#define FRAME_HEADER sizeof(struct journal_frame_header)
#define FRAME_MAX    (FRAME_HEADER + JOURNAL_PAYLOAD_MAX)

struct frame {
	uint8_t type;
	uint8_t flags;
	uint32_t epoch;
	uint64_t seq;	  /* 0: not numbered */
	uint64_t seq_end; /* gap: first + count; numbered: seq + 1; else 0 */
	int64_t wall_ns;
	struct slice payload;
};

/* What ties a frame to its segment: the CRC begins with the salt. */
struct frame_key {
	uint32_t seed;
	uint32_t epoch;
};

struct frame_key frame_key_of(const struct journal_segment_header *h);

/* Make the header of f; f->seq_end is ignored. */
void frame_encode(struct frame_key key, const struct frame *f,
		  struct journal_frame_header *ret);

/*
 * Decode the frame at p. Returns its size in bytes (> 0), with *ret borrowing
 * from p; 0: more than n bytes are needed; -EBADMSG: there is no frame here.
 */
long frame_decode(struct frame_key key, const void *p, size_t n,
		  struct frame *ret);

/*
 * Resynchronise: the first offset >= from with a complete valid frame, or n.
 */
size_t frame_find(struct frame_key key, const void *p, size_t n, size_t from);

/* The payload of a valid seal or gap. */
struct journal_seal frame_seal(const struct frame *f);
struct journal_gap frame_gap(const struct frame *f);
/* The number that a valid frame has, or that it says comes next; 0: neither. */
uint64_t frame_number(const struct frame *f);
