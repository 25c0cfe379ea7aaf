/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many patterns, one string: which patterns can match it? Answered by hash of
 * the string's components, without looking at the other patterns.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/keymap.h"
#include "rules/pattern.h"

struct str_index;

struct str_entry {
	const struct pattern *pattern;	/* borrowed, as long as the index */
	uint32_t owner, hint;		/* the caller's business */
};

/* Every key under which a pattern could be found. */
#define PATTERN_KEYS_MAX 8
size_t pattern_keys(const struct pattern *p, uint64_t keys[PATTERN_KEYS_MAX]);

/* All patterns of one kind. Each is entered under its rarest key. */
int str_index_new(enum pattern_kind kind, const struct str_entry *entries,
		  size_t n, struct str_index **ret);
void str_index_free(struct str_index *ix);

/*
 * Called for each entry that may match, which is not yet to say that it
 * does; true stops. An entry may come more than once.
 */
typedef bool (*str_index_fn)(void *arg, const struct str_entry *e);

/* True if fn stopped. */
bool str_index_visit(const struct str_index *ix, struct slice s,
		     str_index_fn fn, void *arg);

/* As str_index_visit of a string that each entry may match. */
bool str_index_each(const struct str_index *ix, str_index_fn fn, void *arg);

/* Does any pattern match? */
bool str_index_any(const struct str_index *ix, struct slice s);
