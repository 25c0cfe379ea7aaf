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

/* The header of this frame; its seq_end is not looked at. */
void frame_encode(struct frame_key key, const struct frame *f,
		  struct journal_frame_header *ret);

/*
 * The frame at p. Its size in bytes (> 0), with *ret borrowing from p; 0: it
 * may go on past n; -EBADMSG: no frame is here.
 */
long frame_decode(struct frame_key key, const void *p, size_t n,
		  struct frame *ret);

/*
 * The first offset >= from where a valid frame is, or n: resynchronisation.
 * What ends past n is not found.
 */
size_t frame_find(struct frame_key key, const void *p, size_t n, size_t from);

/* The payload of a valid seal or gap. */
struct journal_seal frame_seal(const struct frame *f);
struct journal_gap frame_gap(const struct frame *f);
/* The number that comes at a valid frame, by what it says; 0: it does not. */
uint64_t frame_number(const struct frame *f);
