/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Differential descriptions of images. Most programs of a host run again and
 * again and differ only in pid, times and arguments, so an image is described
 * by its differences from an earlier one. Both the shortened and the completed
 * form are packed Image messages.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "out/pbwire.h"

/* The largest image that others may refer to; part of the journal format. */
#define LIKE_BASE_MAX 4096
/* Field sets are 64 bits; fields with larger numbers are always included. */
#define LIKE_FIELDS   WIRE_RUNS

/* An image as it is packed. */
struct like_whole {
	struct slice bytes; /* borrowed; LIKE_BASE_MAX at most */
	struct wire_runs runs;
};

/* A copy of an image that others may refer to, and where its fields are. */
struct like_base {
	uint64_t id;
	struct wire_runs runs;
	char bytes[LIKE_BASE_MAX];
};
/* -EINVAL: not packed in the order of its fields, or too large; untouched. */
int like_base_set(struct like_base *b, uint64_t id, struct slice whole);

/* Append to `out` how `whole` differs from `base`. */
void like_shorten(const struct like_whole *whole, const struct like_base *base,
		  struct buf *out);

/* Which image completes a shortened description. */
struct like {
	uint64_t id;	  /* 0: it is whole */
	uint64_t without; /* bit i: field i of that image does not apply */
};
/* While walking through the fields: start with zeros and take each field. */
void like_take(struct like *l, const struct wire_field *f);
/* -EBADMSG: not a message. */
int like_read(struct slice payload, struct like *ret);

/* Append the complete image to `out`. -EBADMSG: invalid, or base too large. */
int like_complete(struct slice payload, const struct like *like,
		  struct slice base, struct buf *out);
