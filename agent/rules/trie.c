/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of prefixes. The one idea: people write prefixes of few
 * lengths, so for each length in use the key is cut to it and looked up, and
 * a look-up of what is not there ends at one byte of a small array. (A binary
 * trie stood here: ten dependent loads where this has one or two.)
 */
#include "rules/trie.h"

#include <errno.h>
#include <stdlib.h>

#include "rules/hash.h"

#define NONE UINT32_MAX

struct trie_node {
	struct key_bits bits;
	uint32_t first; /* entry */
	uint8_t len;
};

struct trie_entry {
	uint32_t owner;
	uint32_t next;
};

void trie_done(struct trie *t)
{
	free(t->nodes);
	free(t->tags);
	free(t->entries);
	*t = (struct trie){ 0 };
}

static struct key_bits cut(struct key_bits k, unsigned len)
{
	if (len <= 64)
		return (struct key_bits){
			.hi = len ? k.hi & UINT64_MAX << (64 - len) : 0,
		};
	k.lo &= UINT64_MAX << (128 - len);
	return k;
}

static uint64_t hash_of(struct key_bits bits, unsigned len)
{
	return hash_mix(bits.hi ^ len, bits.lo);
}

/* Of each node a few bits of its hash; 0: free. */
static uint8_t tag_of(uint64_t hash)
{
	return (uint8_t)(hash >> 56 | 1);
}

static bool is_node(const struct trie_node *n, struct key_bits bits,
		    unsigned len)
{
	return n->len == len && n->bits.hi == bits.hi && n->bits.lo == bits.lo;
}

/* Where this prefix is, or would be put. */
static uint32_t place(const struct trie *t, struct key_bits bits, unsigned len)
{
	uint64_t hash = hash_of(bits, len);
	uint8_t tag = tag_of(hash);
	uint32_t i;

	for (i = (uint32_t)hash & t->mask; t->tags[i]; i = (i + 1) & t->mask) {
		if (t->tags[i] == tag && is_node(&t->nodes[i], bits, len))
			break;
	}
	return i;
}

static int resize(struct trie *t, uint32_t cap)
{
	struct trie fresh = { .mask = cap - 1 };
	uint32_t i, to;

	fresh.nodes = calloc(cap, sizeof(*fresh.nodes));
	fresh.tags = calloc(cap, sizeof(*fresh.tags));
	if (!fresh.nodes || !fresh.tags) {
		free(fresh.nodes);
		free(fresh.tags);
		return -ENOMEM;
	}
	for (i = 0; t->n_nodes && i <= t->mask; i++) {
		if (!t->tags[i])
			continue;
		to = place(&fresh, t->nodes[i].bits, t->nodes[i].len);
		fresh.nodes[to] = t->nodes[i];
		fresh.tags[to] = t->tags[i];
	}
	free(t->nodes);
	free(t->tags);
	t->nodes = fresh.nodes;
	t->tags = fresh.tags;
	t->mask = fresh.mask;
	return 0;
}

/* Room for one insertion. */
static int reserve(struct trie *t)
{
	uint32_t cap = t->nodes ? t->mask + 1 : 0;
	void *p;

	if (2 * (t->n_nodes + 1) > cap && resize(t, cap ? 2 * cap : 16) < 0)
		return -ENOMEM;
	if (t->n_entries < t->cap_entries)
		return 0;
	cap = t->cap_entries ? 2 * t->cap_entries : 16;
	p = reallocarray(t->entries, cap, sizeof(*t->entries));
	if (!p)
		return -ENOMEM;
	t->entries = p;
	t->cap_entries = cap;
	return 0;
}

int trie_add(struct trie *t, struct key_bits prefix, unsigned len,
	     uint32_t owner)
{
	struct trie_node *n;
	uint32_t at;

	if (reserve(t) < 0)
		return -ENOMEM;
	prefix = cut(prefix, len);
	at = place(t, prefix, len);
	n = &t->nodes[at];
	if (!t->tags[at]) {
		*n = (struct trie_node){ .bits = prefix,
					 .len = (uint8_t)len,
					 .first = NONE };
		t->tags[at] = tag_of(hash_of(prefix, len));
		t->lens[len / 64] |= 1ull << len % 64;
		t->n_nodes++;
	}
	t->entries[t->n_entries] =
		(struct trie_entry){ .owner = owner, .next = n->first };
	n->first = t->n_entries++;
	return 0;
}

int trie_add_range16(struct trie *t, uint16_t lo, uint16_t hi, uint32_t owner)
{
	uint32_t at = lo, end = (uint32_t)hi + 1, size;
	int r;

	while (at < end) {
		/* The largest aligned block that begins here and fits. */
		size = at ? at & -at : 65536;
		while (size > end - at)
			size /= 2;
		r = trie_add(t, key_bits_of16((uint16_t)at),
			     16 - (unsigned)__builtin_ctz(size), owner);
		if (r < 0)
			return r;
		at += size;
	}
	return 0;
}

static bool visit_len(const struct trie *t, struct key_bits key, unsigned len,
		      trie_fn fn, void *arg)
{
	uint32_t at = place(t, key, len), e;

	if (!t->tags[at])
		return false;
	for (e = t->nodes[at].first; e != NONE; e = t->entries[e].next) {
		if (fn(arg, t->entries[e].owner))
			return true;
	}
	return false;
}

bool trie_visit(const struct trie *t, struct key_bits key, trie_fn fn,
		void *arg)
{
	unsigned w, len;
	uint64_t lens;

	if (!t->n_nodes)
		return false;
	for (w = 0; w < TRIE_LENS; w++) {
		for (lens = t->lens[w]; lens; lens &= lens - 1) {
			len = w * 64 + (unsigned)__builtin_ctzll(lens);
			if (visit_len(t, cut(key, len), len, fn, arg))
				return true;
		}
	}
	return false;
}

static bool stop(void *arg, uint32_t owner)
{
	(void)arg;
	(void)owner;
	return true;
}

bool trie_any(const struct trie *t, struct key_bits key)
{
	return trie_visit(t, key, stop, NULL);
}
