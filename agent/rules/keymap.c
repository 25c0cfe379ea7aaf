/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probes, at most half full. Keys may be
 * regular in their low bits, so the place comes from a product's high half.
 */
#include "rules/keymap.h"

#include <stdlib.h>

void keymap_done(struct keymap *m)
{
	free(m->slots);
	*m = (struct keymap){ 0 };
}

/* 0 marks a free slot, so no key may be 0. */
static uint64_t real_key(uint64_t key)
{
	return key ? key : 1;
}

static struct keymap_slot *find(const struct keymap *m, uint64_t key)
{
	size_t i = (key * 0x9e3779b97f4a7c15ull >> 32) & (m->cap - 1);

	while (m->slots[i].key && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static int grow(struct keymap *m)
{
	struct keymap bigger = { .n = m->n, .cap = m->cap ? 2 * m->cap : 64 };
	size_t i;

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (i = 0; i < m->cap; i++) {
		if (m->slots[i].key)
			*find(&bigger, m->slots[i].key) = m->slots[i];
	}
	free(m->slots);
	*m = bigger;
	return 0;
}

uint32_t *keymap_put(struct keymap *m, uint64_t key)
{
	struct keymap_slot *slot;

	if (2 * (m->n + 1) > m->cap && grow(m) < 0)
		return NULL;
	slot = find(m, real_key(key));
	if (!slot->key) {
		slot->key = real_key(key);
		m->n++;
	}
	return &slot->value;
}

uint32_t keymap_get(const struct keymap *m, uint64_t key, uint32_t none)
{
	const struct keymap_slot *slot;

	if (!m->cap)
		return none;
	slot = find(m, real_key(key));
	return slot->key ? slot->value : none;
}
