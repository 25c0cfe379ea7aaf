/* SPDX-License-Identifier: Apache-2.0 */
/* base/escape: what may be shown stays, what may not never gets out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/escape.h"

/* A string with its zero bytes, as an initializer. */
#define BYTES(s)                 \
	{                        \
		s, sizeof(s) - 1 \
	}

struct row {
	struct slice in;
	const char *out;
};

typedef void (*escape_fn)(struct buf *out, struct slice in);

static void check(escape_fn escape, const struct row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		cleanup_buf struct buf b = BUF_INIT(1000);

		escape(&b, rows[i].in);
		buf_add_char(&b, '\0');
		assert_false(b.failed);
		assert_string_equal(b.p, rows[i].out);
	}
}

#define CHECK(fn, rows) check(fn, rows, sizeof(rows) / sizeof((rows)[0]))

static void text_keeps_what_is_printable(void **state)
{
	static const struct row rows[] = {
		{ BYTES(""), "" },
		{ BYTES("/usr/bin/ls -l 'x' \"y\""),
		  "/usr/bin/ls -l 'x' \"y\"" },
		{ BYTES("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac "
			"\xf0\x9f\x98\x80"),
		  "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac "
		  "\xf0\x9f\x98\x80" },
		{ BYTES("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf" },
	};

	(void)state;
	CHECK(escape_text, rows);
}

static void text_escapes_what_ends_lines_or_moves_cursors(void **state)
{
	static const struct row rows[] = {
		{ BYTES("a\nb\tc\rd\\e"), "a\\nb\\tc\\rd\\\\e" },
		{ BYTES("\x1b[2J\a\0\x7f"), "\\x1b[2J\\x07\\x00\\x7f" },
		{ BYTES("\xc2\x9b\x33\x31m"), "\\xc2\\x9b31m" },
		{ BYTES("\xe2\x80\xae"), "\\xe2\\x80\\xae" },
		{ BYTES("\xe2\x80\x8b"), "\\xe2\\x80\\x8b" },
		{ BYTES("\xe2\x80\xa8"), "\\xe2\\x80\\xa8" },
		{ BYTES("\xe2\x81\xa6"), "\\xe2\\x81\\xa6" },
		{ BYTES("\xe2\x81\xa0"), "\\xe2\\x81\\xa0" },
		{ BYTES("\xd8\x9c"), "\\xd8\\x9c" },
		{ BYTES("\xef\xbb\xbf"), "\\xef\\xbb\\xbf" },
		/* Their neighbours are letters and stay. */
		{ BYTES("\xe2\x80\x90\xe2\x80\xaf"),
		  "\xe2\x80\x90\xe2\x80\xaf" },
	};

	(void)state;
	CHECK(escape_text, rows);
}

static void text_escapes_what_is_not_utf8(void **state)
{
	static const struct row rows[] = {
		{ BYTES("a\x80"), "a\\x80" },
		{ BYTES("\xc0\xaf"), "\\xc0\\xaf" },
		{ BYTES("\xe0\x80\xaf"), "\\xe0\\x80\\xaf" },
		{ BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80" },
		{ BYTES("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80" },
		{ BYTES("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80" },
		{ BYTES("\xe6\x97"), "\\xe6\\x97" },
		{ BYTES("\xe6x\xff"), "\\xe6x\\xff" },
	};

	(void)state;
	CHECK(escape_text, rows);
}

static void words_are_quoted_when_their_ends_would_not_show(void **state)
{
	static const struct row rows[] = {
		{ BYTES("plain"), "plain" },
		{ BYTES(""), "''" },
		{ BYTES("a b"), "'a b'" },
		{ BYTES("it's"), "'it\\'s'" },
		{ BYTES("say \"x\""), "'say \"x\"'" },
		{ BYTES("a\nb"), "'a\\nb'" },
		{ BYTES("a\xc2\xa0"
			"b"),
		  "'a\xc2\xa0"
		  "b'" },
		{ BYTES("a\xe3\x80\x80"
			"b"),
		  "'a\xe3\x80\x80"
		  "b'" },
		{ BYTES("x\x01"), "x\\x01" },
	};

	(void)state;
	CHECK(escape_word, rows);
}

static void json(struct buf *out, struct slice in)
{
	escape_json(out, in, NULL);
}

static void json_strings_follow_the_standard(void **state)
{
	static const struct row rows[] = {
		{ BYTES(""), "\"\"" },
		{ BYTES("a\"b\\c/"), "\"a\\\"b\\\\c/\"" },
		{ BYTES("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ BYTES("\0\x1b\x7f"), "\"\\u0000\\u001b\\u007f\"" },
		{ BYTES("\xc3\xbc\xf0\x9f\x98\x80"),
		  "\"\xc3\xbc\xf0\x9f\x98\x80\"" },
		{ BYTES("\xc2\x9b\xe2\x80\xae"), "\"\\u009b\\u202e\"" },
		{ BYTES("a\xff"
			"b\xc0\xaf"),
		  "\"a\xef\xbf\xbd"
		  "b\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	(void)state;
	CHECK(json, rows);
}

static void json_says_when_bytes_were_lost(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(1000);
	bool lossy = false;

	(void)state;
	escape_json(&b, slice_str("fine \xc3\xbc \n"), &lossy);
	assert_false(lossy);
	escape_json(&b, slice_str("\xc3"), &lossy);
	assert_true(lossy);
	/* It accumulates over calls: a later good string does not clear it. */
	escape_json(&b, slice_str("fine"), &lossy);
	assert_true(lossy);
}

static void html_has_no_character_that_means_something(void **state)
{
	static const struct row rows[] = {
		{ BYTES(""), "" },
		{ BYTES("<script>alert('x')</script>"),
		  "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" },
		{ BYTES("\"& &lt;"), "&quot;&amp; &amp;lt;" },
		{ BYTES("gr\xc3\xbc\xc3\x9f\\n"), "gr\xc3\xbc\xc3\x9f\\n" },
		/* Nobody gives it these: text was escaped before. */
		{ BYTES("a\0b\n\x1b\xff"),
		  "a\xef\xbf\xbd"
		  "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	(void)state;
	CHECK(escape_html, rows);
}

static void every_code_point_is_read_as_it_was_written(void **state)
{
	char p[4];
	unsigned cp, got = 0;
	size_t n;

	(void)state;
	for (cp = 0; cp < 0x110000; cp++) {
		if (cp < 0x80) {
			n = 1;
			p[0] = (char)cp;
		} else if (cp < 0x800) {
			n = 2;
			p[0] = (char)(0xc0 | cp >> 6);
		} else if (cp < 0x10000) {
			n = 3;
			p[0] = (char)(0xe0 | cp >> 12);
			p[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		} else {
			n = 4;
			p[0] = (char)(0xf0 | cp >> 18);
			p[1] = (char)(0x80 | (cp >> 12 & 0x3f));
			p[2] = (char)(0x80 | (cp >> 6 & 0x3f));
		}
		if (n > 1)
			p[n - 1] = (char)(0x80 | (cp & 0x3f));
		if (cp >= 0xd800 && cp <= 0xdfff) {
			assert_int_equal(utf8_next(slice_of(p, n), &got), 0);
			continue;
		}
		assert_int_equal(utf8_next(slice_of(p, n), &got), n);
		assert_int_equal(got, cp);
		assert_true(utf8_valid(slice_of(p, n)));
		/* Cut short it is not a character. */
		assert_int_equal(utf8_next(slice_of(p, n - 1), NULL), 0);
	}
}

/* All strings of three bytes: what comes out is safe, whatever went in. */
static void no_input_gets_a_control_character_out(void **state)
{
	static const unsigned char odd[] = { 0,	   '\n', 0x1b, '\'', '\\',
					     'a',  0x7f, 0x80, 0x9b, 0xae,
					     0xc2, 0xe2, 0xed, 0xf0, 0xff };
	cleanup_buf struct buf b = BUF_INIT(1000);
	size_t i, j, k, at, n;
	unsigned cp;
	char in[3];

	(void)state;
	for (i = 0; i < 256; i++) {
		for (j = 0; j < sizeof(odd); j++) {
			for (k = 0; k < sizeof(odd); k++) {
				in[0] = (char)i;
				in[1] = (char)odd[j];
				in[2] = (char)odd[k];
				buf_reset(&b);
				escape_word(&b, slice_of(in, 3));
				escape_json(&b, slice_of(in, 3), NULL);
				escape_text(&b, slice_of(in, 3));
				for (at = 0; at < b.n; at += n) {
					n = utf8_next(
						slice_of(b.p + at, b.n - at),
						&cp);
					assert_true(n > 0);
					assert_true(cp >= 0x20 && cp != 0x7f);
					assert_false(cp >= 0x80 && cp < 0xa0);
					assert_false(cp >= 0x202a &&
						     cp <= 0x202e);
				}
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_keeps_what_is_printable),
		cmocka_unit_test(text_escapes_what_ends_lines_or_moves_cursors),
		cmocka_unit_test(text_escapes_what_is_not_utf8),
		cmocka_unit_test(
			words_are_quoted_when_their_ends_would_not_show),
		cmocka_unit_test(json_strings_follow_the_standard),
		cmocka_unit_test(json_says_when_bytes_were_lost),
		cmocka_unit_test(html_has_no_character_that_means_something),
		cmocka_unit_test(every_code_point_is_read_as_it_was_written),
		cmocka_unit_test(no_input_gets_a_control_character_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
