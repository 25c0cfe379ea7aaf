/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record becomes a tree of a few hundred small protobuf-c structs that die
 * together; blocks that only grow spare one malloc and one free for each.
 */
#include "out/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_BYTES (32u << 10)

struct arena_block {
	struct arena_block *next;
	size_t size;
	_Alignas(max_align_t) char bytes[];
};

void arena_done(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	a->used = 0;
	a->total = 0;
}

void arena_reset(struct arena *a)
{
	struct arena_block *last = a->blocks;

	a->failed = false;
	a->used = 0;
	if (!last)
		return;
	/* The oldest has the usual size; the newest may be huge. */
	while (last->next) {
		a->blocks = last->next;
		free(last);
		last = a->blocks;
	}
	a->total = last->size;
}

static bool add_block(struct arena *a, size_t n)
{
	size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
	struct arena_block *b;

	if (size > a->max || a->total > a->max - size)
		return false;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return false;
	b->next = a->blocks;
	b->size = size;
	a->blocks = b;
	a->used = 0;
	a->total += size;
	return true;
}

void *arena_take(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	void *p;

	if (a->failed || n > a->max) {
		a->failed = true;
		return NULL;
	}
	n = (n + align - 1) / align * align;
	if (!a->blocks || a->blocks->size - a->used < n) {
		if (!add_block(a, n)) {
			a->failed = true;
			return NULL;
		}
	}
	p = a->blocks->bytes + a->used;
	a->used += n;
	return memset(p, 0, n);
}

char *arena_str(struct arena *a, struct slice s)
{
	char *p = arena_take(a, s.n + 1);

	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

char *arena_join(struct arena *a, const char *x, const char *y)
{
	size_t nx = strlen(x), ny = strlen(y);
	char *p = arena_take(a, nx + ny + 1);

	if (p) {
		memcpy(p, x, nx);
		memcpy(p + nx, y, ny);
	}
	return p;
}

char *arena_u64(struct arena *a, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return arena_str(a, slice_of(digits + at, sizeof(digits) - at));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char text[ARENA_PRINT_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		a->failed = true;
		return NULL;
	}
	return arena_str(a, slice_of(text, (size_t)n));
}
