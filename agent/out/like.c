// SPDX-License-Identifier: Apache-2.0
/*
 * The one idea: it is done with fields as they are packed, so that no field is
 * named here and one that is added tomorrow needs nothing. A field is told
 * anew whole, with all that is repeated of it, or is as in the base, or is
 * named as one that is missing here.
 */
#include "out/like.h"

#include <errno.h>
#include <string.h>

#include "out/pbwire.h"

/* Of Image. */
#define FIELD_LIKE    16
#define FIELD_WITHOUT 17

/* All that a message has of one field, in a row. */
struct run {
	uint32_t number; /* LIKE_FIELDS: that, or larger */
	struct slice bytes;
};

static bool is_ours(uint32_t number)
{
	return number == FIELD_LIKE || number == FIELD_WITHOUT;
}

/* 1: *ret is the next; 0: the end; -EBADMSG. */
static int next_field(struct slice *s, struct run *ret)
{
	const char *begin = s->p;
	struct wire_field f;
	int r = wire_next(s, &f);

	if (r <= 0)
		return r;
	ret->number = f.number < LIKE_FIELDS ? f.number : LIKE_FIELDS;
	ret->bytes = slice_of(begin, (size_t)(s->p - begin));
	return 1;
}

static void add_varint(struct buf *out, uint32_t number, uint64_t v)
{
	/* A tag of two bytes: the numbers are from 16 to 127. */
	buf_add_char(out, (char)(0x80 | (number & 0xf) << 3));
	wire_tag(out, (uint8_t)(number >> 4), v);
}

int like_base_set(struct like_base *b, uint64_t id, struct slice whole)
{
	struct wire_runs runs;

	if (whole.n > LIKE_BASE_MAX || wire_find_runs(whole, &runs) < 0)
		return -EINVAL;
	memcpy(b->bytes, whole.p, whole.n);
	b->id = id;
	b->runs = runs;
	return 0;
}

static bool is_same(const struct like_base *b, unsigned i, struct slice run)
{
	return b->runs.have >> i & 1 && b->runs.run[i].n == run.n &&
	       memcmp(b->bytes + b->runs.run[i].at, run.p, run.n) == 0;
}

static struct slice run_of(const struct like_whole *w, unsigned i)
{
	return slice_of(w->bytes.p + w->runs.run[i].at, w->runs.run[i].n);
}

void like_shorten(const struct like_whole *whole, const struct like_base *base,
		  struct buf *out)
{
	/* Run 0 is no field: all that is never left to the base. */
	uint64_t have = whole->runs.have & ~1ull, left;
	uint64_t without = base->runs.have & ~have & ~1ull;
	/* Runs that stand in a row are told in one piece. */
	struct slice run, piece = { NULL, 0 };
	unsigned i;

	for (left = have; left; left &= left - 1) {
		i = (unsigned)__builtin_ctzll(left);
		run = run_of(whole, i);
		if (is_same(base, i, run))
			continue;
		if (piece.n && piece.p + piece.n == run.p) {
			piece.n += run.n;
			continue;
		}
		buf_add_slice(out, piece);
		piece = run;
	}
	buf_add_slice(out, piece);
	if (whole->runs.have & 1)
		buf_add_slice(out, run_of(whole, 0));
	add_varint(out, FIELD_LIKE, base->id);
	if (without)
		add_varint(out, FIELD_WITHOUT, without);
}

void like_take(struct like *l, const struct wire_field *f)
{
	if (f->number == FIELD_LIKE && f->type == 0)
		l->id = f->value;
	else if (f->number == FIELD_WITHOUT && f->type == 0)
		l->without = f->value;
}

int like_read(struct slice payload, struct like *ret)
{
	struct like like = { 0 };
	struct wire_field f;
	int r;

	while ((r = wire_next(&payload, &f)) > 0)
		like_take(&like, &f);
	if (r < 0)
		return r;
	*ret = like;
	return 0;
}

int like_complete(struct slice payload, const struct like *like,
		  struct slice base, struct buf *out)
{
	uint64_t mine = like->without;
	struct run f;
	int r;

	if (base.n > LIKE_BASE_MAX)
		return -EBADMSG;
	while ((r = next_field(&payload, &f)) > 0) {
		if (f.number < LIKE_FIELDS)
			mine |= 1ull << f.number;
		if (!is_ours(f.number))
			buf_add_slice(out, f.bytes);
	}
	while (r == 0 && (r = next_field(&base, &f)) > 0) {
		if (f.number < LIKE_FIELDS && !(mine >> f.number & 1) &&
		    !is_ours(f.number))
			buf_add_slice(out, f.bytes);
		r = 0;
	}
	return r < 0 ? -EBADMSG : 0;
}
