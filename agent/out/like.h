/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images told by what differs from one described before them: most programs
 * of a host run again and again, and differ in a pid, times and arguments.
 * What is told and what is made of it are packed Image messages.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "out/pbwire.h"

/* Larger ones are no image to be like. journal_format.h promises it. */
#define LIKE_BASE_MAX 4096
/* A set of fields is 64 bits: what has a larger number is always told. */
#define LIKE_FIELDS   WIRE_RUNS

/* An image as it is packed. */
struct like_whole {
	struct slice bytes; /* borrowed; LIKE_BASE_MAX at most */
	struct wire_runs runs;
};

/* An image that others may be like, with where its fields are: its copy. */
struct like_base {
	uint64_t id;
	struct wire_runs runs;
	char bytes[LIKE_BASE_MAX];
};
/* -EINVAL: not packed in the order of its fields, or too large; untouched. */
int like_base_set(struct like_base *b, uint64_t id, struct slice whole);

/* Append to `out` what is to be told of `whole` beside `base`. */
void like_shorten(const struct like_whole *whole, const struct like_base *base,
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
