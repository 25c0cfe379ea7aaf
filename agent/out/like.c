// SPDX-License-Identifier: Apache-2.0
/*
 * The one idea: it is done by the table of a message's fields, so that none is
 * named here and one that is added tomorrow needs nothing. A field is told
 * anew whole, with all that is repeated of it, or is as in the base, or is
 * named as one that is missing here. What is seen to be the same before it is
 * packed is most of it, and is never packed.
 */
#include "out/like.h"

#include <errno.h>
#include <string.h>

#include "out/pack.h"
#include "out/pack_plan.h"
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

/* ---- the base ----------------------------------------------------------- */

/* Room within a base; it is given back with it. */
struct room {
	char *at;
	size_t left;
};

static void *take(struct room *room, size_t n)
{
	void *p = room->at;

	n = (n + 7) / 8 * 8;
	if (n > room->left)
		return NULL;
	room->at += n;
	room->left -= n;
	return p;
}

static void *copy(struct room *room, const void *of, size_t n)
{
	void *p = take(room, n);

	return p && n ? memcpy(p, of, n) : p;
}

static ProtobufCMessage *copy_message(struct room *room,
				      const ProtobufCMessage *m);

/* What a member that was copied points to is copied, too. */
static bool copy_behind(struct room *room, const struct pack_step *s, char *at)
{
	ProtobufCBinaryData bytes;
	void *p;

	if (s->how <= PACK_FIXED)
		return true;
	if (s->how == PACK_BYTES) {
		memcpy(&bytes, at, sizeof(bytes));
		bytes.data = copy(room, bytes.data, bytes.len);
		memcpy(at, &bytes, sizeof(bytes));
		return bytes.data;
	}
	memcpy(&p, at, sizeof(p));
	if (!p)
		return true;
	p = s->how == PACK_STRING ? copy(room, p, strlen(p) + 1)
				  : copy_message(room, p);
	memcpy(at, &p, sizeof(p));
	return p;
}

static bool copy_list(struct room *room, const struct pack_step *s,
		      char *message)
{
	size_t size = pack_element_size(s), n;
	char *list;

	memcpy(&n, message + s->count_at, sizeof(n));
	memcpy(&list, message + s->offset, sizeof(list));
	if (!n)
		return true;
	list = n > LIKE_ROOM / size ? NULL : copy(room, list, n * size);
	memcpy(message + s->offset, &list, sizeof(list));
	for (size_t i = 0; list && i < n; i++)
		if (!copy_behind(room, s, list + i * size))
			return false;
	return list;
}

/* All of it, down to the last byte. NULL: there is no room. */
static ProtobufCMessage *copy_message(struct room *room,
				      const ProtobufCMessage *m)
{
	const struct pack_plan *plan = pack_plan_of(m->descriptor);
	char *to = copy(room, m, m->descriptor->sizeof_message);

	for (uint32_t i = 0; plan && to && i < plan->n; i++) {
		const struct pack_step *s = &plan->steps[i];

		if (s->list ? !copy_list(room, s, to)
			    : !copy_behind(room, s, to + s->offset))
			return NULL;
	}
	return plan ? (ProtobufCMessage *)(void *)to : NULL;
}

int like_base_set(struct like_base *b, uint64_t id, const ProtobufCMessage *m,
		  size_t n)
{
	struct room room = { b->room, sizeof(b->room) };

	if (n > LIKE_BASE_MAX)
		return -EINVAL;
	b->message = copy_message(&room, m);
	b->id = id;
	b->n = n;
	return b->message ? 0 : -EINVAL;
}

/* ---- beside it ---------------------------------------------------------- */

static bool is_message_same(const ProtobufCMessage *is,
			    const ProtobufCMessage *was);

static inline bool is_number_same(const struct pack_step *s, const char *is,
				  const char *was)
{
	return s->how <= PACK_SIGNED ? memcmp(is, was, 4) == 0
				     : memcmp(is, was, 8) == 0;
}

static inline bool is_bytes_same(const char *is, const char *was)
{
	ProtobufCBinaryData now, before;

	memcpy(&now, is, sizeof(now));
	memcpy(&before, was, sizeof(before));
	return now.len == before.len &&
	       (!now.len || memcmp(now.data, before.data, now.len) == 0);
}

static inline bool is_member_same(const struct pack_step *s, const char *is,
				  const char *was)
{
	const void *now, *before;

	if (s->how <= PACK_FIXED)
		return is_number_same(s, is, was);
	if (s->how == PACK_BYTES)
		return is_bytes_same(is, was);
	memcpy(&now, is, sizeof(now));
	memcpy(&before, was, sizeof(before));
	if (!now || !before)
		return now == before;
	return s->how == PACK_STRING ? strcmp(now, before) == 0
				     : is_message_same(now, before);
}

static bool is_list_same(const struct pack_step *s, const char *is,
			 const char *was)
{
	size_t size = pack_element_size(s), i, n, n_was;
	const char *now, *before;

	memcpy(&n, is + s->count_at, sizeof(n));
	memcpy(&n_was, was + s->count_at, sizeof(n_was));
	if (n != n_was)
		return false;
	memcpy(&now, is + s->offset, sizeof(now));
	memcpy(&before, was + s->offset, sizeof(before));
	for (i = 0; i < n; i++)
		if (!is_member_same(s, now + i * size, before + i * size))
			return false;
	return true;
}

static inline bool is_same(const struct pack_step *s, const char *is,
			   const char *was)
{
	return s->list ? is_list_same(s, is, was)
		       : is_member_same(s, is + s->offset, was + s->offset);
}

/* So many that one look at all of them is less than one at each. */
#define ROW_MIN 3

/* How many steps from this one on are numbers in a row, all of them the same. */
static inline unsigned same_row(const struct pack_step *s, const char *is,
				const char *was)
{
	if (s->row < ROW_MIN ||
	    memcmp(is + s->offset, was + s->offset, s->row_bytes) != 0)
		return 0;
	return s->row;
}

static bool is_message_same(const ProtobufCMessage *is,
			    const ProtobufCMessage *was)
{
	const struct pack_plan *plan = pack_plan_of(is->descriptor);
	const struct pack_step *s = plan->steps, *end = s + plan->n;
	const char *now = (const char *)is, *before = (const char *)was;
	unsigned row;

	while (s < end) {
		row = same_row(s, now, before);
		if (!row && !is_same(s, now, before))
			return false;
		s += row ? row : 1;
	}
	return true;
}

void like_shorten(const ProtobufCMessage *m, const struct like_base *base,
		  struct buf *out)
{
	const struct pack_plan *plan = pack_plan_of(m->descriptor);
	const struct pack_step *s = plan->steps, *end = s + plan->n;
	const char *is = (const char *)m, *was = (const char *)base->message;
	uint64_t without = 0;
	unsigned row;
	size_t before;

	for (; s < end; s++) {
		row = same_row(s, is, was);
		/* What no set holds is told each time. */
		if (row && s[row - 1].number < LIKE_FIELDS) {
			s += row - 1;
			continue;
		}
		if (s->number < LIKE_FIELDS && is_same(s, is, was))
			continue;
		before = out->n;
		pack_field(out, s, m);
		if (out->n == before && s->number < LIKE_FIELDS)
			without |= 1ull << s->number;
	}
	add_varint(out, FIELD_LIKE, base->id);
	if (without)
		add_varint(out, FIELD_WITHOUT, without);
}

/* ---- reading ------------------------------------------------------------ */

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
