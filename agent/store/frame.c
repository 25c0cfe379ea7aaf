/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames. The one idea: a length or number is looked at only to decide how
 * many bytes the CRC is taken over, and believed only after it fits.
 */
#include "store/frame.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/crc32c.h"

#define CRC_FROM offsetof(struct journal_frame_header, length)

struct frame_key frame_key_of(const struct journal_segment_header *h)
{
	return (struct frame_key){ .seed = crc32c(0, h->salt, sizeof(h->salt)),
				   .epoch = h->epoch };
}

static uint32_t frame_crc(struct frame_key key,
			  const struct journal_frame_header *h,
			  struct slice payload)
{
	uint32_t crc;

	crc = crc32c(key.seed, (const char *)h + CRC_FROM,
		     sizeof(*h) - CRC_FROM);
	return crc32c(crc, payload.p, payload.n);
}

void frame_encode(struct frame_key key, const struct frame *f,
		  struct journal_frame_header *ret)
{
	*ret = (struct journal_frame_header){
		.length = (uint32_t)f->payload.n,
		.magic = JOURNAL_FRAME_MAGIC,
		.type = f->type,
		.flags = f->flags,
		.epoch = key.epoch,
		.seq = f->seq,
		.wall_ns = f->wall_ns,
	};
	ret->crc = frame_crc(key, ret, f->payload);
}

struct journal_seal frame_seal(const struct frame *f)
{
	struct journal_seal s = { 0 };

	/* An early writer's is shorter than what we know. */
	memcpy(&s, f->payload.p,
	       f->payload.n < sizeof(s) ? f->payload.n : sizeof(s));
	return s;
}

uint64_t frame_number(const struct frame *f)
{
	return f->type == JOURNAL_SEAL ? frame_seal(f).last_seq + 1 : f->seq;
}

struct journal_gap frame_gap(const struct frame *f)
{
	struct journal_gap g;

	memcpy(&g, f->payload.p, sizeof(g));
	return g;
}

/* What a right CRC does not prove: that the writer obeyed the format. */
static bool is_sound(struct frame *f)
{
	struct journal_gap g;

	if (f->seq >= JOURNAL_SEQ_MAX)
		return false;
	f->seq_end = f->seq ? f->seq + 1 : 0;
	switch (f->type) {
	case 0:
		return false;
	case JOURNAL_EVENT:
	case JOURNAL_AMENDMENT:
		return f->seq;
	case JOURNAL_GAP:
		if (f->payload.n < sizeof(g))
			return false;
		g = frame_gap(f);
		f->seq_end = g.first + g.count;
		return f->seq && g.first == f->seq && g.count &&
		       g.count <= JOURNAL_SEQ_MAX - f->seq;
	case JOURNAL_DESCRIPTION:
		return !f->seq;
	case JOURNAL_SEAL:
		return !f->seq && f->payload.n >= JOURNAL_SEAL_LEAST &&
		       frame_seal(f).last_seq < JOURNAL_SEQ_MAX;
	default: /* of a later minor version: passed over by who reads */
		return true;
	}
}

long frame_decode(struct frame_key key, const void *p, size_t n,
		  struct frame *ret)
{
	struct journal_frame_header h;
	struct frame f;

	if (n < sizeof(h))
		return 0;
	memcpy(&h, p, sizeof(h));
	if (h.magic != JOURNAL_FRAME_MAGIC || h.epoch != key.epoch ||
	    h.length > JOURNAL_PAYLOAD_MAX)
		return -EBADMSG;
	if (n - sizeof(h) < h.length)
		return 0;
	f = (struct frame){
		.type = h.type,
		.flags = h.flags,
		.epoch = h.epoch,
		.seq = h.seq,
		.wall_ns = h.wall_ns,
		.payload = slice_of((const char *)p + sizeof(h), h.length),
	};
	if (frame_crc(key, &h, f.payload) != h.crc || !is_sound(&f))
		return -EBADMSG;
	*ret = f;
	return (long)(sizeof(h) + h.length);
}

size_t frame_find(struct frame_key key, const void *p, size_t n, size_t from)
{
	const char magic[2] = { 'J', 'F' };
	const size_t at = offsetof(struct journal_frame_header, magic);
	const char *base = p, *hit;
	struct frame f;

	while (from < n && n - from >= FRAME_HEADER) {
		hit = memmem(base + from + at, n - from - at, magic,
			     sizeof(magic));
		if (!hit)
			return n;
		from = (size_t)(hit - base) - at;
		if (frame_decode(key, base + from, n - from, &f) > 0)
			return from;
		from++;
	}
	return n;
}
