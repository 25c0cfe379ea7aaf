/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader that goes over the text once. Recursion is bounded by depth, and
 * a string is never longer than what it was written as, so that it fits in
 * its own place.
 */
#include "base/json_members.h"
#include "base/hex.h"

#include <errno.h>
#include <stdint.h>

struct reading {
	char *p, *end;
	unsigned depth;
	json_member_fn fn;
	void *arg;
};

static void skip_blanks(struct reading *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' ||
				 *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static bool take(struct reading *r, char c)
{
	skip_blanks(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static int hex4(struct reading *r, uint32_t *ret)
{
	uint32_t v = 0;
	int i;

	if (r->end - r->p < 4)
		return -EBADMSG;
	for (i = 0; i < 4; i++) {
		int digit = hex_digit(*r->p++);

		if (digit < 0)
			return -EBADMSG;
		v = v << 4 | (uint32_t)digit;
	}
	*ret = v;
	return 0;
}

/* As UTF-8: at most as long as \uXXXX, or two of them, were. */
static char *put_utf8(char *to, uint32_t v)
{
	if (v < 0x80) {
		*to++ = (char)v;
	} else if (v < 0x800) {
		*to++ = (char)(0xc0 | v >> 6);
		*to++ = (char)(0x80 | (v & 0x3f));
	} else if (v < 0x10000) {
		*to++ = (char)(0xe0 | v >> 12);
		*to++ = (char)(0x80 | (v >> 6 & 0x3f));
		*to++ = (char)(0x80 | (v & 0x3f));
	} else {
		*to++ = (char)(0xf0 | v >> 18);
		*to++ = (char)(0x80 | (v >> 12 & 0x3f));
		*to++ = (char)(0x80 | (v >> 6 & 0x3f));
		*to++ = (char)(0x80 | (v & 0x3f));
	}
	return to;
}

static int take_unicode(struct reading *r, char **to)
{
	uint32_t v, low;

	if (hex4(r, &v) < 0)
		return -EBADMSG;
	if (v >= 0xdc00 && v < 0xe000)
		return -EBADMSG;
	if (v >= 0xd800 && v < 0xdc00) {
		if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
			return -EBADMSG;
		r->p += 2;
		if (hex4(r, &low) < 0 || low < 0xdc00 || low >= 0xe000)
			return -EBADMSG;
		v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = put_utf8(*to, v);
	return 0;
}

static int take_escape(struct reading *r, char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (r->p == r->end || !*r->p)
		return -EBADMSG;
	if (*r->p == 'u') {
		r->p++;
		return take_unicode(r, to);
	}
	found = strchr(from, *r->p++);
	if (!found)
		return -EBADMSG;
	*(*to)++ = into[found - from];
	return 0;
}

static int take_string(struct reading *r, struct slice *ret)
{
	char *begin, *to;

	if (!take(r, '"'))
		return -EBADMSG;
	begin = to = r->p;
	while (r->p < r->end && *r->p != '"') {
		char c = *r->p++;

		if ((unsigned char)c < 0x20)
			return -EBADMSG;
		if (c != '\\')
			*to++ = c;
		else if (take_escape(r, &to) < 0)
			return -EBADMSG;
	}
	if (r->p == r->end)
		return -EBADMSG;
	r->p++;
	*ret = slice_of(begin, (size_t)(to - begin));
	return 0;
}

static int take_value(struct reading *r, struct slice name);

static int take_member(struct reading *r, struct slice parent)
{
	struct slice key, value;

	if (take_string(r, &key) < 0 || !take(r, ':'))
		return -EBADMSG;
	skip_blanks(r);
	if (r->p == r->end || *r->p != '"')
		return take_value(r, key);
	if (take_string(r, &value) < 0)
		return -EBADMSG;
	return r->fn(r->arg, parent, key, value);
}

static int take_object(struct reading *r, struct slice name)
{
	int k;

	if (take(r, '}'))
		return 0;
	do {
		k = take_member(r, name);
		if (k < 0)
			return k;
	} while (take(r, ','));
	return take(r, '}') ? 0 : -EBADMSG;
}

static int take_list(struct reading *r)
{
	int k;

	if (take(r, ']'))
		return 0;
	do {
		k = take_value(r, slice_of(NULL, 0));
		if (k < 0)
			return k;
	} while (take(r, ','));
	return take(r, ']') ? 0 : -EBADMSG;
}

/* true, false, null and numbers: what they say nobody asks. */
static int take_other(struct reading *r)
{
	const char *begin = r->p;

	while (r->p < r->end && *r->p &&
	       strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *r->p))
		r->p++;
	return r->p > begin ? 0 : -EBADMSG;
}

static int take_value(struct reading *r, struct slice name)
{
	struct slice ignored;
	int k;

	skip_blanks(r);
	if (r->p == r->end)
		return -EBADMSG;
	if (*r->p == '"')
		return take_string(r, &ignored);
	if (*r->p != '{' && *r->p != '[')
		return take_other(r);
	if (++r->depth > JSON_DEPTH_MAX)
		return -EBADMSG;
	k = *r->p++ == '{' ? take_object(r, name) : take_list(r);
	r->depth--;
	return k;
}

int json_members(char *text, size_t n, json_member_fn fn, void *arg)
{
	struct reading r = { .p = text, .end = text + n, .fn = fn, .arg = arg };
	int k = take_value(&r, slice_of(NULL, 0));

	if (k < 0)
		return k;
	skip_blanks(&r);
	return r.p == r.end ? 0 : -EBADMSG;
}
