/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The patterns of a set, which were made one by one, moved together. With many
 * rules what an event needs of them comes from far away, a line at a time: so
 * one that fits into a line is in one, and they share few pages.
 */
#include <errno.h>
#include <stdlib.h>

#include "rules/rule.h"

#define LINE 64u

/* Where this one goes if everything up to `at` is taken. */
static size_t place(size_t at, size_t size)
{
	at = (at + _Alignof(struct pattern) - 1) & -_Alignof(struct pattern);
	if (at % LINE && at % LINE + size > LINE)
		at = (at + LINE - 1) & -(size_t)LINE;
	return at;
}

int rule_set_pack(struct rule_set *set)
{
	size_t at = 0, size;
	uint32_t i;
	char *block;

	for (i = 0; i < set->n_patterns; i++) {
		size = pattern_size(set->patterns[i]);
		at = place(at, size) + size;
	}
	at = (at + LINE - 1) & -(size_t)LINE;
	block = aligned_alloc(LINE, at ? at : LINE);
	if (!block)
		return -ENOMEM;
	at = 0;
	for (i = 0; i < set->n_patterns; i++) {
		size = pattern_size(set->patterns[i]);
		at = place(at, size);
		memcpy(block + at, set->patterns[i], size);
		pattern_free(set->patterns[i]);
		set->patterns[i] = (struct pattern *)(void *)(block + at);
		at += size;
	}
	set->pattern_block = block;
	return 0;
}
