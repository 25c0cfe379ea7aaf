/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The growing buffer. The one idea: failure is a state of the buffer, not of
 * each call, so code that prints reads as a list of appends and is checked
 * once at its end. An append that does not fit adds nothing at all.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* First allocation: most lines and records fit without growing again. */
#define BUF_FIRST 256

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

static bool reserve(struct buf *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (b->failed)
		return false;
	if (b->n > b->max || n > b->max - b->n)
		goto fail;
	need = b->n + n;
	if (need <= b->cap && b->p)
		return true;
	cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
	if (cap < BUF_FIRST)
		cap = BUF_FIRST < b->max ? BUF_FIRST : b->max;
	if (cap < need)
		cap = need;
	p = realloc(b->p, cap ? cap : 1);
	if (!p)
		goto fail;
	b->p = p;
	b->cap = cap;
	return true;
fail:
	b->failed = true;
	return false;
}

void *buf_extend(struct buf *b, size_t n)
{
	char *at;

	if (!reserve(b, n))
		return NULL;
	at = b->p + b->n;
	b->n += n;
	return at;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	void *at;

	if (!n)
		return;
	at = buf_extend(b, n);
	if (at)
		memcpy(at, p, n);
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add_slice(b, slice_str(s));
}

void buf_add_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.n);
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

static void add_formatted(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void add_formatted(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char small[BUF_FIRST];
	char *at;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n < 0) {
		b->failed = true;
	} else if ((size_t)n < sizeof(small)) {
		buf_add(b, small, (size_t)n);
	} else if (reserve(b, (size_t)n + 1)) {
		/* vsnprintf ends what it prints; that byte is not kept. */
		at = b->p + b->n;
		(void)vsnprintf(at, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	if (b->failed)
		return;
	va_start(ap, fmt);
	add_formatted(b, fmt, ap);
	va_end(ap);
}
