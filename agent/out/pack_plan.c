// SPDX-License-Identifier: Apache-2.0
/*
 * Plans are found by their descriptor's address in a table that only grows:
 * event.proto has some forty messages.
 */
#include "out/pack_plan.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define PLANS 128u

/* Of a tag of two bytes. */
#define NUMBER_MAX 2047

static const int8_t hows[] = {
	[PROTOBUF_C_TYPE_INT32] = PACK_SIGNED,
	[PROTOBUF_C_TYPE_SINT32] = -1,
	[PROTOBUF_C_TYPE_SFIXED32] = -1,
	[PROTOBUF_C_TYPE_INT64] = PACK_64,
	[PROTOBUF_C_TYPE_SINT64] = -1,
	[PROTOBUF_C_TYPE_SFIXED64] = PACK_FIXED,
	[PROTOBUF_C_TYPE_UINT32] = PACK_32,
	[PROTOBUF_C_TYPE_FIXED32] = -1,
	[PROTOBUF_C_TYPE_UINT64] = PACK_64,
	[PROTOBUF_C_TYPE_FIXED64] = PACK_FIXED,
	[PROTOBUF_C_TYPE_FLOAT] = -1,
	[PROTOBUF_C_TYPE_DOUBLE] = -1,
	[PROTOBUF_C_TYPE_BOOL] = PACK_BOOL,
	[PROTOBUF_C_TYPE_ENUM] = PACK_SIGNED,
	[PROTOBUF_C_TYPE_STRING] = PACK_STRING,
	[PROTOBUF_C_TYPE_BYTES] = PACK_BYTES,
	[PROTOBUF_C_TYPE_MESSAGE] = PACK_MESSAGE,
};

/* The lower bits of a tag. */
static const uint8_t wire_types[PACK_HOW_COUNT] = {
	[PACK_FIXED] = 1,
	[PACK_BYTES] = 2,
	[PACK_STRING] = 2,
	[PACK_MESSAGE] = 2,
};

static const uint8_t element_sizes[PACK_HOW_COUNT] = {
	[PACK_BOOL] = sizeof(protobuf_c_boolean),
	[PACK_32] = sizeof(uint32_t),
	[PACK_SIGNED] = sizeof(int32_t),
	[PACK_64] = sizeof(uint64_t),
	[PACK_FIXED] = sizeof(uint64_t),
	[PACK_BYTES] = sizeof(ProtobufCBinaryData),
	[PACK_STRING] = sizeof(char *),
	[PACK_MESSAGE] = sizeof(void *),
};

size_t pack_element_size(const struct pack_step *s)
{
	return element_sizes[s->how];
}

static bool can_be_step(const ProtobufCFieldDescriptor *f)
{
	return f->id <= NUMBER_MAX && f->offset <= UINT16_MAX &&
	       f->quantifier_offset <= UINT16_MAX && f->type < sizeof(hows) &&
	       hows[f->type] >= 0;
}

static struct pack_step step_of(const ProtobufCFieldDescriptor *f)
{
	struct pack_step s = {
		.number = (uint16_t)f->id,
		.offset = (uint16_t)f->offset,
		.how = (uint8_t)hows[f->type],
	};
	uint32_t tag = f->id << 3 | wire_types[s.how];

	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		s.count_at = (uint16_t)f->quantifier_offset;
		s.list = PACK_EACH;
		if (f->flags & PROTOBUF_C_FIELD_FLAG_PACKED) {
			s.list = PACK_TOGETHER;
			tag = f->id << 3 | wire_types[PACK_BYTES];
		}
	}
	s.tag_n = tag > 0x7f ? 2 : 1;
	s.tag[0] = (char)(tag > 0x7f ? tag | 0x80 : tag);
	s.tag[1] = (char)(tag >> 7);
	return s;
}

static uint8_t number_size(const struct pack_step *s)
{
	if (s->list || s->how > PACK_FIXED)
		return 0;
	return element_sizes[s->how];
}

static void find_rows(struct pack_plan *p)
{
	for (uint32_t i = p->n; i-- > 0;) {
		struct pack_step *s = &p->steps[i], *next = s + 1;
		uint8_t size = number_size(s);

		s->row = !!size;
		s->row_bytes = size;
		if (!size || i + 1 == p->n || !next->row ||
		    s->offset + size != next->offset ||
		    next->row_bytes > UINT8_MAX - size)
			continue;
		s->row = (uint8_t)(1 + next->row);
		s->row_bytes = (uint8_t)(size + next->row_bytes);
	}
}

static struct pack_plan *make(const ProtobufCMessageDescriptor *d)
{
	struct pack_plan *p =
		malloc(sizeof(*p) + d->n_fields * sizeof(*p->steps));

	if (!p)
		return NULL;
	p->of = d;
	p->n = d->n_fields;
	for (uint32_t i = 0; i < p->n; i++) {
		if (!can_be_step(&d->fields[i])) {
			free(p);
			return NULL;
		}
		p->steps[i] = step_of(&d->fields[i]);
	}
	find_rows(p);
	return p;
}

static struct pack_plan *_Atomic plans[PLANS];

/* Whoever comes first puts it there; the other one's was for nothing. */
static __attribute__((noinline)) const struct pack_plan *enter(
	const ProtobufCMessageDescriptor *d, size_t at)
{
	struct pack_plan *p = make(d), *there = NULL;

	if (!p || atomic_compare_exchange_strong(&plans[at], &there, p))
		return p;
	free(p);
	return pack_plan_of(d);
}

const struct pack_plan *pack_plan_of(const ProtobufCMessageDescriptor *d)
{
	size_t at = ((uintptr_t)d >> 5) % PLANS, i;
	const struct pack_plan *there;

	for (i = 0; i < PLANS; i++, at = (at + 1) % PLANS) {
		there = atomic_load_explicit(&plans[at], memory_order_acquire);
		if (!there)
			return enter(d, at);
		if (there->of == d)
			return there;
	}
	return NULL;
}
