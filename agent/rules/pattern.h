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

/*
 * Small, because with many rules what is looked at comes from far away: a
 * literal path and all that matching it needs are one or two cache lines.
 */
struct pattern {
	uint16_t head_n;	/* literal bytes that the string begins with */
	uint16_t tail_n;	/* and that it ends with, behind the head */
	uint16_t mid_n;		/* tokens in between */
	uint16_t text_n, text_at;	/* as it was written, in bytes */
	uint8_t shape;		/* enum pattern_shape */
	uint8_t kind;		/* enum pattern_kind */
	uint32_t mid_at, sets_at;	/* in bytes */
	char bytes[];		/* head, tail, text, tokens, sets */
};

static inline struct slice pattern_head(const struct pattern *p)
{
	return slice_of(p->bytes, p->head_n);
}

static inline struct slice pattern_tail(const struct pattern *p)
{
	return slice_of(p->bytes + p->head_n, p->tail_n);
}

static inline struct slice pattern_text(const struct pattern *p)
{
	return slice_of(p->bytes + p->text_at, p->text_n);
}

static inline const uint16_t *pattern_mid(const struct pattern *p)
{
	return (const uint16_t *)(const void *)(p->bytes + p->mid_at);
}

/*
 * One allocation, to be freed with pattern_free. -ENOMEM, or -EINVAL with a
 * constant phrase in *ret_why.
 */
int pattern_new(enum pattern_kind kind, struct slice text, struct pattern **ret,
		const char **ret_why);
void pattern_free(struct pattern *p);
/* Its bytes, which mean the same anywhere, aligned as the struct is. */
size_t pattern_size(const struct pattern *p);

bool pattern_match(const struct pattern *p, struct slice s);
