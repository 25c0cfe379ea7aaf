/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of named values. The one idea: whoever fills it never thinks of
 * encodings; that a string is fit for a protobuf string is seen to here.
 */
#include "out/attr.h"

#include "base/buf.h"
#include "base/escape.h"

void attrs_init(struct attrs *a, struct arena *arena)
{
	a->arena = arena;
	a->n = 0;
	a->dropped = 0;
}

static struct attr *add(struct attrs *a, const char *key, enum attr_type type)
{
	struct attr *at;

	if (!key)
		return NULL;
	if (a->n == ATTRS_MAX) {
		a->dropped++;
		return NULL;
	}
	at = &a->v[a->n++];
	at->key = key;
	at->type = type;
	return at;
}

void attr_int(struct attrs *a, const char *key, int64_t v)
{
	struct attr *at = add(a, key, ATTR_INT);

	if (at)
		at->number = v;
}

void attr_bool(struct attrs *a, const char *key, bool v)
{
	struct attr *at = add(a, key, ATTR_BOOL);

	if (at)
		at->number = v;
}

/* A NUL is valid UTF-8 but would end the C string that protobuf-c packs. */
static bool is_plain(struct slice v)
{
	return utf8_valid(v) && (!v.n || !memchr(v.p, '\0', v.n));
}

static struct slice escaped(struct arena *arena, struct slice v)
{
	cleanup_buf struct buf text = BUF_INIT(8 * v.n + 1);
	char *copy;

	escape_text(&text, v);
	if (text.failed) {
		arena->failed = true;
		return slice_of("", 0);
	}
	copy = arena_str(arena, buf_slice(&text));
	return copy ? slice_of(copy, text.n) : slice_of("", 0);
}

void attr_string(struct attrs *a, const char *key, struct slice v)
{
	bool plain = is_plain(v);
	struct attr *at;

	at = add(a, key, ATTR_STRING);
	if (!at)
		return;
	at->bytes = plain ? v : escaped(a->arena, v);
	if (plain)
		return;
	at = add(a, arena_join(a->arena, key, ".bytes"), ATTR_BYTES);
	if (at)
		at->bytes = v;
}

void attr_string_unique(struct attrs *a, const char *key, struct slice v)
{
	size_t i, n = key ? strlen(key) : 0;

	for (i = 0; i < a->n; i++) {
		const char *have = a->v[i].key;

		/* Nor may its NAME.bytes meet a name that is there. */
		if (!strncmp(have, key, n) &&
		    (!have[n] || !strcmp(have + n, ".bytes"))) {
			a->dropped++;
			return;
		}
	}
	attr_string(a, key, v);
}

void attr_strings(struct attrs *a, const char *key, const struct slice *items,
		  size_t n)
{
	struct slice *text;
	struct attr *at;
	bool plain = true;
	size_t i;

	if (n > ATTR_ITEMS_MAX) {
		a->dropped++;
		n = ATTR_ITEMS_MAX;
	}
	for (i = 0; i < n && plain; i++)
		plain = is_plain(items[i]);
	at = add(a, key, ATTR_STRINGS);
	if (!at)
		return;
	at->items = items;
	at->n_items = n;
	if (plain)
		return;

	at->n_items = 0;
	text = arena_take(a->arena, n * sizeof(*text));
	if (!text)
		return;
	for (i = 0; i < n; i++)
		text[i] = is_plain(items[i]) ? items[i]
					     : escaped(a->arena, items[i]);
	at->items = text;
	at->n_items = n;
	at = add(a, arena_join(a->arena, key, ".bytes"), ATTR_BYTES_LIST);
	if (!at)
		return;
	at->items = items;
	at->n_items = n;
}
