/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for what lives as long as one record is being turned into bytes:
 * taken piece by piece, given back all at once. Bounded; after a failure the
 * arena is `failed` until it is reset.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;		    /* of the newest */
	size_t total;		    /* bytes in all blocks */
	size_t max;
	bool failed;
};

#define ARENA_INIT(max_bytes)      \
	{                          \
		.max = (max_bytes) \
	}

void arena_done(struct arena *a);
/* Give everything back but one block, which is kept for the next record. */
void arena_reset(struct arena *a);

/* n zeroed bytes, aligned for any type; NULL: failed. */
void *arena_take(struct arena *a, size_t n);
/* A zero-terminated copy; NULL: failed. */
char *arena_str(struct arena *a, struct slice s);
/* The same of two strings joined. */
char *arena_join(struct arena *a, const char *x, const char *y);
/* Decimal digits. */
char *arena_u64(struct arena *a, uint64_t v);
/* For what is short by its nature: longer than this is a failure. */
#define ARENA_PRINT_MAX 128
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
