/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globs over bytes.
 *
 * `?` is one byte, `[a-z]` one of these, `[!a-z]` one of the others, `*` any
 * number of bytes: none of these is ever a '/'. `**` is any number of any
 * bytes; between two slashes it is any number of whole components, none
 * included, so that a/ ** /b (without the blanks) matches a/b. Escapes are
 * \n \t \xNN \\ \* \? \[, within brackets also \] and \-. Everything else is
 * itself, as bytes; nothing here knows of UTF-8.
 *
 * PATTERN_PLAIN is for strings that are no paths: there '/' is a byte like
 * any other, and `*` means the same as `**`.
 *
 * Matching takes time linear in the string for a given pattern, whatever the
 * two look like.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define PATTERN_TEXT_MAX 4096

enum pattern_kind {
	PATTERN_PATH,	/* must begin with '/', and be a path that can exist */
	PATTERN_PLAIN,
};

enum pattern_shape {
	SHAPE_LITERAL,	/* the head is everything */
	SHAPE_BELOW,	/* head, which ends in '/', then anything: /a/b/ ** */
	SHAPE_GLOB,
};

/* What a pattern is made of between its literal head and its literal tail. */
enum {
	TOK_LITERAL_MAX = 255,	/* up to here: this byte */
	TOK_ONE = 256,		/* one byte but '/' */
	TOK_ONE_ANY,		/* one byte */
	TOK_STAR,		/* bytes but '/' */
	TOK_ANY,		/* bytes */
	TOK_DIRS,		/* nothing, or bytes that end in '/' */
	TOK_SET,		/* TOK_SET + i: one of the i-th set */
};

struct pattern {
	struct slice head;	/* literal bytes that the string begins with */
	struct slice tail;	/* and that it ends with, behind the head */
	const uint16_t *mid;	/* tokens in between */
	const uint8_t (*sets)[32];
	uint16_t mid_n;
	uint8_t shape;		/* enum pattern_shape */
	uint8_t kind;		/* enum pattern_kind */
	struct slice text;	/* as it was written */
};

/*
 * One allocation, to be freed with pattern_free. -ENOMEM, or -EINVAL with a
 * constant phrase in *ret_why.
 */
int pattern_new(enum pattern_kind kind, struct slice text, struct pattern **ret,
		const char **ret_why);
void pattern_free(struct pattern *p);

bool pattern_match(const struct pattern *p, struct slice s);
