/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf-c's table of a message's fields, as the packer wants it: 14 bytes
 * for a field instead of 72, its tag packed already.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

/* What a member, or each element of a list, is and becomes. */
enum pack_how {
	PACK_BOOL,   /* int -> varint */
	PACK_32,     /* uint32_t -> varint */
	PACK_SIGNED, /* int32_t, enum -> varint of 64 bits */
	PACK_64,     /* uint64_t -> varint */
	PACK_FIXED,  /* uint64_t -> 8 bytes; the last of the numbers */
	PACK_BYTES,
	PACK_STRING,
	PACK_MESSAGE,
	PACK_HOW_COUNT,
};

enum pack_list { PACK_ONE, PACK_EACH, PACK_TOGETHER };

struct pack_step {
	uint16_t number;   /* of the field */
	uint16_t offset;   /* of the member */
	uint16_t count_at; /* of the number of elements, of a list */
	uint8_t how;	   /* enum pack_how */
	uint8_t list;	   /* enum pack_list */
	uint8_t tag_n;
	char tag[2];
	/* Numbers from this one on that stand side by side, and their bytes. */
	uint8_t row, row_bytes;
};

struct pack_plan {
	const ProtobufCMessageDescriptor *of;
	uint32_t n;
	struct pack_step steps[];
};

/* Of an element of a list. */
size_t pack_element_size(const struct pack_step *s);

/*
 * Made when it is first asked for, and kept; any thread may ask. NULL: no
 * memory, or a message that event.proto has not: with a field number beyond
 * 2047, one of a type not listed above, or too many different ones.
 */
const struct pack_plan *pack_plan_of(const ProtobufCMessageDescriptor *d);
