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

#include "rules/str_keys.h"

/*
 * What is looked up is mostly not there: two bits of a word, of a fraction of
 * the memory, say so. Where something is, its rule is far away, and this must
 * not be as far: so a key is known by some bits of it and its owner by a
 * number, and of ten thousand patterns that stays in the second cache.
 */
#define BUCKET_KEYS 4u
#define TAG_BITS    0x7fffu
#define TAG_MORE    0x8000u /* of the last: what did not fit is in the next */

struct bucket {
	uint16_t tags[BUCKET_KEYS]; /* TAG_BITS of each; 0: free */
	/* The only owner, or IS_RUN and where its run begins. */
	uint32_t refs[BUCKET_KEYS];
};

#define IS_RUN STR_OWNERS_MAX

struct str_index {
	uint64_t *filter;
	size_t filter_mask;
	struct bucket *buckets;
	size_t mask;
	/* Runs, each its length and then the owners; then the loose ones. */
	uint32_t *runs;
	uint32_t loose; /* the run of those without a key */
	uint32_t *all;	/* a run of all */
	uint8_t kinds;	/* 1 << enum key_kind in use */
	uint8_t kind;	/* enum pattern_kind */
};

static size_t bucket_of(const struct str_index *ix, uint64_t key)
{
	return (key >> 3) & ix->mask;
}

/* Of the bits that say neither the place nor what the filter asks. */
static uint16_t tag_of(uint64_t key)
{
	return (uint16_t)((key >> 32 & TAG_BITS) | 1);
}

static size_t filter_at(const struct str_index *ix, uint64_t key)
{
	return (key >> 3) & ix->filter_mask;
}

static uint64_t filter_bits(uint64_t key)
{
	return 1ull << (key >> 52 & 63) | 1ull << (key >> 58);
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

static void put_key(struct str_index *ix, uint64_t key, uint32_t ref)
{
	size_t i, at = bucket_of(ix, key);
	struct bucket *b = &ix->buckets[at];

	ix->filter[filter_at(ix, key)] |= filter_bits(key);
	for (;;) {
		for (i = 0; i < BUCKET_KEYS && b->tags[i] & TAG_BITS; i++)
			;
		if (i < BUCKET_KEYS)
			break;
		b->tags[BUCKET_KEYS - 1] |= TAG_MORE;
		at = (at + 1) & ix->mask;
		b = &ix->buckets[at];
	}
	b->tags[i] |= tag_of(key);
	b->refs[i] = ref;
	ix->kinds |= (uint8_t)(1u << (key & 7));
}

/* Seven eighths full at most, and at most two keys to a word of the filter. */
static int make_buckets(struct str_index *ix, const struct keyed *keyed,
			size_t n)
{
	size_t i, cap = 2, distinct = 0;

	for (i = 0; i < n; i++)
		distinct += !i || keyed[i].key != keyed[i - 1].key;
	while (cap * BUCKET_KEYS * 7 < distinct * 8)
		cap *= 2;
	ix->buckets = calloc(cap, sizeof(*ix->buckets));
	ix->filter = calloc(2 * cap, sizeof(*ix->filter));
	if (!ix->buckets || !ix->filter)
		return -ENOMEM;
	ix->mask = cap - 1;
	ix->filter_mask = 2 * cap - 1;
	return 0;
}

/* The owners in keyed[0..n) become a run that begins at runs[at]. */
static uint32_t add_run(uint32_t *runs, uint32_t at, const struct keyed *keyed,
			size_t n)
{
	size_t i;

	runs[at++] = (uint32_t)n;
	for (i = 0; i < n; i++)
		runs[at++] = keyed[i].entry.owner;
	return at;
}

/* Runs of one key in `keyed`, which is sorted, become one ref each. */
static void enter_keys(struct str_index *ix, const struct keyed *keyed,
		       size_t n, uint32_t *runs_n)
{
	size_t i, begin;

	for (i = 0; i < n;) {
		begin = i;
		while (i < n && keyed[i].key == keyed[begin].key)
			i++;
		if (i - begin == 1) {
			put_key(ix, keyed[begin].key, keyed[begin].entry.owner);
			continue;
		}
		put_key(ix, keyed[begin].key, IS_RUN | *runs_n);
		*runs_n = add_run(ix->runs, *runs_n, &keyed[begin], i - begin);
	}
}

/* keyed: n_keyed that have a key, and behind them those that have none. */
static int fill(struct str_index *ix, struct keyed *keyed, size_t n_keyed,
		size_t n)
{
	uint32_t runs_n = 0;

	qsort(keyed, n_keyed, sizeof(*keyed), compare_keyed);
	/* A run of one key is of two at least, so this is room enough. */
	ix->runs = calloc(n + n_keyed / 2 + 1, sizeof(*ix->runs));
	ix->all = calloc(n + 1, sizeof(*ix->all));
	if (!ix->runs || !ix->all || make_buckets(ix, keyed, n_keyed) < 0)
		return -ENOMEM;
	enter_keys(ix, keyed, n_keyed, &runs_n);
	ix->loose = runs_n;
	(void)add_run(ix->runs, runs_n, keyed + n_keyed, n - n_keyed);
	(void)add_run(ix->all, 0, keyed, n);
	return 0;
}

int str_index_new(enum pattern_kind kind, const struct str_entry *entries,
		  size_t n, struct str_index **ret)
{
	struct keymap counts = { 0 };
	struct str_index *ix = calloc(1, sizeof(*ix));
	struct keyed *keyed = calloc(n + 1, sizeof(*keyed));
	size_t i, n_keyed = 0, loose = n;
	uint64_t key = 0;
	int r = -ENOMEM;

	if (!ix || !keyed || count_keys(entries, n, &counts) < 0)
		goto out;
	ix->kind = (uint8_t)kind;
	for (i = 0; i < n; i++) {
		if (choose_key(entries[i].pattern, &counts, &key))
			keyed[n_keyed++] = (struct keyed){ key, entries[i] };
		else
			keyed[--loose].entry = entries[i];
	}
	r = fill(ix, keyed, n_keyed, n);
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
	free(ix->buckets);
	free(ix->filter);
	free(ix->runs);
	free(ix->all);
	free(ix);
}

/* ---- looking up --------------------------------------------------------- */

struct walk {
	const struct str_index *ix;
	str_index_fn fn;
	void *arg;
};

/* run: its length, and then the owners. */
static bool visit_run(const struct walk *w, const uint32_t *run)
{
	uint32_t i;

	for (i = 1; i <= run[0]; i++) {
		if (w->fn(w->arg, run[i]))
			return true;
	}
	return false;
}

static bool visit_ref(const struct walk *w, uint32_t ref)
{
	return ref & IS_RUN ? visit_run(w, w->ix->runs + (ref & ~IS_RUN))
			    : w->fn(w->arg, ref);
}

static bool probe_buckets(const struct walk *w, uint64_t key)
{
	size_t at = bucket_of(w->ix, key);
	uint16_t tag = tag_of(key);
	const struct bucket *b;
	size_t i;

	do {
		b = &w->ix->buckets[at];
		for (i = 0; i < BUCKET_KEYS; i++) {
			if ((b->tags[i] & TAG_BITS) == tag &&
			    visit_ref(w, b->refs[i]))
				return true;
		}
		at = (at + 1) & w->ix->mask;
	} while (b->tags[BUCKET_KEYS - 1] & TAG_MORE);
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
	return probe_buckets(w, key);
}

/* rest: the string from the beginning of a component on. */
static bool probe_beginnings(const struct walk *w, uint64_t dirs,
			     struct slice rest)
{
	size_t i;

	for (i = 0; i < BEGIN_KINDS; i++) {
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

/* One component and those before it, dirs; not the last one. */
static bool probe_directory(const struct walk *w, uint64_t dirs,
			    struct slice name)
{
	if ((w->ix->kinds & 1u << KEY_WITHIN) &&
	    probe(w, KEY_WITHIN, hash_bytes(ROOT, name)))
		return true;
	return probe(w, KEY_BELOW, dirs);
}

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
		if (!slash)
			break;
		dirs = below(dirs, name);
		if (probe_directory(w, dirs, name))
			return true;
		s = slice_of(slash + 1, s.n - name.n - 1);
	}
	return (kinds & 1u << KEY_LAST) &&
	       probe(w, KEY_LAST, hash_bytes(ROOT, name));
}

bool str_index_visit(const struct str_index *ix, struct slice s,
		     str_index_fn fn, void *arg)
{
	struct walk w = { .ix = ix, .fn = fn, .arg = arg };

	/* First, so that what it brings up comes while the walk goes on. */
	if ((ix->kinds & 1u << KEY_WHOLE) &&
	    probe(&w, KEY_WHOLE, hash_bytes(WHOLE, s)))
		return true;
	if (visit_run(&w, ix->runs + ix->loose))
		return true;
	if (ix->kind == PATTERN_PATH)
		return visit_path(&w, s);
	return probe_beginnings(&w, ROOT, s);
}

bool str_index_each(const struct str_index *ix, str_index_fn fn, void *arg)
{
	struct walk w = { .ix = ix, .fn = fn, .arg = arg };

	return visit_run(&w, ix->all);
}
