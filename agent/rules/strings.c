/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and metadata of rules: many short strings that are freed together,
 * so they share blocks instead of paying the allocator for each.
 */
#include "rules/strings.h"

#include <stdlib.h>

#define CHUNK_BYTES 16384u

struct chunk {
	struct chunk *next;
	size_t used, cap;
	char bytes[];
};

const char *strings_add(struct chunk **list, struct slice s)
{
	struct chunk *c = *list;
	size_t cap = s.n + 1 > CHUNK_BYTES ? s.n + 1 : CHUNK_BYTES;
	char *to;

	if (!c || c->cap - c->used < s.n + 1) {
		c = malloc(sizeof(*c) + cap);
		if (!c)
			return NULL;
		*c = (struct chunk){ .next = *list, .cap = cap };
		*list = c;
	}
	to = c->bytes + c->used;
	if (s.n)
		memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	c->used += s.n + 1;
	return to;
}

void strings_free(struct chunk *list)
{
	struct chunk *next;

	for (; list; list = next) {
		next = list->next;
		free(list);
	}
}
