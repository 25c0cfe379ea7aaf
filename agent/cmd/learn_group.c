// SPDX-License-Identifier: Apache-2.0
/* Groups of events, found by who did it and where. */
#include "cmd/learn_group.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/learn_ends.h"
#include "cmd/learn_names.h"

static int compare_groups(const void *a, const void *b)
{
	const struct group_key *x = &((const struct group *)a)->key;
	const struct group_key *y = &((const struct group *)b)->key;
	int d;

	if (x->form != y->form)
		return x->form < y->form ? -1 : 1;
	if (!x->except != !y->except)
		return x->except ? 1 : -1;
	d = x->except ? strcmp(x->except, y->except) : 0;
	if (!d)
		d = x->in_container - y->in_container;
	for (size_t i = 0; i < LEARN_KEY_COUNT && !d; i++)
		d = slice_cmp(x->of[i], y->of[i]);
	return d;
}

static size_t key_bytes(const struct group_key *key)
{
	size_t n = 0;

	for (size_t i = 0; i < LEARN_KEY_COUNT; i++)
		n += key->of[i].n;
	return n;
}

static struct group *make_group(const struct group_key *key)
{
	struct group *g = calloc(1, sizeof(*g));
	char *p = malloc(key_bytes(key) + 1);

	if (!g || !p) {
		free(g);
		free(p);
		return NULL;
	}
	g->key = *key;
	g->bytes = p;
	for (size_t i = 0; i < LEARN_KEY_COUNT; i++) {
		struct slice *to = &g->key.of[i];

		if (to->n)
			memcpy(p, to->p, to->n);
		to->p = p;
		p += to->n;
	}
	return g;
}

static void group_free(void *group)
{
	struct group *g = group;

	lines_done(&g->values);
	traits_done(&g->traits);
	names_free(g->names);
	ends_free(g->ends);
	free(g->bytes);
	free(g);
}

int groups_find(struct groups *gs, const struct group_key *key,
		struct group **ret)
{
	struct group want = { .key = *key }, *g, **at;

	at = tfind(&want, &gs->tree, compare_groups);
	if (at) {
		*ret = *at;
		return 0;
	}
	if (gs->n == LEARN_GROUPS_MAX ||
	    !room_take(gs->room, sizeof(*g) + key_bytes(key)))
		return -ENOSPC;
	g = make_group(key);
	if (!g)
		return -ENOMEM;
	if (!tsearch(g, &gs->tree, compare_groups)) {
		group_free(g);
		return -ENOMEM;
	}
	gs->n++;
	*ret = g;
	return 0;
}

void groups_done(struct groups *gs)
{
	tdestroy(gs->tree, group_free);
	*gs = (struct groups){ 0 };
}
