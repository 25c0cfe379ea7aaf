/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes to the escapers. Property: what comes out is UTF-8 without a
 * control character, direction change or open quote in it, and each escaped
 * form can be turned back.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_safe(struct slice s)
{
	unsigned cp;
	size_t n;

	for (; s.n; s = slice_of(s.p + n, s.n - n)) {
		n = utf8_next(s, &cp);
		assert(n > 0);
		assert(cp >= 0x20 && cp != 0x7f && (cp < 0x80 || cp > 0x9f));
		assert(cp != 0x61c && (cp < 0x200b || cp > 0x200f));
		assert(cp < 0x2028 || cp > 0x202e);
		assert(cp != 0x2060 && (cp < 0x2066 || cp > 0x2069));
		assert(cp != 0xfeff);
	}
}

static unsigned hex(char c)
{
	assert((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The bytes that escape_text was given, from what it made of them. */
static void check_reverses(struct slice s, struct slice in)
{
	size_t i, at = 0;
	char c;

	for (i = 0; i < s.n; i++) {
		c = s.p[i];
		if (c == '\\') {
			assert(++i < s.n);
			switch (s.p[i]) {
			case 'n':
				c = '\n';
				break;
			case 't':
				c = '\t';
				break;
			case 'r':
				c = '\r';
				break;
			case 'x':
				assert(i + 2 < s.n);
				c = (char)(hex(s.p[i + 1]) << 4 |
					   hex(s.p[i + 2]));
				i += 2;
				break;
			default:
				assert(s.p[i] == '\\' || s.p[i] == '\'');
				c = s.p[i];
			}
		}
		assert(at < in.n && in.p[at] == c);
		at++;
	}
	assert(at == in.n);
}

static void check_quoted(struct slice s, char quote)
{
	size_t i;

	assert(s.n >= 2 && s.p[0] == quote && s.p[s.n - 1] == quote);
	for (i = 1; i < s.n - 1; i++) {
		assert(s.p[i] != quote);
		if (s.p[i] == '\\')
			i++;
	}
	assert(i == s.n - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);
	struct buf b = BUF_INIT(6 * size + 2);
	struct slice word;
	bool lossy = false;

	/* Six bytes for one is the most: the buffer never fails. */
	escape_text(&b, in);
	assert(!b.failed);
	check_safe(buf_slice(&b));
	check_reverses(buf_slice(&b), in);

	buf_reset(&b);
	escape_word(&b, in);
	assert(!b.failed);
	check_safe(buf_slice(&b));
	word = buf_slice(&b);
	assert(word.n);
	if (word.p[0] == '\'') {
		check_quoted(word, '\'');
		word = slice_of(word.p + 1, word.n - 2);
	}
	check_reverses(word, in);

	buf_reset(&b);
	escape_json(&b, in, &lossy);
	assert(!b.failed);
	check_safe(buf_slice(&b));
	check_quoted(buf_slice(&b), '"');
	assert(lossy == !utf8_valid(in));

	buf_reset(&b);
	escape_html(&b, in);
	assert(!b.failed);
	check_safe(buf_slice(&b));
	assert(!memchr(b.p ? b.p : "", '<', b.n));
	assert(!memchr(b.p ? b.p : "", '"', b.n));
	assert(!memchr(b.p ? b.p : "", '\'', b.n));
	buf_done(&b);
	return 0;
}
