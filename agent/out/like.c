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

/*
 * The same, with all that follow of that number; *ahead is the one behind it,
 * empty at first and at the end, so that each is looked at once.
 */
static int next_run(struct slice *s, struct run *ahead, struct run *ret)
{
	int r = 1;

	if (!ahead->bytes.n)
		r = next_field(s, ahead);
	if (r <= 0)
		return r;
	*ret = *ahead;
	ahead->bytes.n = 0;
	while ((r = next_field(s, ahead)) > 0) {
		if (ahead->number < ret->number)
			return -EINVAL;
		if (ahead->number != ret->number)
			return 1;
		ret->bytes.n += ahead->bytes.n;
		ahead->bytes.n = 0;
	}
	return r < 0 ? r : 1;
}

static void add_varint(struct buf *out, uint32_t number, uint64_t v)
{
	/* A tag of two bytes: the numbers are from 16 to 127. */
	buf_add_char(out, (char)(0x80 | (number & 0xf) << 3));
	wire_tag(out, (uint8_t)(number >> 4), v);
}

int like_base_set(struct like_base *b, uint64_t id, struct slice whole)
{
	struct run ahead = { 0 }, f;
	struct slice rest = whole;
	int r;

	if (whole.n > LIKE_BASE_MAX)
		return -EINVAL;
	while ((r = next_run(&rest, &ahead, &f)) > 0)
		;
	if (r < 0)
		return -EINVAL;
	memcpy(b->bytes, whole.p, whole.n);
	b->id = id;
	b->fields = 0;
	rest = whole;
	ahead.bytes.n = 0;
	while (next_run(&rest, &ahead, &f) > 0 && f.number < LIKE_FIELDS) {
		b->fields |= 1ull << f.number;
		b->field[f.number].at = (uint16_t)(f.bytes.p - whole.p);
		b->field[f.number].n = (uint16_t)f.bytes.n;
	}
	return 0;
}

static bool is_same(const struct like_base *b, const struct run *f)
{
	return (b->fields >> f->number & 1) &&
	       slice_eq(slice_of(b->bytes + b->field[f->number].at,
				 b->field[f->number].n),
			f->bytes);
}

int like_shorten(struct slice whole, const struct like_base *base,
		 struct buf *out)
{
	struct run ahead = { 0 }, f;
	uint64_t have = 0;
	int r;

	while ((r = next_run(&whole, &ahead, &f)) > 0 &&
	       f.number < LIKE_FIELDS) {
		have |= 1ull << f.number;
		if (!is_same(base, &f))
			buf_add_slice(out, f.bytes);
	}
	/* The last run: all that is never left to the base. */
	if (r > 0)
		buf_add_slice(out, f.bytes);
	if (r < 0)
		return -EINVAL;
	add_varint(out, FIELD_LIKE, base->id);
	if (base->fields & ~have)
		add_varint(out, FIELD_WITHOUT, base->fields & ~have);
	return 0;
}

int like_read(struct slice payload, struct like *ret)
{
	struct like like = { 0 };
	struct wire_field f;
	int r;

	while ((r = wire_next(&payload, &f)) > 0) {
		if (f.number == FIELD_LIKE && f.type == 0)
			like.id = f.value;
		else if (f.number == FIELD_WITHOUT && f.type == 0)
			like.without = f.value;
	}
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
