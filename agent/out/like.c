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

/* A set of fields is 64 bits; from 64 on they are never left to the base. */
#define FIELDS 64

/* All that a message has of one field, in a row. */
struct run {
	uint32_t number; /* FIELDS at the end, or from there on */
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
	ret->number = f.number < FIELDS ? f.number : FIELDS;
	ret->bytes = slice_of(begin, (size_t)(s->p - begin));
	return 1;
}

/* The same, with all that follow of that number; at the end FIELDS, empty. */
static int next_run(struct slice *s, struct run *ret)
{
	struct run more;
	struct slice rest;
	int r = next_field(s, ret);

	if (r <= 0) {
		*ret = (struct run){ .number = FIELDS };
		return r;
	}
	for (rest = *s; (r = next_field(&rest, &more)) > 0; *s = rest) {
		if (more.number < ret->number)
			return -EINVAL;
		if (more.number != ret->number)
			break;
		ret->bytes.n += more.bytes.n;
	}
	return r < 0 ? r : 1;
}

static void add_varint(struct buf *out, uint32_t number, uint64_t v)
{
	/* A tag of two bytes: the numbers are from 16 to 127. */
	buf_add_char(out, (char)(0x80 | (number & 0xf) << 3));
	wire_tag(out, (uint8_t)(number >> 4), v);
}

int like_shorten(struct slice whole, struct slice base, uint64_t base_id,
		 struct buf *out)
{
	struct run have, had;
	uint64_t without = 0;
	int r, k;

	r = next_run(&whole, &have);
	k = next_run(&base, &had);
	while (r >= 0 && k >= 0 &&
	       (have.number != FIELDS || had.number != FIELDS)) {
		struct run is = have, was = had;

		if (is.number <= was.number)
			r = next_run(&whole, &have);
		if (was.number <= is.number)
			k = next_run(&base, &had);
		if (was.number < is.number)
			without |= 1ull << was.number;
		else if (is.number < was.number ||
			 !slice_eq(is.bytes, was.bytes))
			buf_add_slice(out, is.bytes);
	}
	if (r < 0 || k < 0)
		return -EINVAL;
	buf_add_slice(out, have.bytes);
	add_varint(out, FIELD_LIKE, base_id);
	if (without)
		add_varint(out, FIELD_WITHOUT, without);
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
		if (f.number < FIELDS)
			mine |= 1ull << f.number;
		if (!is_ours(f.number))
			buf_add_slice(out, f.bytes);
	}
	while (r == 0 && (r = next_field(&base, &f)) > 0) {
		if (f.number < FIELDS && !(mine >> f.number & 1) &&
		    !is_ours(f.number))
			buf_add_slice(out, f.bytes);
		r = 0;
	}
	return r < 0 ? -EBADMSG : 0;
}
