/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern and a string, divided by the first newline. Properties: matching
 * agrees with the plain glob (where that one can finish), and the index of
 * this one pattern finds whatever matches.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "naive_glob.h"
#include "rules/pattern.h"
#include "rules/str_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_index(const struct pattern *p, struct slice s, bool matches)
{
	struct str_entry entry = { .pattern = p };
	struct str_index *ix;

	if (str_index_new((enum pattern_kind)p->kind, &entry, 1, &ix) < 0)
		return;
	assert(str_index_any(ix, s) == matches);
	str_index_free(ix);
}

static unsigned count_stars(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '*';
	return n;
}

static void check(const char *text, struct slice s, enum pattern_kind kind)
{
	struct pattern *p;
	const char *why = NULL;
	bool matches;
	int r;

	r = pattern_new(kind, slice_str(text), &p, &why);
	if (r < 0) {
		assert(r != -EINVAL || why);
		return;
	}
	matches = pattern_match(p, s);
	if (count_stars(text) <= 4 && s.n <= 40)
		assert(matches == naive_glob(text, s, kind == PATTERN_PATH));
	/* Paths begin with '/', and the index relies on it. */
	if (kind == PATTERN_PLAIN || (s.n && *s.p == '/'))
		check_index(p, s, matches);
	pattern_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t n = end ? (size_t)(end - data) : size;
	char *text = malloc(n + 1), *copy = malloc(size - n + 1);
	struct slice s;

	if (text && copy) {
		if (n)
			memcpy(text, data, n);
		text[n] = '\0';
		s = slice_of(copy, end ? size - n - 1 : 0);
		if (s.n)
			memcpy(copy, end + 1, s.n);
		check(text, s, PATTERN_PATH);
		check(text, s, PATTERN_PLAIN);
	}
	free(text);
	free(copy);
	return 0;
}
