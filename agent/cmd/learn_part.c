// SPDX-License-Identifier: Apache-2.0
#include "cmd/learn_part.h"

#include <string.h>

#include "cmd/learn_names.h"
#include "rules/literal.h"
#include "rules/pattern.h"

bool part_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

bool part_is_alnum(char c)
{
	return part_is_digit(c) || is_lower(c) || is_upper(c);
}

static bool is_hex(char c)
{
	return part_is_digit(c) || (c >= 'a' && c <= 'f');
}

static size_t run(struct slice s, size_t at, bool (*is)(char c))
{
	size_t n = 0;

	while (at + n < s.n && is(s.p[at + n]))
		n++;
	return n;
}

/* A hash or a part of a UUID: long enough, digits among the letters. */
static bool is_hash(struct slice s)
{
	size_t digits = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (!is_hex(s.p[i]))
			return false;
		digits += part_is_digit(s.p[i]);
	}
	return s.n >= 8 && digits && digits < s.n;
}

/*
 * As mkstemp makes them: six letters and digits or more that change between
 * small, large and digits more often than names that people give.
 */
static bool is_random(struct slice s)
{
	size_t changes = 0, digits = 0, upper = 0, lower = 0;

	if (s.n < 6)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		digits += part_is_digit(s.p[i]);
		upper += is_upper(s.p[i]);
		lower += is_lower(s.p[i]);
		if (i && (part_is_digit(s.p[i]) != part_is_digit(s.p[i - 1]) ||
			  is_upper(s.p[i]) != is_upper(s.p[i - 1])))
			changes++;
	}
	if (digits && upper && lower)
		return changes >= 3;
	return changes >= 4;
}

/* "1.2" at `at`, with more of the kind behind it. */
static size_t version_run(struct slice s, size_t at)
{
	size_t n = run(s, at, part_is_digit), more;

	if (!n || at + n >= s.n || s.p[at + n] != '.')
		return 0;
	more = run(s, at + n + 1, part_is_digit);
	return more ? n + 1 + more : 0;
}

#define NUMBER "[0-9]*"

void part_add(struct buf *out, struct slice s, bool is_dir, bool temp)
{
	size_t i = 0, n, from = 0;

	while (i < s.n) {
		const char *glob = NULL;

		if (i && part_is_alnum(s.p[i - 1]) && !part_is_digit(s.p[i])) {
			i++;
			continue;
		}
		n = run(s, i, part_is_alnum);
		if (temp && n && is_hash(slice_of(s.p + i, n))) {
			glob = "*";
		} else if (temp && n && is_random(slice_of(s.p + i, n))) {
			glob = "*";
		} else if ((is_dir || temp) && (n = version_run(s, i))) {
			glob = NUMBER;
			/* What follows a version is of it: 6.1.0-18-amd64. */
			while (i + n < s.n &&
			       (part_is_digit(s.p[i + n]) || s.p[i + n] == '.'))
				n++;
		} else {
			n = run(s, i, part_is_digit);
			if ((n >= 4 && temp) || (n == s.n && is_dir))
				glob = NUMBER;
		}
		if (!glob) {
			i += n ? n : 1;
			continue;
		}
		literal_add(out, slice_of(s.p + from, i - from));
		buf_add_str(out, glob);
		i += n;
		from = i;
	}
	literal_add(out, slice_of(s.p + from, s.n - from));
}

bool part_next(struct slice path, size_t *at, struct slice *ret)
{
	const char *end;

	if (*at >= path.n)
		return false;
	end = memchr(path.p + *at, '/', path.n - *at);
	*ret = slice_of(path.p + *at,
			end ? (size_t)(end - path.p) - *at : path.n - *at);
	*at += ret->n + 1;
	return true;
}

bool names_fit(struct slice path)
{
	struct slice part;
	size_t at = 1;

	if (!path.n || path.n > PATTERN_TEXT_MAX || path.p[0] != '/' ||
	    memchr(path.p, '\0', path.n) ||
	    (path.n > 1 && path.p[path.n - 1] == '/'))
		return false;
	while (part_next(path, &at, &part))
		if (!part.n || slice_eq(part, slice_str(".")) ||
		    slice_eq(part, slice_str("..")))
			return false;
	return true;
}

void names_generalise(struct buf *out, struct slice path)
{
	struct slice part;
	size_t at = 1;

	if (path.n == 1)
		buf_add_char(out, '/');
	while (part_next(path, &at, &part)) {
		buf_add_char(out, '/');
		part_add(out, part, at < path.n, false);
	}
}

void names_generalise_word(struct buf *out, struct slice word)
{
	size_t i = 0, n, from = 0;

	for (; i < word.n; i += n) {
		bool hash;

		n = run(word, i, part_is_alnum);
		hash = is_hash(slice_of(word.p + i, n));
		if (!hash)
			n = run(word, i, part_is_digit);
		if (!n) {
			n = 1;
			continue;
		}
		literal_add(out, slice_of(word.p + from, i - from));
		buf_add_str(out, hash ? "*" : NUMBER);
		from = i + n;
	}
	literal_add(out, slice_of(word.p + from, word.n - from));
}
