/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Index of patterns. The one idea: whatever its wildcards, nearly every
 * pattern has some literal part that can be named by a hash which the walk
 * over a string computes anyway: the whole of it, the directories it begins
 * with, its last component, any component in between, or the first bytes of
 * the component that the first wildcard stands in. A pattern is
 * entered under the one of these that fewest others share. What has none
 * (`/ **` without the blank) is in a list that is always looked at.
 */
#include "rules/str_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/hash.h"

/* What a key says; mixed into it, so that kinds share one table. */
enum key_kind {
	KEY_WHOLE,
	KEY_BELOW,  /* directories that the string begins with */
	KEY_LAST,   /* its last component */
	KEY_WITHIN, /* any component */
	KEY_BEGIN4, /* directories and 4 bytes of the next component */
	KEY_BEGIN8,
	KEY_BEGIN16,
	KEY_KIND_COUNT,
};

static const size_t begin_bytes[] = { 4, 8, 16 };

struct slot {
	uint64_t key;
	uint32_t n;	/* 0: free */
	uint32_t first; /* of n > 1 entries */
	struct str_entry one;
};

struct str_index {
	struct slot *slots;
	size_t mask;
	/*
	 * Most of what is looked up is not there. A few bits for each key say
	 * so from a fraction of the memory, which stays in the cache.
	 */
	uint64_t *filter;
	size_t filter_mask;
	struct str_entry *entries; /* those of one key stand together */
	uint32_t loose, loose_n;   /* the last of them */
	uint32_t n_entries;
	uint8_t kinds; /* 1 << enum key_kind in use */
	uint8_t kind;  /* enum pattern_kind */
};

#define ROOT 0x243f6a8885a308d3ull

static uint64_t key_of(enum key_kind kind, uint64_t hash)
{
	return (hash & ~7ull) | (uint64_t)kind;
}

static size_t slot_at(const struct str_index *ix, uint64_t key)
{
	return (key >> 3) & ix->mask;
}

/* Two of the 64 bits of one word. */
static uint64_t filter_bits(uint64_t key)
{
	return 1ull << (key >> 52 & 63) | 1ull << (key >> 58);
}

static size_t filter_at(const struct str_index *ix, uint64_t key)
{
	return (key >> 28) & ix->filter_mask;
}

static uint64_t below(uint64_t dirs, struct slice component)
{
	return hash_bytes(dirs, component);
}

/* ---- keys of a pattern -------------------------------------------------- */

struct keys {
	uint64_t *keys;
	size_t n;
};

static void add_key(struct keys *k, enum key_kind kind, uint64_t hash)
{
	if (k->n < PATTERN_KEYS_MAX)
		k->keys[k->n++] = key_of(kind, hash);
}

/* Directories in the head, and what is left of it behind the last '/'. */
static uint64_t walk_head(struct slice head, struct slice *ret_rest,
			  size_t *ret_depth)
{
	uint64_t dirs = ROOT;
	const char *slash;
	size_t n;

	*ret_depth = 0;
	head = slice_of(head.p + 1, head.n - 1);
	while ((slash = memchr(head.p, '/', head.n))) {
		n = (size_t)(slash - head.p);
		dirs = below(dirs, slice_of(head.p, n));
		head = slice_of(head.p + n + 1, head.n - n - 1);
		++*ret_depth;
	}
	*ret_rest = head;
	return dirs;
}

static void add_beginnings(struct keys *k, uint64_t dirs, struct slice rest)
{
	size_t i;

	for (i = sizeof(begin_bytes) / sizeof(begin_bytes[0]); i--;) {
		if (rest.n < begin_bytes[i])
			continue;
		add_key(k, (enum key_kind)(KEY_BEGIN4 + i),
			below(dirs, slice_of(rest.p, begin_bytes[i])));
		return;
	}
}

static uint16_t token_at(const struct pattern *p, size_t i)
{
	/* Behind the head only. */
	return i < p->mid_n ? pattern_mid(p)[i]
			    : (unsigned char)pattern_tail(p).p[i - p->mid_n];
}

/* Whole literal components between the head and the end. */
static void add_components(struct keys *k, const struct pattern *p)
{
	size_t i, n = p->mid_n + p->tail_n, len = 0;
	bool literal = false;
	char name[256];
	uint16_t tok;

	for (i = 0; i < n; i++) {
		tok = token_at(p, i);
		if (tok == '/' || tok == TOK_DIRS) {
			if (tok == '/' && literal && len)
				add_key(k, KEY_WITHIN,
					hash_bytes(ROOT, slice_of(name, len)));
			literal = true;
			len = 0;
		} else if (tok > TOK_LITERAL_MAX || len == sizeof(name)) {
			literal = false;
		} else {
			name[len++] = (char)tok;
		}
	}
	if (literal && len)
		add_key(k, KEY_LAST, hash_bytes(ROOT, slice_of(name, len)));
}

size_t pattern_keys(const struct pattern *p, uint64_t keys[PATTERN_KEYS_MAX])
{
	struct keys k = { .keys = keys };
	struct slice rest;
	size_t depth = 0;
	uint64_t dirs;

	if (p->kind == PATTERN_PLAIN) {
		if (p->shape == SHAPE_LITERAL)
			add_key(&k, KEY_WHOLE, below(ROOT, pattern_head(p)));
		else
			add_beginnings(&k, ROOT, pattern_head(p));
		return k.n;
	}
	dirs = walk_head(pattern_head(p), &rest, &depth);
	if (p->shape == SHAPE_LITERAL) {
		add_key(&k, KEY_WHOLE, below(dirs, rest));
		return k.n;
	}
	if (depth)
		add_key(&k, KEY_BELOW, dirs);
	add_beginnings(&k, dirs, rest);
	add_components(&k, p);
	return k.n;
}

/* ---- building ----------------------------------------------------------- */

struct keyed {
	uint64_t key;
	struct str_entry entry;
};

static int compare_keyed(const void *a, const void *b)
{
	const struct keyed *ka = a, *kb = b;

	if (ka->key != kb->key)
		return ka->key < kb->key ? -1 : 1;
	return (ka->entry.owner > kb->entry.owner) -
	       (ka->entry.owner < kb->entry.owner);
}

static int count_keys(const struct str_entry *entries, size_t n,
		      struct keymap *counts)
{
	uint64_t keys[PATTERN_KEYS_MAX];
	size_t i, k, n_keys;
	uint32_t *count;

	for (i = 0; i < n; i++) {
		n_keys = pattern_keys(entries[i].pattern, keys);
		for (k = 0; k < n_keys; k++) {
			count = keymap_put(counts, keys[k]);
			if (!count)
				return -ENOMEM;
			++*count;
		}
	}
	return 0;
}

/* The rarest key of a pattern; false: it has none. */
static bool choose_key(const struct pattern *p, const struct keymap *counts,
		       uint64_t *ret)
{
	uint64_t keys[PATTERN_KEYS_MAX];
	size_t n = pattern_keys(p, keys), k;
	uint32_t best = UINT32_MAX, count;

	for (k = 0; k < n; k++) {
		count = keymap_get(counts, keys[k], 0);
		if (count < best) {
			best = count;
			*ret = keys[k];
		}
	}
	return n > 0;
}

static void put_slot(struct str_index *ix, struct slot s)
{
	size_t i = slot_at(ix, s.key);

	while (ix->slots[i].n)
		i = (i + 1) & ix->mask;
	ix->slots[i] = s;
	ix->filter[filter_at(ix, s.key)] |= filter_bits(s.key);
	ix->kinds |= (uint8_t)(1u << (s.key & 7));
}

/* Runs of one key in `keyed`, which is sorted, become slots. */
static int fill(struct str_index *ix, const struct keyed *keyed, size_t n)
{
	size_t i, begin, cap = 4, distinct = 0;

	for (i = 0; i < n; i++)
		distinct += !i || keyed[i].key != keyed[i - 1].key;
	while (cap < 2 * distinct)
		cap *= 2;
	ix->slots = calloc(cap, sizeof(*ix->slots));
	ix->filter = calloc(cap / 4, sizeof(*ix->filter));
	if (!ix->slots || !ix->filter)
		return -ENOMEM;
	ix->mask = cap - 1;
	ix->filter_mask = cap / 4 - 1;
	for (i = 0; i < n;) {
		begin = i;
		for (; i < n && keyed[i].key == keyed[begin].key; i++)
			ix->entries[i] = keyed[i].entry;
		put_slot(ix, (struct slot){ .key = keyed[begin].key,
					    .first = (uint32_t)begin,
					    .n = (uint32_t)(i - begin),
					    .one = keyed[begin].entry });
	}
	return 0;
}

int str_index_new(enum pattern_kind kind, const struct str_entry *entries,
		  size_t n, struct str_index **ret)
{
	struct keymap counts = { 0 };
	struct str_index *ix = calloc(1, sizeof(*ix));
	struct keyed *keyed = calloc(n + 1, sizeof(*keyed));
	size_t i, n_keyed = 0, loose = n;
	int r = -ENOMEM;

	if (!ix || !keyed)
		goto out;
	ix->kind = (uint8_t)kind;
	ix->entries = calloc(n + 1, sizeof(*ix->entries));
	if (!ix->entries || count_keys(entries, n, &counts) < 0)
		goto out;
	for (i = 0; i < n; i++) {
		if (choose_key(entries[i].pattern, &counts,
			       &keyed[n_keyed].key))
			keyed[n_keyed++].entry = entries[i];
		else
			ix->entries[--loose] = entries[i];
	}
	ix->loose = (uint32_t)loose;
	ix->loose_n = (uint32_t)(n - loose);
	ix->n_entries = (uint32_t)n;
	qsort(keyed, n_keyed, sizeof(*keyed), compare_keyed);
	r = fill(ix, keyed, n_keyed);
out:
	keymap_done(&counts);
	free(keyed);
	if (r < 0)
		str_index_free(ix);
	else
		*ret = ix;
	return r;
}

void str_index_free(struct str_index *ix)
{
	if (!ix)
		return;
	free(ix->slots);
	free(ix->filter);
	free(ix->entries);
	free(ix);
}

/* ---- looking up --------------------------------------------------------- */

struct walk {
	const struct str_index *ix;
	str_index_fn fn;
	void *arg;
};

static bool visit_run(const struct walk *w, uint32_t first, uint32_t n)
{
	uint32_t i;

	for (i = first; i < first + n; i++) {
		if (w->fn(w->arg, &w->ix->entries[i]))
			return true;
	}
	return false;
}

static bool probe_slots(const struct walk *w, uint64_t key)
{
	const struct str_index *ix = w->ix;
	const struct slot *s;
	size_t i;

	for (i = slot_at(ix, key); ix->slots[i].n; i = (i + 1) & ix->mask) {
		s = &ix->slots[i];
		if (s->key != key)
			continue;
		return s->n == 1 ? w->fn(w->arg, &s->one)
				 : visit_run(w, s->first, s->n);
	}
	return false;
}

static inline bool probe(const struct walk *w, enum key_kind kind,
			 uint64_t hash)
{
	const struct str_index *ix = w->ix;
	uint64_t key = key_of(kind, hash), bits;

	if (!(ix->kinds >> kind & 1))
		return false;
	bits = filter_bits(key);
	if ((ix->filter[filter_at(ix, key)] & bits) != bits)
		return false;
	return probe_slots(w, key);
}

/* rest: the string from the beginning of a component on. */
static bool probe_beginnings(const struct walk *w, uint64_t dirs,
			     struct slice rest)
{
	size_t i;

	for (i = 0; i < sizeof(begin_bytes) / sizeof(begin_bytes[0]); i++) {
		if (rest.n < begin_bytes[i])
			return false;
		if ((w->ix->kinds >> (KEY_BEGIN4 + i) & 1) &&
		    probe(w, (enum key_kind)(KEY_BEGIN4 + i),
			  below(dirs, slice_of(rest.p, begin_bytes[i]))))
			return true;
	}
	return false;
}

#define KINDS_BEGIN (1u << KEY_BEGIN4 | 1u << KEY_BEGIN8 | 1u << KEY_BEGIN16)

static bool visit_path(const struct walk *w, struct slice s)
{
	uint8_t kinds = w->ix->kinds;
	uint64_t dirs = ROOT;
	const char *slash;
	struct slice name;

	if (!s.n || s.p[0] != '/')
		return false;
	s = slice_of(s.p + 1, s.n - 1);
	for (;;) {
		slash = memchr(s.p, '/', s.n);
		name = slice_of(s.p, slash ? (size_t)(slash - s.p) : s.n);
		if ((kinds & KINDS_BEGIN) && probe_beginnings(w, dirs, name))
			return true;
		dirs = below(dirs, name);
		if ((kinds & 1u << KEY_WITHIN) && slash &&
		    probe(w, KEY_WITHIN, hash_bytes(ROOT, name)))
			return true;
		if (!slash)
			break;
		if (probe(w, KEY_BELOW, dirs))
			return true;
		s = slice_of(slash + 1, s.n - name.n - 1);
	}
	if ((kinds & 1u << KEY_LAST) &&
	    probe(w, KEY_LAST, hash_bytes(ROOT, name)))
		return true;
	return probe(w, KEY_WHOLE, dirs);
}

bool str_index_visit(const struct str_index *ix, struct slice s,
		     str_index_fn fn, void *arg)
{
	struct walk w = { .ix = ix, .fn = fn, .arg = arg };

	if (ix->loose_n && visit_run(&w, ix->loose, ix->loose_n))
		return true;
	if (ix->kind == PATTERN_PATH)
		return visit_path(&w, s);
	return probe_beginnings(&w, ROOT, s) ||
	       probe(&w, KEY_WHOLE, below(ROOT, s));
}

bool str_index_each(const struct str_index *ix, str_index_fn fn, void *arg)
{
	struct walk w = { .ix = ix, .fn = fn, .arg = arg };

	return visit_run(&w, 0, ix->n_entries);
}

static bool match_entry(void *arg, const struct str_entry *e)
{
	return pattern_match(e->pattern, *(struct slice *)arg);
}

bool str_index_any(const struct str_index *ix, struct slice s)
{
	return str_index_visit(ix, s, match_entry, &s);
}
