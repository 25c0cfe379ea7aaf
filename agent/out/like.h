/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images told by what differs from one described before them: most programs
 * of a host run again and again, and differ in a pid, times and arguments.
 * What is told and what is made of it are packed Image messages.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "out/pbwire.h"

/* Larger ones are no image to be like. journal_format.h promises it. */
#define LIKE_BASE_MAX 4096
/* A set of fields is 64 bits: what has a larger number is always told. */
#define LIKE_FIELDS   64

/* Of a message that is packed in so many bytes more is hardly ever needed. */
#define LIKE_ROOM     (8u << 10)

/* An image that others may be like: a copy of the message it was packed from. */
struct like_base {
	uint64_t id;
	size_t n; /* bytes that it is packed in */
	const ProtobufCMessage *message; /* in room; NULL: none */
	_Alignas(8) char room[LIKE_ROOM];
};
/*
 * m is a message as out/pack.h takes it, and n the bytes that it becomes there.
 * -EINVAL: it is too large, and b is untouched, or holds none.
 */
int like_base_set(struct like_base *b, uint64_t id, const ProtobufCMessage *m,
		  size_t n);

/* Append to `out` what is to be told of m, a message of that type, beside it. */
void like_shorten(const ProtobufCMessage *m, const struct like_base *base,
		  struct buf *out);

/* By which image a description is to be completed. */
struct like {
	uint64_t id;	  /* 0: it is whole */
	uint64_t without; /* bit i: field i of that image is not here */
};
/* For who goes through the fields anyway: begin with zeros, and take each. */
void like_take(struct like *l, const struct wire_field *f);
/* -EBADMSG: not a message. */
int like_read(struct slice payload, struct like *ret);

/* Append to `out` the whole image. -EBADMSG: no messages, or base too large. */
int like_complete(struct slice payload, const struct like *like,
		  struct slice base, struct buf *out);
