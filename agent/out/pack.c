// SPDX-License-Identifier: Apache-2.0
/*
 * The one idea: a message within another is packed behind one byte kept for
 * its length, and moved on by a few in the rare case that this is not enough.
 */
#include "out/pack.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

/* A tag and a number, each as long as it can be. */
#define NUMBER_MAX 16
/* One byte of length says so much. */
#define SHORT_MAX  0x7f

/* The lower bits of a tag. */
#define WIRE_VARINT 0
#define WIRE_64	    1
#define WIRE_BYTES  2
#define WIRE_TYPES  7

static void pack_fields(struct buf *out, const ProtobufCMessage *m,
			struct wire_runs *runs);

static char *put_varint(char *at, uint64_t v)
{
	while (v > SHORT_MAX) {
		*at++ = (char)(v | 0x80);
		v >>= 7;
	}
	*at++ = (char)v;
	return at;
}

static char *put_number(char *at, uint32_t tag, uint64_t v)
{
	at = put_varint(at, tag);
	if ((tag & WIRE_TYPES) != WIRE_64)
		return put_varint(at, v);
	v = htole64(v);
	memcpy(at, &v, sizeof(v));
	return at + sizeof(v);
}

/* Without NUMBER_MAX bytes to spare: it may fit all the same, or grow. */
static __attribute__((noinline)) void add_number_tightly(struct buf *out,
							 uint32_t tag,
							 uint64_t v)
{
	char bytes[NUMBER_MAX];

	buf_add(out, bytes, (size_t)(put_number(bytes, tag, v) - bytes));
}

static inline void add_number(struct buf *out, uint32_t tag, uint64_t v)
{
	char *at;

	if (out->failed || out->cap - out->n < NUMBER_MAX) {
		add_number_tightly(out, tag, v);
		return;
	}
	at = put_number(out->p + out->n, tag, v);
	out->n = (size_t)(at - out->p);
}

static void add_bytes(struct buf *out, uint32_t id, const void *p, size_t n)
{
	add_number(out, id << 3 | WIRE_BYTES, n);
	buf_add(out, p, n);
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

static void add_message(struct buf *out, uint32_t id, const ProtobufCMessage *m)
{
	size_t begin;

	add_number(out, id << 3 | WIRE_BYTES, 0);
	begin = out->n;
	pack_fields(out, m, NULL);
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

static uint64_t number_of(ProtobufCType type, union member of)
{
	switch (type) {
	case PROTOBUF_C_TYPE_BOOL:
		return !!*of.truth;
	case PROTOBUF_C_TYPE_UINT32:
		return *of.number;
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
		return (uint64_t)(int64_t)*of.signed_number;
	default:
		return *of.large;
	}
}

/* One that is there: in a list, whatever it is. */
static void add_field(struct buf *out, const ProtobufCFieldDescriptor *f,
		      union member of)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		add_message(out, f->id, *of.message);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		add_bytes(out, f->id, of.bytes->data, of.bytes->len);
		break;
	case PROTOBUF_C_TYPE_STRING:
		add_bytes(out, f->id, *of.string, strlen(*of.string));
		break;
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
		add_number(out, f->id << 3 | WIRE_64, *of.large);
		break;
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		add_number(out, f->id << 3 | WIRE_VARINT,
			   number_of(f->type, of));
		break;
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		assert(!"a type that event.proto does not have");
		out->failed = true;
		break;
	}
}

/* Of what takes four bytes in a message; all else takes eight, or begins so. */
static const bool is_small[PROTOBUF_C_TYPE_MESSAGE + 1] = {
	[PROTOBUF_C_TYPE_BOOL] = true,
	[PROTOBUF_C_TYPE_ENUM] = true,
	[PROTOBUF_C_TYPE_INT32] = true,
	[PROTOBUF_C_TYPE_UINT32] = true,
};

/*
 * Most of a message is not: a number of zero, no bytes, no message. A string
 * is always one, and of that it is the first character that says so.
 */
static inline bool is_there(ProtobufCType type, union member of)
{
	uint64_t eight = 0;
	uint32_t four = 0;

	if (is_small[type])
		memcpy(&four, of.p, sizeof(four));
	else
		memcpy(&eight, of.p, sizeof(eight));
	if (!four && !eight)
		return false;
	return type != PROTOBUF_C_TYPE_STRING || **of.string;
}

/* Of what there are lists; packed ones are of numbers. */
static size_t element_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_MESSAGE:
	case PROTOBUF_C_TYPE_STRING:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
		return sizeof(uint32_t);
	default:
		return sizeof(uint64_t);
	}
}

static void add_packed(struct buf *out, const ProtobufCFieldDescriptor *f,
		       const char *list, size_t n)
{
	size_t step = element_size(f->type), begin, i;
	char bytes[NUMBER_MAX], *end;

	add_number(out, f->id << 3 | WIRE_BYTES, 0);
	begin = out->n;
	for (i = 0; i < n; i++) {
		union member of = { .p = list + i * step };

		end = put_varint(bytes, number_of(f->type, of));
		buf_add(out, bytes, (size_t)(end - bytes));
	}
	end_part(out, begin);
}

static void add_list(struct buf *out, const ProtobufCFieldDescriptor *f,
		     const char *message)
{
	size_t step = element_size(f->type), i, n;
	const char *list;

	memcpy(&n, message + f->quantifier_offset, sizeof(n));
	memcpy(&list, message + f->offset, sizeof(list));
	if (n && f->flags & PROTOBUF_C_FIELD_FLAG_PACKED) {
		add_packed(out, f, list, n);
		return;
	}
	for (i = 0; i < n; i++)
		add_field(out, f, (union member){ .p = list + i * step });
}

static void pack_fields(struct buf *out, const ProtobufCMessage *m,
			struct wire_runs *runs)
{
	const ProtobufCFieldDescriptor *f = m->descriptor->fields;
	const ProtobufCFieldDescriptor *end = f + m->descriptor->n_fields;
	size_t begin = out->n, before;
	const char *base = (const char *)m;

	assert(!m->n_unknown_fields);
	for (; f < end; f++) {
		union member of = { .p = base + f->offset };

		before = out->n;
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			add_list(out, f, base);
		else if (is_there(f->type, of))
			add_field(out, f, of);
		else
			continue;
		if (runs && out->n > before)
			wire_run_add(runs, f->id, before - begin,
				     out->n - begin);
	}
}

void pack_message_runs(struct buf *out, const ProtobufCMessage *m,
		       struct wire_runs *ret)
{
	size_t n = out->n;

	if (ret)
		ret->have = 0;
	pack_fields(out, m, ret);
	if (out->failed)
		out->n = n;
	if (ret && out->n - n > UINT16_MAX)
		ret->have = 0;
}

void pack_message(struct buf *out, const ProtobufCMessage *m)
{
	pack_message_runs(out, m, NULL);
}
