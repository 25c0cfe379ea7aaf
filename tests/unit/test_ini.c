/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ini: what is written is what arrives, whole, or the line is named.
 * Each trap of inih 55 has its test here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/ini.h"

#define BYTES(s) slice_of(s, sizeof(s) - 1)

/* "line:section|key|value\n" for each call. */
static int note(void *arg, unsigned line, const char *section, const char *key,
		const char *value)
{
	if (key)
		buf_addf(arg, "%u:%s|%s|%s\n", line, section, key, value);
	else
		buf_addf(arg, "%u:%s\n", line, section);
	return 0;
}

static void assert_reads(struct slice text, const char *calls)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	struct ini_error err;
	int r;

	r = ini_read(text, note, &b, &err);
	if (r != 0)
		fail_msg("line %u: %s", err.line, err.what);
	buf_add_char(&b, '\0');
	assert_string_equal(b.p, calls);
}

/* calls: what must have been handed on before the error. */
static void assert_refuses(struct slice text, const char *calls, unsigned line,
			   const char *what)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	struct ini_error err;

	assert_int_equal(ini_read(text, note, &b, &err), -EINVAL);
	buf_add_char(&b, '\0');
	assert_string_equal(err.what, what);
	assert_int_equal(err.line, line);
	assert_string_equal(b.p, calls);
}

static void sections_keys_and_comments_are_read(void **state)
{
	(void)state;
	assert_reads(BYTES("# comment\n"
			   "; another\n"
			   "\n"
			   " \t \n"
			   "[ allow  web server ]\n"
			   "exe=/usr/sbin/nginx\n"
			   "not-path \t= \t/etc/**  \n"
			   "key_2 =\n"
			   "[empty]\n"
			   "[last]\n"
			   "x = no newline at the end"),
		     "5:allow  web server\n"
		     "6:allow  web server|exe|/usr/sbin/nginx\n"
		     "7:allow  web server|not-path|/etc/**\n"
		     "8:allow  web server|key_2|\n"
		     "9:empty\n"
		     "10:last\n"
		     "11:last|x|no newline at the end\n");
	assert_reads(BYTES(""), "");
	assert_reads(slice_of(NULL, 0), "");
	assert_reads(BYTES("\n\n"), "");
}

static void values_keep_their_odd_characters(void **state)
{
	(void)state;
	assert_reads(BYTES("[a]\n"
			   "k = a # b\n"
			   "k = #b\n"
			   "k = a;b;\n"
			   "k =;b\n"
			   "k = \"a = b\" : [c] 'd'\n"
			   "k = = =\n"
			   "k = caf\xc3\xa9 \xff\xfe\x01 x\n"
			   "k = a\tb\n"),
		     "1:a\n"
		     "2:a|k|a # b\n"
		     "3:a|k|#b\n"
		     "4:a|k|a;b;\n"
		     "5:a|k|;b\n"
		     "6:a|k|\"a = b\" : [c] 'd'\n"
		     "7:a|k|= =\n"
		     "8:a|k|caf\xc3\xa9 \xff\xfe\x01 x\n"
		     "9:a|k|a\tb\n");
}

static void a_repeated_key_is_handed_on_each_time(void **state)
{
	(void)state;
	assert_reads(BYTES("[a]\nk = 1\nk = 2\n"), "1:a\n2:a|k|1\n3:a|k|2\n");
}

/* inih 55 would cut at 200 bytes, call the handler, and miscount lines. */
static void values_of_every_length_arrive_whole(void **state)
{
	static char text[INI_LINE_MAX + 64], want[INI_LINE_MAX + 64];
	size_t n, from = sizeof("[a]\nk = ") - 1;

	(void)state;
	for (n = 1; n <= INI_LINE_MAX - 4; n = n < 420 ? n + 1 : n * 2) {
		(void)strcpy(text, "[a]\nk = ");
		memset(text + from, 'v', n);
		(void)strcpy(text + from + n, "\nl = end\n");
		(void)strcpy(want, "1:a\n2:a|k|");
		memset(want + 10, 'v', n);
		(void)strcpy(want + 10 + n, "\n3:a|l|end\n");
		assert_reads(slice_str(text), want);
	}
}

static void the_longest_line_is_read_and_no_longer_one(void **state)
{
	static char text[INI_LINE_MAX + 64], want[INI_LINE_MAX + 64];
	char what[100];
	size_t n = INI_LINE_MAX - 4, from = 8;

	(void)state;
	(void)strcpy(text, "[a]\nk = ");
	memset(text + from, 'v', n + 1);
	(void)strcpy(want, "1:a\n2:a|k|");
	memset(want + 10, 'v', n);
	(void)strcpy(want + 10 + n, "\n");
	assert_reads(slice_of(text, from + n), want);
	(void)snprintf(what, sizeof(what),
		       "line of %d bytes, at most %d are allowed",
		       INI_LINE_MAX + 1, INI_LINE_MAX);
	assert_refuses(slice_of(text, from + n + 1), "1:a\n", 2, what);
	/* A comment is a line too. */
	text[4] = '#';
	assert_refuses(slice_of(text, from + n + 1), "1:a\n", 2, what);
}

/* inih keeps 50 bytes of a section. */
static void long_section_names_arrive_whole(void **state)
{
	(void)state;
	assert_reads(BYTES("[deny a-name-that-is-rather-longer-than-fifty-"
			   "bytes-so-inih-would-cut-it]\nk = v\n"),
		     "1:deny a-name-that-is-rather-longer-than-fifty-"
		     "bytes-so-inih-would-cut-it\n"
		     "2:deny a-name-that-is-rather-longer-than-fifty-"
		     "bytes-so-inih-would-cut-it|k|v\n");
}

static void an_indented_line_is_refused(void **state)
{
	static const char what[] = "blank at the start of the line";

	(void)state;
	assert_refuses(BYTES("[a]\nk = 1\n  more\n"), "1:a\n2:a|k|1\n", 3,
		       what);
	assert_refuses(BYTES("[a]\n\tk = 1\n"), "1:a\n", 2, what);
	assert_refuses(BYTES(" [a]\n"), "", 1, what);
	assert_refuses(BYTES("[a]\n # indented comment\n"), "1:a\n", 2, what);
	assert_refuses(BYTES("[a]\n\vk = 1\n"), "1:a\n", 2, what);
}

static void a_comment_behind_a_value_is_refused(void **state)
{
	static const char what[] =
		"';' after a blank: comments stand on lines of their own";

	(void)state;
	assert_refuses(BYTES("[a]\nk = 1 ; one\n"), "1:a\n", 2, what);
	assert_refuses(BYTES("[a]\nk = 1\t;\n"), "1:a\n", 2, what);
	assert_refuses(BYTES("[a]\nk = ;one\n"), "1:a\n", 2, what);
	assert_refuses(BYTES("[a]\nk = a;b ;c\n"), "1:a\n", 2, what);
	assert_refuses(BYTES("[a] ; section\n"), "", 1, "text after ']'");
}

/* inih would go on, and file the key under the section before. */
static void a_broken_section_line_ends_the_reading(void **state)
{
	(void)state;
	assert_refuses(BYTES("[a]\n[b\nk = 1\n"), "1:a\n", 2,
		       "section without ']'");
	assert_refuses(BYTES("[]\nk = 1\n"), "", 1, "section without a name");
	assert_refuses(BYTES("[ ]\n"), "", 1, "section without a name");
	assert_refuses(BYTES("[a]b\n"), "", 1, "text after ']'");
	assert_refuses(BYTES("[a[b]\n"), "", 1,
		       "'[', ';' or a control character in the section's name");
	assert_refuses(BYTES("[a ;b]\n"), "", 1,
		       "'[', ';' or a control character in the section's name");
	assert_refuses(BYTES("[a\tb]\n"), "", 1,
		       "'[', ';' or a control character in the section's name");
}

static void a_bare_line_is_refused(void **state)
{
	(void)state;
	assert_refuses(BYTES("[a]\nbare\n"), "1:a\n", 2,
		       "neither a section nor 'key = value'");
	/* inih would take a colon. */
	assert_refuses(BYTES("[a]\nkey: value\n"), "1:a\n", 2,
		       "neither a section nor 'key = value'");
	assert_refuses(BYTES("[a]\nkey: x = y\n"), "1:a\n", 2,
		       "key 'key: x' has a character other than a-z, 0-9, '-' "
		       "and '_'");
	assert_refuses(BYTES("[a]\n= value\n"), "1:a\n", 2,
		       "no key before '='");
	assert_refuses(BYTES("[a]\nKey = 1\n"), "1:a\n", 2,
		       "key 'Key' has a character other than a-z, 0-9, '-' "
		       "and '_'");
}

static void a_key_needs_a_section(void **state)
{
	(void)state;
	assert_refuses(BYTES("# c\nk = 1\n"), "", 2,
		       "key 'k' before the first section");
}

static void zero_bytes_are_refused_wherever_they_are(void **state)
{
	static const char what[] = "zero byte in the line";

	(void)state;
	assert_refuses(BYTES("[a]\nk = 1\0002\n"), "1:a\n", 2, what);
	assert_refuses(BYTES("[a\0]\n"), "", 1, what);
	assert_refuses(BYTES("# \0\n"), "", 1, what);
	assert_refuses(BYTES("\0"), "", 1, what);
}

static void line_ends_and_marks_of_other_systems_are_refused(void **state)
{
	(void)state;
	assert_refuses(BYTES("[a]\r\nk = 1\r\n"), "", 1,
		       "carriage return at the end of the line");
	assert_refuses(BYTES("[a]\nk = 1\r"), "1:a\n", 2,
		       "carriage return at the end of the line");
	assert_refuses(BYTES("\xef\xbb\xbf[a]\n"), "", 1,
		       "byte order mark before the text");
	/* What inih would take off the end of a value. */
	assert_refuses(BYTES("[a]\nk = 1\v\n"), "1:a\n", 2,
		       "control character at an end of the value");
	assert_refuses(BYTES("[a]\nk = \f1\n"), "1:a\n", 2,
		       "control character at an end of the value");
}

static void errors_show_foreign_bytes_escaped(void **state)
{
	(void)state;
	assert_refuses(BYTES("[a]\n\x1b[2J\xff = 1\n"), "1:a\n", 2,
		       "key '\\x1b[2J\\xff' has a character other than a-z, "
		       "0-9, '-' and '_'");
}

static void a_long_key_is_cut_in_the_message_only(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(1000);
	static char text[1000];
	struct ini_error err;
	size_t n;

	(void)state;
	(void)strcpy(text, "[a]\n");
	for (n = 4; n < 904; n += 2)
		memcpy(text + n, "\xc3\xa9", 2);
	(void)strcpy(text + n, " = 1\n");
	assert_int_equal(ini_read(slice_str(text), note, &b, &err), -EINVAL);
	assert_int_equal(err.line, 2);
	assert_true(strlen(err.what) < sizeof(err.what));
	assert_true(strlen(err.what) > 100);
}

static void files_have_a_cap(void **state)
{
	char *text = malloc(INI_FILE_MAX + 1);
	struct ini_error err;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', INI_FILE_MAX + 1);
	assert_int_equal(
		ini_read(slice_of(text, INI_FILE_MAX), note, NULL, &err), 0);
	assert_int_equal(
		ini_read(slice_of(text, INI_FILE_MAX + 1), note, NULL, &err),
		-EINVAL);
	assert_int_equal(err.line, 0);
	assert_string_equal(err.what,
			    "16777217 bytes, at most 16777216 are allowed");
	free(text);
}

struct stopper {
	struct ini_error err;
	unsigned calls, stop_at;
	bool says_why;
};

static int stop(void *arg, unsigned line, const char *section, const char *key,
		const char *value)
{
	struct stopper *s = arg;

	(void)section;
	(void)key;
	(void)value;
	s->calls++;
	if (line != s->stop_at)
		return 0;
	if (s->says_why)
		return ini_fail(&s->err, line, "no %s here", "such\nkey");
	return -EPERM;
}

static void the_handler_ends_the_reading_with_its_line(void **state)
{
	struct slice text = BYTES("[a]\nk = 1\nl = 2\n[b]\nm = 3\n");
	unsigned at;

	(void)state;
	for (at = 1; at <= 5; at++) {
		struct stopper s = { .stop_at = at };
		struct ini_error err;

		assert_int_equal(ini_read(text, stop, &s, &err), -EPERM);
		assert_int_equal(err.line, at);
		assert_string_equal(err.what, "");
		assert_int_equal(s.calls, at);
	}
}

static void what_the_handler_says_is_kept(void **state)
{
	struct stopper s = { .stop_at = 2, .says_why = true };

	(void)state;
	/* The same error in both hands, as callers with one do. */
	assert_int_equal(ini_read(BYTES("[a]\nk = 1\n"), stop, &s, &s.err),
			 -EINVAL);
	assert_int_equal(s.err.line, 2);
	assert_string_equal(s.err.what, "no such\\nkey here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_keys_and_comments_are_read),
		cmocka_unit_test(values_keep_their_odd_characters),
		cmocka_unit_test(a_repeated_key_is_handed_on_each_time),
		cmocka_unit_test(values_of_every_length_arrive_whole),
		cmocka_unit_test(the_longest_line_is_read_and_no_longer_one),
		cmocka_unit_test(long_section_names_arrive_whole),
		cmocka_unit_test(an_indented_line_is_refused),
		cmocka_unit_test(a_comment_behind_a_value_is_refused),
		cmocka_unit_test(a_broken_section_line_ends_the_reading),
		cmocka_unit_test(a_bare_line_is_refused),
		cmocka_unit_test(a_key_needs_a_section),
		cmocka_unit_test(zero_bytes_are_refused_wherever_they_are),
		cmocka_unit_test(
			line_ends_and_marks_of_other_systems_are_refused),
		cmocka_unit_test(errors_show_foreign_bytes_escaped),
		cmocka_unit_test(a_long_key_is_cut_in_the_message_only),
		cmocka_unit_test(files_have_a_cap),
		cmocka_unit_test(the_handler_ends_the_reading_with_its_line),
		cmocka_unit_test(what_the_handler_says_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
