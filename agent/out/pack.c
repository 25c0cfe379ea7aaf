// SPDX-License-Identifier: Apache-2.0
/*
 * The one idea: a message within another is packed behind one byte kept for
 * its length, and moved on by a few in the rare case that this is not enough.
 * What its fields are is read off a plan of them (pack_plan.h).
 */
#include "out/pack.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "out/pack_plan.h"

/* A tag and a number, each as long as it can be. */
#define NUMBER_MAX 16
/* One byte of length says so much. */
#define SHORT_MAX  0x7f

static void pack_fields(struct buf *out, const ProtobufCMessage *m);

static inline char *put_varint(char *at, uint64_t v)
{
	while (v > SHORT_MAX) {
		*at++ = (char)(v | 0x80);
		v >>= 7;
	}
	*at++ = (char)v;
	return at;
}

static inline char *put_tag(char *at, const struct pack_step *s)
{
	memcpy(at, s->tag, sizeof(s->tag));
	return at + s->tag_n;
}

static inline bool has_room(const struct buf *out, size_t n)
{
	return !out->failed && out->cap - out->n >= n;
}

static inline char *put_number(char *at, const struct pack_step *s, uint64_t v)
{
	at = put_tag(at, s);
	if (s->how != PACK_FIXED)
		return put_varint(at, v);
	v = htole64(v);
	memcpy(at, &v, sizeof(v));
	return at + sizeof(v);
}

/* Without NUMBER_MAX bytes to spare: it may fit all the same, or grow. */
static __attribute__((noinline)) void add_number_tightly(
	struct buf *out, const struct pack_step *s, uint64_t v)
{
	char bytes[NUMBER_MAX];

	buf_add(out, bytes, (size_t)(put_number(bytes, s, v) - bytes));
}

static inline void add_number(struct buf *out, const struct pack_step *s,
			      uint64_t v)
{
	if (!has_room(out, NUMBER_MAX)) {
		add_number_tightly(out, s, v);
		return;
	}
	out->n = (size_t)(put_number(out->p + out->n, s, v) - out->p);
}

static inline void add_bytes(struct buf *out, const struct pack_step *s,
			     const void *p, size_t n)
{
	add_number(out, s, n);
	if (n && has_room(out, n)) {
		memcpy(out->p + out->n, p, n);
		out->n += n;
	} else {
		buf_add(out, p, n);
	}
}

/* A length that one byte does not say: what it is of moves on. */
static __attribute__((noinline)) void make_room(struct buf *out, size_t begin)
{
	size_t n = out->n - begin, more;
	char length[NUMBER_MAX];

	more = (size_t)(put_varint(length, n) - length) - 1;
	if (!buf_extend(out, more))
		return;
	memmove(out->p + begin + more, out->p + begin, n);
	memcpy(out->p + begin - 1, length, more + 1);
}

/* What was packed from `begin` on gets its length, for which one byte is. */
static inline void end_part(struct buf *out, size_t begin)
{
	size_t n = out->n - begin;

	if (out->failed)
		return;
	if (n > SHORT_MAX)
		make_room(out, begin);
	else
		out->p[begin - 1] = (char)n;
}

static void add_message(struct buf *out, const struct pack_step *s,
			const ProtobufCMessage *m)
{
	size_t begin;

	add_number(out, s, 0);
	begin = out->n;
	pack_fields(out, m);
	end_part(out, begin);
}

/* ---- fields ------------------------------------------------------------- */

union member {
	const void *p;
	const protobuf_c_boolean *truth;
	const int32_t *signed_number;
	const uint32_t *number;
	const uint64_t *large;
	const char *const *string;
	const ProtobufCBinaryData *bytes;
	const ProtobufCMessage *const *message;
};

static inline uint64_t number_of(const struct pack_step *s, union member of)
{
	switch ((enum pack_how)s->how) {
	case PACK_BOOL:
		return !!*of.truth;
	case PACK_32:
		return *of.number;
	case PACK_SIGNED:
		return (uint64_t)(int64_t)*of.signed_number;
	case PACK_64:
	case PACK_FIXED:
	case PACK_BYTES:
	case PACK_STRING:
	case PACK_MESSAGE:
	case PACK_HOW_COUNT:
		break;
	}
	return *of.large;
}

/* One that is there: in a list, whatever it is. */
static inline void add_field(struct buf *out, const struct pack_step *s,
			     union member of)
{
	switch ((enum pack_how)s->how) {
	case PACK_MESSAGE:
		add_message(out, s, *of.message);
		break;
	case PACK_BYTES:
		add_bytes(out, s, of.bytes->data, of.bytes->len);
		break;
	case PACK_STRING:
		add_bytes(out, s, *of.string, strlen(*of.string));
		break;
	case PACK_BOOL:
	case PACK_32:
	case PACK_SIGNED:
	case PACK_64:
	case PACK_FIXED:
		add_number(out, s, number_of(s, of));
		break;
	case PACK_HOW_COUNT:
		break;
	}
}

/*
 * Most of a message is not: a number of zero, no bytes, no message. A string
 * is always one, and of that it is the first character that says so.
 */
static inline bool is_there(const struct pack_step *s, union member of)
{
	uint64_t eight;

	/* What takes four bytes in a message; all else takes eight or more. */
	if (s->how <= PACK_SIGNED)
		return *of.number;
	/* Of bytes that is how many, of others where they are. */
	memcpy(&eight, of.p, sizeof(eight));
	return eight && (s->how != PACK_STRING || **of.string);
}

/* Numbers in a row behind one length; no list of fixed ones is packed so. */
static void add_together(struct buf *out, const struct pack_step *s,
			 const char *list, size_t n)
{
	size_t step = pack_element_size(s), begin, i;
	char bytes[NUMBER_MAX], *end;

	assert(s->how <= PACK_64);
	add_number(out, s, 0);
	begin = out->n;
	for (i = 0; i < n; i++) {
		union member of = { .p = list + i * step };

		end = put_varint(bytes, number_of(s, of));
		buf_add(out, bytes, (size_t)(end - bytes));
	}
	end_part(out, begin);
}

static void add_list(struct buf *out, const struct pack_step *s,
		     const char *message)
{
	size_t step = pack_element_size(s), i, n;
	const char *list;

	memcpy(&n, message + s->count_at, sizeof(n));
	memcpy(&list, message + s->offset, sizeof(list));
	if (n && s->list == PACK_TOGETHER) {
		add_together(out, s, list, n);
		return;
	}
	for (i = 0; i < n; i++)
		add_field(out, s, (union member){ .p = list + i * step });
}

static inline void add_member(struct buf *out, const struct pack_step *s,
			      const char *message)
{
	union member of = { .p = message + s->offset };

	if (s->list)
		add_list(out, s, message);
	else if (is_there(s, of))
		add_field(out, s, of);
}

void pack_field(struct buf *out, const struct pack_step *s,
		const ProtobufCMessage *m)
{
	add_member(out, s, (const char *)m);
}

static void pack_fields(struct buf *out, const ProtobufCMessage *m)
{
	const struct pack_plan *plan = pack_plan_of(m->descriptor);
	const struct pack_step *s = plan ? plan->steps : NULL;
	const struct pack_step *end = plan ? s + plan->n : NULL;

	assert(!m->n_unknown_fields);
	out->failed |= !plan;
	for (; s < end; s++)
		add_member(out, s, (const char *)m);
}

void pack_message(struct buf *out, const ProtobufCMessage *m)
{
	size_t n = out->n;

	pack_fields(out, m);
	if (out->failed)
		out->n = n;
}
