/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globs, a second time, straight from their description and by trying every
 * way: what rules/pattern.c is held against. Takes the pattern's text as it
 * is written, which must be a valid one, and exponential time.
 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

/* One possibly escaped byte; *p moves behind it. */
static unsigned char naive_byte(const char **p)
{
	char hex[3] = { 0 };
	char c = *(*p)++;

	if (c != '\\')
		return (unsigned char)c;
	c = *(*p)++;
	if (c == 'n')
		return '\n';
	if (c == 't')
		return '\t';
	if (c != 'x')
		return (unsigned char)c;
	memcpy(hex, *p, 2);
	*p += 2;
	return (unsigned char)strtoul(hex, NULL, 16);
}

/* p is behind the '[' and moves behind the ']'. */
static bool naive_set(const char **p, unsigned char c)
{
	bool inverted = **p == '!', in = false;
	unsigned char from, to;

	if (inverted)
		++*p;
	while (**p != ']') {
		from = to = naive_byte(p);
		if ((*p)[0] == '-' && (*p)[1] != ']') {
			++*p;
			to = naive_byte(p);
		}
		in |= c >= from && c <= to;
	}
	++*p;
	return in != inverted;
}

/* path: '/' is special. after_slash: what came before in the pattern is one. */
static bool naive_rest(const char *p, struct slice s, bool path,
		       bool after_slash)
{
	struct slice rest;
	unsigned char c;
	size_t stars, i;

	if (!*p)
		return !s.n;
	stars = strspn(p, "*");
	if (stars == 2 && path && after_slash && p[2] == '/') {
		/* Whole directories, or none. */
		if (naive_rest(p + 3, s, path, true))
			return true;
		for (i = 0; i < s.n; i++) {
			rest = slice_of(s.p + i + 1, s.n - i - 1);
			if (s.p[i] == '/' &&
			    naive_rest(p + 3, rest, path, true))
				return true;
		}
		return false;
	}
	if (stars) {
		for (i = 0; i <= s.n; i++) {
			if (i && path && stars == 1 && s.p[i - 1] == '/')
				return false;
			rest = slice_of(s.p + i, s.n - i);
			if (naive_rest(p + stars, rest, path, false))
				return true;
		}
		return false;
	}
	if (!s.n)
		return false;
	c = (unsigned char)*s.p;
	rest = slice_of(s.p + 1, s.n - 1);
	if (*p == '?')
		return (!path || c != '/') &&
		       naive_rest(p + 1, rest, path, false);
	if (*p == '[') {
		p++;
		return naive_set(&p, c) && (!path || c != '/') &&
		       naive_rest(p, rest, path, false);
	}
	return naive_byte(&p) == c && naive_rest(p, rest, path, c == '/');
}

static inline bool naive_glob(const char *pattern, struct slice s, bool path)
{
	return naive_rest(pattern, s, path, false);
}
