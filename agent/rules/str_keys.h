/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a pattern and those of a string that is looked up, which must be
 * the same: between str_keys.c and str_index.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rules/hash.h"
#include "rules/str_index.h"

/* What a key says; mixed into it, so that kinds share one table. */
enum key_kind {
	KEY_WHOLE,
	KEY_BELOW,  /* directories that the string begins with */
	KEY_LAST,   /* its last component */
	KEY_WITHIN, /* any component */
	KEY_BEGIN4, /* directories and 4 bytes of the next component */
	KEY_BEGIN8,
	KEY_BEGIN16,
	KEY_KIND_COUNT,
};

#define BEGIN_KINDS 3u
static const size_t begin_bytes[BEGIN_KINDS] = { 4, 8, 16 };

/* What the hash of directories begins with, and that of a whole string. */
#define ROOT  0x243f6a8885a308d3ull
#define WHOLE 0x13198a2e03707344ull

static inline uint64_t key_of(enum key_kind kind, uint64_t hash)
{
	return (hash & ~7ull) | (uint64_t)kind;
}

static inline uint64_t below(uint64_t dirs, struct slice component)
{
	return hash_bytes(dirs, component);
}
