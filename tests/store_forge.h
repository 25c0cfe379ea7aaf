/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journals for tests that somebody wrote to who knows the format: a header or a
 * frame says something else, and every checksum is right.
 */
#pragma once

#include "base/crc32c.h"
#include "store/frame.h"
#include "store_dir.h"

/* The nth frame of this type in a segment becomes one of the same size. */
struct store_forgery {
	uint64_t segment;
	uint8_t type;
	unsigned nth;
	void (*change)(struct frame *f, uint8_t *payload);
};

static inline void store_forge(const struct store_dir *d,
			       const struct store_forgery *what)
{
	struct journal_segment_header h;
	size_t n, off = JOURNAL_HEADER_AREA;
	unsigned nth = what->nth;
	struct journal_frame_header fh;
	uint8_t payload[256];
	char path[256];
	struct frame f;
	uint8_t *bytes;
	long size;

	bytes = store_load(store_segment(d, what->segment, path), &n);
	memcpy(&h, bytes, sizeof(h));
	for (;; off += (size_t)size) {
		size = frame_decode(frame_key_of(&h), bytes + off, n - off, &f);
		assert_true(size > 0);
		if (f.type == what->type && !nth--)
			break;
	}
	assert_true(f.payload.n <= sizeof(payload));
	memcpy(payload, f.payload.p, f.payload.n);
	what->change(&f, payload);
	f.payload = slice_of((const char *)payload, f.payload.n);
	frame_encode(frame_key_of(&h), &f, &fh);
	memcpy(bytes + off, &fh, sizeof(fh));
	memcpy(bytes + off + sizeof(fh), payload, f.payload.n);
	store_save(path, bytes, n);
	free(bytes);
}

/* What a header is made to say; 0: what it says. */
struct store_header {
	uint32_t epoch;
	uint64_t number; /* and the file's name */
	uint64_t first_seq;
	uint16_t header_size;
	bool with_frames; /* they say the same epoch */
};

/* All valid frames of a segment, whose header was `from`, under `to`. */
static inline void store_forge_frames(uint8_t *bytes, size_t n,
				      const struct journal_segment_header *from,
				      const struct journal_segment_header *to)
{
	size_t off = JOURNAL_HEADER_AREA;
	struct journal_frame_header fh;
	struct frame f;
	long size;

	for (; off < n; off += (size_t)size) {
		size = frame_decode(frame_key_of(from), bytes + off, n - off,
				    &f);
		assert_true(size > 0);
		f.epoch = to->epoch;
		frame_encode(frame_key_of(to), &f, &fh);
		memcpy(bytes + off, &fh, sizeof(fh));
	}
}

/* The header of segment `from` under another number, or the same. */
static inline void store_forge_header(const struct store_dir *d, uint64_t from,
				      const struct store_header *with)
{
	struct journal_segment_header h, was;
	char path[256], name[64];
	uint8_t *bytes;
	size_t n;

	bytes = store_load(store_segment(d, from, path), &n);
	memcpy(&was, bytes, sizeof(was));
	h = was;
	if (with->epoch)
		h.epoch = with->epoch;
	if (with->number)
		h.number = with->number;
	if (with->first_seq)
		h.first_seq = with->first_seq;
	segment_encode_header(&h, bytes);
	if (with->header_size) {
		h.header_size = with->header_size;
		h.crc = crc32c(0, &h, offsetof(__typeof__(h), crc));
		memcpy(bytes, &h, sizeof(h));
		memcpy(bytes + sizeof(h), &h, sizeof(h));
	}
	if (with->with_frames)
		store_forge_frames(bytes, n, &was, &h);
	(void)snprintf(name, sizeof(name), "%016" PRIu64 ".seg", h.number);
	store_save(store_path(d, name, path), bytes, n);
	free(bytes);
}
