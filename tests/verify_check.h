/* SPDX-License-Identifier: Apache-2.0 */
/* Journals to be verified, and what is expected to be found. */
#pragma once

#include <errno.h>

#include "store/verify.h"
#include "store_dir.h"

static inline struct verify_result check(const struct store_dir *d,
				  const struct anchor *a)
{
	const struct verify_options o = { .anchor = a };
	struct verify_result v;

	assert_int_equal(verify(d->journal, &o, &v), 0);
	return v;
}

/* The first finding is of this kind, and there are few. */
static inline void expect(const struct verify_result *v, enum verify_kind kind,
		   uint64_t segment)
{
	if (!v->n_findings)
		fail_msg("nothing found, expected %s", verify_kind_name(kind));
	if (v->findings[0].kind != kind || v->findings[0].segment != segment)
		fail_msg("%s in %" PRIu64 " (%s), expected %s in %" PRIu64,
			 verify_kind_name(v->findings[0].kind),
			 v->findings[0].segment, v->findings[0].what,
			 verify_kind_name(kind), segment);
	assert_true(v->n_findings <= 2);
}

/* Five or so segments with several seals each, closed. */
static inline void begin(struct store_dir *d)
{
	int i;

	store_begin(d);
	d->settings.segment_size = 4096;
	store_open(d);
	for (i = 0; i < 20; i++) {
		store_events(d, 11);
		store_flush(d);
	}
	assert_true(store_stats(d).segments >= 4);
	store_close(d);
}

/* The file of segment 2 as frames, to be rearranged. */
struct frames {
	char path[256];
	uint8_t *bytes;
	size_t n;
	struct frame_key key;
	struct {
		size_t off, size;
		struct frame f;
	} at[128];
	unsigned n_at;
};

static inline void load(struct frames *s, const struct store_dir *d, uint64_t number)
{
	struct journal_segment_header h;
	size_t off = JOURNAL_HEADER_AREA;
	long size;

	*s = (struct frames){ 0 };
	s->bytes = store_load(store_segment(d, number, s->path), &s->n);
	memcpy(&h, s->bytes, sizeof(h));
	s->key = frame_key_of(&h);
	for (; off < s->n; off += (size_t)size) {
		size = frame_decode(s->key, s->bytes + off, s->n - off,
				    &s->at[s->n_at].f);
		assert_true(size > 0 && s->n_at < 127);
		s->at[s->n_at].off = off;
		s->at[s->n_at++].size = (size_t)size;
	}
}

/* The index of the nth frame of this type. */
static inline unsigned nth(const struct frames *s, uint8_t type, unsigned n)
{
	unsigned i;

	for (i = 0; i < s->n_at; i++) {
		if (s->at[i].f.type == type && !n--)
			return i;
	}
	fail();
	return 0;
}

static inline void seal_crc(struct frames *s, unsigned i)
{
	struct journal_frame_header h;
	struct frame f = s->at[i].f;

	frame_encode(s->key, &f, &h);
	memcpy(s->bytes + s->at[i].off, &h, sizeof(h));
}

static inline void done(struct frames *s)
{
	free(s->bytes);
}
