/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The little of protobuf's wire form that is handled without protobuf-c:
 * lengths round parts that are packed already, and answers of a collector,
 * which are foreign bytes and are looked through without any allocation.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* A tag of one byte (field 15 at most), then a length or number as varint. */
void wire_tag(struct buf *out, uint8_t tag, uint64_t n);
void wire_fixed64(struct buf *out, uint8_t tag, uint64_t v);
size_t wire_varint_size(uint64_t v);
/* Bytes of a field with a one-byte tag and n bytes of content. */
size_t wire_field_size(size_t n);

struct wire_field {
	uint32_t number;
	uint8_t type;	    /* 0 varint, 1 fixed64, 2 bytes, 5 fixed32 */
	uint64_t value;	    /* of types 0, 1, 5 */
	struct slice bytes; /* of type 2; borrowed */
};

/* 1: *ret is the next field, s moves past it; 0: the end; -EBADMSG. */
int wire_next(struct slice *s, struct wire_field *ret);
