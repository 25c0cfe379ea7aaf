// SPDX-License-Identifier: Apache-2.0
/*
 * Chained hash over one slab of nodes. A node is in one bucket chain and in
 * the age list; both are links by index, so the slab never moves and a table
 * costs two allocations for its whole life. Both begin as zeros, and a page of
 * them is touched when an entry comes to it: room that is never used costs
 * addresses, not memory. So a bucket holds a link plus one, and the nodes that
 * never were an entry are not in the free list.
 */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NONE  UINT32_MAX
#define ALIGN 8u

struct node {
	uint32_t chain; /* next in bucket or in the free list */
	uint32_t older, younger;
	uint32_t hash;
	/* then the key, padded to ALIGN, then the value */
};

struct table {
	size_t key_size, value_offset, value_size, node_size;
	uint32_t capacity, buckets_mask, count;
	uint32_t free;	/* the list of nodes that were an entry */
	uint32_t fresh; /* from here on none ever was */
	uint32_t oldest, youngest;
	uint64_t seed, evicted;
	table_evict_fn evict;
	void *evict_arg;
	uint32_t *buckets; /* the first node's number plus one; 0: none */
	char *slab;
};

static struct node *node_at(const struct table *t, uint32_t i)
{
	return (struct node *)(void *)(t->slab + (size_t)i * t->node_size);
}

static void *node_key(struct node *n)
{
	return (char *)n + sizeof(*n);
}

static void *node_value(const struct table *t, struct node *n)
{
	return (char *)n + t->value_offset;
}

/* Multiply and fold; seeded, since keys hold addresses others can choose. */
static uint32_t hash_key(const struct table *t, const void *key)
{
	const unsigned char *p = key;
	uint64_t h = t->seed;
	size_t left = t->key_size;

	while (left) {
		size_t n = left < 8 ? left : 8;
		uint64_t w = 0;

		memcpy(&w, p, n);
		h = (h ^ w) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
		p += n;
		left -= n;
	}
	h *= 0xbf58476d1ce4e5b9ull;
	return (uint32_t)(h >> 32);
}

int table_new(size_t capacity, size_t key_size, size_t value_size,
	      struct table **ret)
{
	size_t key_room = (key_size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	struct table *t;
	uint32_t buckets = 16;

	if (!capacity || capacity >= NONE / 2 || !key_size)
		return -EINVAL;
	while (buckets < capacity)
		buckets *= 2;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->key_size = key_size;
	t->value_size = value_size;
	t->value_offset = sizeof(struct node) + key_room;
	t->node_size = (t->value_offset + value_size + ALIGN - 1) &
		       ~(size_t)(ALIGN - 1);
	t->capacity = (uint32_t)capacity;
	t->buckets_mask = buckets - 1;
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	t->slab = calloc(capacity, t->node_size);
	if (!t->buckets || !t->slab) {
		table_free(t);
		return -ENOMEM;
	}
	t->free = NONE;
	t->oldest = t->youngest = NONE;
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) < 0)
		t->seed = (uintptr_t)t;
	*ret = t;
	return 0;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	free(t->buckets);
	free(t->slab);
	free(t);
}

void table_on_evict(struct table *t, table_evict_fn fn, void *arg)
{
	t->evict = fn;
	t->evict_arg = arg;
}

static void age_unlink(struct table *t, struct node *n)
{
	if (n->older != NONE)
		node_at(t, n->older)->younger = n->younger;
	else
		t->oldest = n->younger;
	if (n->younger != NONE)
		node_at(t, n->younger)->older = n->older;
	else
		t->youngest = n->older;
}

static void age_append(struct table *t, uint32_t i)
{
	struct node *n = node_at(t, i);

	n->older = t->youngest;
	n->younger = NONE;
	if (t->youngest != NONE)
		node_at(t, t->youngest)->younger = i;
	else
		t->oldest = i;
	t->youngest = i;
}

static uint32_t find(const struct table *t, const void *key, uint32_t hash)
{
	uint32_t i = t->buckets[hash & t->buckets_mask] - 1;

	while (i != NONE) {
		struct node *n = node_at(t, i);

		if (n->hash == hash && !memcmp(node_key(n), key, t->key_size))
			return i;
		i = n->chain;
	}
	return NONE;
}

void *table_get(struct table *t, const void *key)
{
	uint32_t i = find(t, key, hash_key(t, key));

	if (i == NONE)
		return NULL;
	age_unlink(t, node_at(t, i));
	age_append(t, i);
	return node_value(t, node_at(t, i));
}

static void drop(struct table *t, uint32_t i)
{
	struct node *n = node_at(t, i);
	uint32_t *bucket = &t->buckets[n->hash & t->buckets_mask];
	uint32_t *link;

	if (*bucket == i + 1) {
		*bucket = n->chain + 1;
	} else {
		link = &node_at(t, *bucket - 1)->chain;
		while (*link != i)
			link = &node_at(t, *link)->chain;
		*link = n->chain;
	}
	age_unlink(t, n);
	n->chain = t->free;
	t->free = i;
	t->count--;
}

/* The number of a node that is no entry. Of the used ones first: resident. */
static uint32_t take_free(struct table *t)
{
	uint32_t i = t->free;

	if (i == NONE)
		return t->fresh++;
	t->free = node_at(t, i)->chain;
	return i;
}

void *table_put(struct table *t, const void *key, int *ret_made)
{
	uint32_t hash = hash_key(t, key);
	uint32_t i = find(t, key, hash);
	struct node *n;

	*ret_made = i == NONE;
	if (i != NONE) {
		age_unlink(t, node_at(t, i));
		age_append(t, i);
		return node_value(t, node_at(t, i));
	}
	if (t->count == t->capacity) {
		n = node_at(t, t->oldest);
		if (t->evict)
			t->evict(t->evict_arg, node_key(n), node_value(t, n));
		drop(t, t->oldest);
		t->evicted++;
	}
	i = take_free(t);
	n = node_at(t, i);
	n->hash = hash;
	n->chain = t->buckets[hash & t->buckets_mask] - 1;
	t->buckets[hash & t->buckets_mask] = i + 1;
	memcpy(node_key(n), key, t->key_size);
	memset(node_value(t, n), 0, t->value_size);
	age_append(t, i);
	t->count++;
	return node_value(t, n);
}

void table_remove(struct table *t, const void *key)
{
	uint32_t i = find(t, key, hash_key(t, key));

	if (i != NONE)
		drop(t, i);
}

void *table_oldest(struct table *t, const void **ret_key)
{
	struct node *n;

	if (t->oldest == NONE)
		return NULL;
	n = node_at(t, t->oldest);
	*ret_key = node_key(n);
	return node_value(t, n);
}

size_t table_count(const struct table *t)
{
	return t->count;
}

uint64_t table_evicted(const struct table *t)
{
	return t->evicted;
}
