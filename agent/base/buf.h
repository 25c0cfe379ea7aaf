/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing run of bytes with a hard cap. After a failed growth the buffer
 * is `failed` and later appends do nothing, so a caller may append many
 * times and check once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct buf {
	char *p;
	size_t n;	/* bytes in use */
	size_t cap;
	size_t max;	/* never grows past this */
	bool failed;	/* an append did not fit, or there was no memory */
};

#define BUF_INIT(max_bytes) { .max = (max_bytes) }

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
/* Empty it, keep the memory, forget a failure. */
void buf_reset(struct buf *b);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, const char *s);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Room for n more bytes at the returned place, counted as used; NULL: failed. */
void *buf_extend(struct buf *b, size_t n);

static inline struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->p, b->n);
}

static inline void cleanup_buf_fn(struct buf *b)
{
	buf_done(b);
}

#define cleanup_buf __attribute__((cleanup(cleanup_buf_fn)))
