/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many patterns, one string: which patterns can match it? Answered by hash of
 * the string's components, without looking at any pattern: whose they are is
 * all that is kept of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/keymap.h"
#include "rules/pattern.h"

struct str_index;

/* Owners are the caller's business, and below this. */
#define STR_OWNERS_MAX (1u << 31)

struct str_entry {
	const struct pattern *pattern;	/* needed by str_index_new only */
	uint32_t owner;
};

/* Every key under which a pattern could be found. */
#define PATTERN_KEYS_MAX 8
size_t pattern_keys(const struct pattern *p, uint64_t keys[PATTERN_KEYS_MAX]);

/* All patterns of one kind. Each is entered under its rarest key. */
int str_index_new(enum pattern_kind kind, const struct str_entry *entries,
		  size_t n, struct str_index **ret);
void str_index_free(struct str_index *ix);

/*
 * Called for each owner of a pattern that may match, which is not yet to say
 * that it does; true stops. One may come more than once.
 */
typedef bool (*str_index_fn)(void *arg, uint32_t owner);

/* True if fn stopped. */
bool str_index_visit(const struct str_index *ix, struct slice s,
		     str_index_fn fn, void *arg);

/* As str_index_visit of a string that each pattern may match. */
bool str_index_each(const struct str_index *ix, str_index_fn fn, void *arg);
