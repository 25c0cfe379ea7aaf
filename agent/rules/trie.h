/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which prefixes does this string of bits begin with? For CIDR ranges, and
 * for port ranges cut into aligned blocks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rules/cidr.h"

/* Lengths are 0 to 128: bits of so many words. */
#define TRIE_LENS 3

struct trie {
	struct trie_node *nodes;
	uint8_t *tags;
	struct trie_entry *entries;
	uint64_t lens[TRIE_LENS];	/* in use */
	uint32_t mask, n_nodes, n_entries, cap_entries;
};

void trie_done(struct trie *t);

/* -ENOMEM. A zeroed struct is an empty trie. */
int trie_add(struct trie *t, struct key_bits prefix, unsigned len,
	     uint32_t owner);

/* The range lo-hi of 16-bit numbers, as at most 30 prefixes. */
int trie_add_range16(struct trie *t, uint16_t lo, uint16_t hi, uint32_t owner);

static inline struct key_bits key_bits_of16(uint16_t v)
{
	return (struct key_bits){ .hi = (uint64_t)v << 48 };
}

/* Called for each owner of a prefix that key begins with; true stops. */
typedef bool (*trie_fn)(void *arg, uint32_t owner);
bool trie_visit(const struct trie *t, struct key_bits key, trie_fn fn,
		void *arg);

/* Does key begin with any prefix? */
bool trie_any(const struct trie *t, struct key_bits key);
