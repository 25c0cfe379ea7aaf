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

/*
 * Where the fields of a message are that was packed in their order: run i is
 * all that is repeated of field i, in bytes. Those of numbers that no set of 64
 * holds are the last bytes, and run 0.
 */
#define WIRE_RUNS 64
struct wire_runs {
	uint64_t have; /* bit i: there is a run i */
	struct {
		uint16_t at, n;
	} run[WIRE_RUNS];
};

/* Field `number` goes on from byte `at` to `end`, at most UINT16_MAX. */
static inline void wire_run_add(struct wire_runs *r, uint32_t number, size_t at,
				size_t end)
{
	uint32_t i = number < WIRE_RUNS ? number : 0;

	if (!(r->have >> i & 1)) {
		r->have |= 1ull << i;
		r->run[i].at = (uint16_t)at;
	}
	r->run[i].n = (uint16_t)(end - r->run[i].at);
}

/* -EINVAL: no message, not in the order of its fields, or too large. */
int wire_find_runs(struct slice message, struct wire_runs *ret);
