/* SPDX-License-Identifier: Apache-2.0 */
/* What names a pattern in an index: each literal part that a walk can hash. */
#include "rules/str_keys.h"

#include <stdbool.h>
#include <string.h>

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

	for (i = BEGIN_KINDS; i--;) {
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
			add_key(&k, KEY_WHOLE,
				hash_bytes(WHOLE, pattern_head(p)));
		else
			add_beginnings(&k, ROOT, pattern_head(p));
		return k.n;
	}
	if (p->shape == SHAPE_LITERAL) {
		add_key(&k, KEY_WHOLE, hash_bytes(WHOLE, pattern_head(p)));
		return k.n;
	}
	dirs = walk_head(pattern_head(p), &rest, &depth);
	if (depth)
		add_key(&k, KEY_BELOW, dirs);
	add_beginnings(&k, dirs, rest);
	add_components(&k, p);
	return k.n;
}
