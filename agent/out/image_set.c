/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images by number, with their packed bytes. The numbers of images start anew
 * when the agent does, so the bytes are compared too: one batch must not tell
 * two programs under one number.
 */
#include "out/image_set.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"
#include "limits.h"
#include "out/pbwire.h"

#define IMAGES_MAX     8192
#define BYTES_MAX      (16u << 20)
#define REFS_BYTES_MAX (16u << 20)

struct packed {
	uint64_t id;
	size_t at, n;
	uint64_t mark; /* put since the begin of this number */
};

struct image_set {
	struct table *index; /* id -> uint32_t */
	struct packed images[IMAGES_MAX];
	uint32_t n;
	struct buf bytes;
	struct buf refs; /* uint32_t each */
	uint64_t mark;
	size_t total;
};

int image_set_new(struct image_set **ret)
{
	struct image_set *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = table_new(IMAGES_MAX, sizeof(uint64_t), sizeof(uint32_t),
		      &s->index);
	if (r < 0) {
		free(s);
		return r;
	}
	buf_init(&s->bytes, BYTES_MAX);
	buf_init(&s->refs, REFS_BYTES_MAX);
	*ret = s;
	return 0;
}

void image_set_free(struct image_set *s)
{
	if (!s)
		return;
	table_free(s->index);
	buf_done(&s->bytes);
	buf_done(&s->refs);
	free(s);
}

void image_set_reset(struct image_set *s)
{
	while (s->n)
		table_remove(s->index, &s->images[--s->n].id);
	buf_reset(&s->bytes);
	buf_reset(&s->refs);
	s->total = 0;
}

size_t image_set_bytes(const struct image_set *s)
{
	return s->total;
}

/* 1: known or added, its place in *ret; 0: not into this set. */
static int add_one(struct image_set *s, const Picket__V1__Image *img,
		   uint32_t *ret)
{
	size_t n = picket__v1__image__get_packed_size(img), at = s->bytes.n;
	const uint32_t *have = table_get(s->index, &img->id);
	void *to;
	int made;

	if (!have && s->n == IMAGES_MAX)
		return 0;
	/* Packed behind what is there; taken back if it was there already. */
	to = buf_extend(&s->bytes, n);
	if (!to) {
		s->bytes.failed = false;
		return 0;
	}
	picket__v1__image__pack(img, to);
	if (have) {
		const struct packed *p = &s->images[*have];
		bool same = p->n == n && !memcmp(s->bytes.p + p->at, to, n);

		s->bytes.n = at;
		*ret = *have;
		return same;
	}
	s->images[s->n] = (struct packed){ .id = img->id, .at = at, .n = n };
	*(uint32_t *)table_put(s->index, &img->id, &made) = s->n;
	s->total += wire_field_size(n);
	*ret = s->n++;
	return 1;
}

static bool is_listed(const struct image_set *s, size_t from, uint32_t place)
{
	size_t i;
	uint32_t have;

	for (i = from; i < s->refs.n; i += sizeof(have)) {
		memcpy(&have, s->refs.p + i, sizeof(have));
		if (have == place)
			return true;
	}
	return false;
}

int image_set_add(struct image_set *s, const struct view_images *images,
		  const Picket__V1__Image *img, struct image_refs *ret)
{
	size_t from = s->refs.n, depth;
	uint32_t place;

	/*
	 * First what the process ran before, then who started it: the order
	 * of time backwards. A line that loops (a forged journal) ends when
	 * it comes to what is listed.
	 */
	for (depth = 0; img && depth < PICKET_ANCESTORS_MAX; depth++) {
		const Picket__V1__Image *next;
		int r = add_one(s, img, &place);

		if (r <= 0) {
			s->refs.n = from;
			return r;
		}
		if (is_listed(s, from, place))
			break;
		buf_add(&s->refs, &place, sizeof(place));
		if (s->refs.failed) {
			s->refs.failed = false;
			s->refs.n = from;
			return 0;
		}
		next = view_image(images, img->prev_id);
		img = next ? next : view_image(images, img->parent_id);
	}
	ret->first = (uint32_t)(from / sizeof(place));
	ret->n = (uint32_t)((s->refs.n - from) / sizeof(place));
	return 1;
}

void image_set_begin(struct image_set *s)
{
	s->mark++;
}

void image_set_put(struct image_set *s, struct image_refs refs, uint8_t tag,
		   struct buf *out)
{
	uint32_t i, place;

	for (i = 0; i < refs.n; i++) {
		struct packed *p;

		memcpy(&place, s->refs.p + (refs.first + i) * sizeof(place),
		       sizeof(place));
		p = &s->images[place];
		if (p->mark == s->mark)
			continue;
		p->mark = s->mark;
		wire_tag(out, tag, p->n);
		buf_add(out, s->bytes.p + p->at, p->n);
	}
}
