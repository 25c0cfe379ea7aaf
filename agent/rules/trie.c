/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path-compressed binary trie. A node is a prefix; its children are longer
 * prefixes that begin with it, told apart by the first bit behind it. So the
 * way down visits exactly the prefixes of the key, and is as deep as the
 * logarithm of their number for prefixes that lie side by side.
 */
#include "rules/trie.h"

#include <errno.h>
#include <stdlib.h>

#define NONE UINT32_MAX

struct trie_node {
	struct key_bits bits;
	uint32_t child[2];
	uint32_t first; /* entry, or NONE for a mere fork in the road */
	uint8_t len;
};

struct trie_entry {
	uint32_t owner;
	uint32_t next;
};

void trie_done(struct trie *t)
{
	free(t->nodes);
	free(t->entries);
	*t = (struct trie){ 0 };
}

/* Room for one insertion: two nodes and one entry. */
static int reserve(struct trie *t)
{
	uint32_t cap;
	void *p;

	if (t->n_nodes + 2 > t->cap_nodes) {
		cap = t->cap_nodes ? 2 * t->cap_nodes : 16;
		p = reallocarray(t->nodes, cap, sizeof(*t->nodes));
		if (!p)
			return -ENOMEM;
		t->nodes = p;
		t->cap_nodes = cap;
	}
	if (t->n_entries + 1 > t->cap_entries) {
		cap = t->cap_entries ? 2 * t->cap_entries : 16;
		p = reallocarray(t->entries, cap, sizeof(*t->entries));
		if (!p)
			return -ENOMEM;
		t->entries = p;
		t->cap_entries = cap;
	}
	return 0;
}

static unsigned common_bits(struct key_bits a, struct key_bits b)
{
	if (a.hi != b.hi)
		return (unsigned)__builtin_clzll(a.hi ^ b.hi);
	if (a.lo != b.lo)
		return 64 + (unsigned)__builtin_clzll(a.lo ^ b.lo);
	return 128;
}

static uint32_t new_node(struct trie *t, struct key_bits bits, unsigned len)
{
	t->nodes[t->n_nodes] = (struct trie_node){
		.bits = bits,
		.len = (uint8_t)len,
		.child = { NONE, NONE },
		.first = NONE,
	};
	return t->n_nodes++;
}

/* The node of exactly this prefix, made where it belongs. */
static uint32_t place(struct trie *t, struct key_bits bits, unsigned len)
{
	uint32_t *link, at, fork;
	uint32_t root = 0;
	unsigned same;

	link = &root;
	for (at = t->n_nodes ? 0 : NONE; at != NONE; at = *link) {
		struct trie_node *n = &t->nodes[at];

		same = common_bits(n->bits, bits);
		if (same < n->len || len < n->len) {
			/* It parts from n before n's end: fork above n. */
			struct trie_node moved = *n;

			if (same > len)
				same = len;
			/* The fork takes n's place, so that links hold. */
			fork = new_node(t, moved.bits, moved.len);
			t->nodes[fork] = moved;
			t->nodes[at] = (struct trie_node){
				.bits = bits,
				.len = (uint8_t)same,
				.child = { NONE, NONE },
				.first = NONE,
			};
			t->nodes[at].child[key_bits_at(moved.bits, same)] =
				fork;
			if (same == len)
				return at;
			t->nodes[at].child[key_bits_at(bits, same)] =
				t->n_nodes;
			return new_node(t, bits, len);
		}
		if (n->len == len)
			return at;
		link = &n->child[key_bits_at(bits, n->len)];
	}
	at = t->n_nodes;
	*link = at;
	return new_node(t, bits, len);
}

int trie_add(struct trie *t, struct key_bits prefix, unsigned len,
	     uint32_t owner)
{
	uint32_t at;

	if (reserve(t) < 0)
		return -ENOMEM;
	at = place(t, prefix, len);
	t->entries[t->n_entries] = (struct trie_entry){
		.owner = owner,
		.next = t->nodes[at].first,
	};
	t->nodes[at].first = t->n_entries++;
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

bool trie_visit(const struct trie *t, struct key_bits key, trie_fn fn,
		void *arg)
{
	const struct trie_node *n;
	uint32_t at = t->n_nodes ? 0 : NONE, e;

	while (at != NONE) {
		n = &t->nodes[at];
		if (!key_bits_same(n->bits, key, n->len))
			return false;
		for (e = n->first; e != NONE; e = t->entries[e].next) {
			if (fn(arg, t->entries[e].owner))
				return true;
		}
		if (n->len == 128)
			return false;
		at = n->child[key_bits_at(key, n->len)];
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
