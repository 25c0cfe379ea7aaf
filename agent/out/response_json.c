/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scanner for JSON that somebody else made. Strict about structure, easy
 * about what a number looks like: its reader checks that.
 */
#include "out/response_json.h"

#define DEPTH_MAX 32

static void skip_blank(struct json *j)
{
	while (j->rest.n && strchr(" \t\r\n", j->rest.p[0]) && j->rest.p[0]) {
		j->rest.p++;
		j->rest.n--;
	}
}

static bool take(struct json *j, char c)
{
	skip_blank(j);
	if (!j->rest.n || j->rest.p[0] != c)
		return false;
	j->rest.p++;
	j->rest.n--;
	return true;
}

static bool next_is(struct json *j, char c)
{
	skip_blank(j);
	return j->rest.n && j->rest.p[0] == c;
}

bool json_string(struct json *j, struct slice *ret_raw)
{
	size_t i;

	if (!take(j, '"'))
		return false;
	for (i = 0; i < j->rest.n && j->rest.p[i] != '"'; i++) {
		if (j->rest.p[i] == '\\')
			i++;
	}
	if (i >= j->rest.n)
		return false;
	*ret_raw = slice_of(j->rest.p, i);
	j->rest.p += i + 1;
	j->rest.n -= i + 1;
	return true;
}

/* A number, true, false or null: what runs up to a delimiter. */
static bool take_word(struct json *j, struct slice *ret)
{
	size_t i = 0;

	skip_blank(j);
	while (i < j->rest.n && j->rest.p[i] &&
	       !strchr(" \t\r\n,:]}[{\"", j->rest.p[i]))
		i++;
	if (!i)
		return false;
	*ret = slice_of(j->rest.p, i);
	j->rest.p += i;
	j->rest.n -= i;
	return true;
}

bool json_number(struct json *j, struct slice *ret_digits)
{
	if (next_is(j, '"'))
		return json_string(j, ret_digits);
	return take_word(j, ret_digits);
}

bool json_is_object(struct json *j)
{
	return next_is(j, '{');
}

static bool skip_member(void *arg, struct slice key, struct json *j)
{
	(void)arg;
	(void)key;
	return json_skip(j);
}

static bool skip_array(struct json *j)
{
	if (!take(j, '[') || j->depth++ >= DEPTH_MAX)
		return false;
	if (!take(j, ']')) {
		do {
			if (!json_skip(j))
				return false;
		} while (take(j, ','));
		if (!take(j, ']'))
			return false;
	}
	j->depth--;
	return true;
}

bool json_skip(struct json *j)
{
	struct slice ignored;

	if (next_is(j, '{'))
		return json_object(j, skip_member, NULL);
	if (next_is(j, '['))
		return skip_array(j);
	if (next_is(j, '"'))
		return json_string(j, &ignored);
	return take_word(j, &ignored);
}

bool json_object(struct json *j, json_member_fn fn, void *arg)
{
	struct slice key;

	if (!take(j, '{') || j->depth++ >= DEPTH_MAX)
		return false;
	if (!take(j, '}')) {
		do {
			if (!json_string(j, &key) || !take(j, ':') ||
			    !fn(arg, key, j))
				return false;
		} while (take(j, ','));
		if (!take(j, '}'))
			return false;
	}
	j->depth--;
	return true;
}
