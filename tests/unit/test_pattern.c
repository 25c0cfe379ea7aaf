/* SPDX-License-Identifier: Apache-2.0 */
/* rules/pattern and rules/str_index: what globs mean, and that none is slow. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "naive_glob.h"
#include "rules/pattern.h"
#include "rules/str_index.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct pattern *pattern(enum pattern_kind kind, const char *text)
{
	struct pattern *p = NULL;
	const char *why = "";

	if (pattern_new(kind, slice_str(text), &p, &why) < 0)
		fail_msg("'%s': %s", text, why);
	return p;
}

static bool matches(enum pattern_kind kind, const char *text, const char *s)
{
	struct pattern *p = pattern(kind, text);
	bool yes = pattern_match(p, slice_str(s));

	pattern_free(p);
	return yes;
}

static const struct glob_case {
	const char *glob, *yes, *no;
} cases[] = {
	{ "/a/b", "/a/b", "/a/b/c" },
	{ "/a/b", "/a/b", "/a" },
	{ "/", "/", "/a" },
	{ "/*", "/a", "/a/b" },
	{ "/a*", "/a", "/b" },
	{ "/a*c", "/abbc", "/ab/c" },
	{ "/a/*/c", "/a/b/c", "/a/b/b/c" },
	{ "/a/*/c", "/a//c", "/a/c" },
	{ "/a/**", "/a/b/c", "/a" },
	{ "/a/**", "/a/b", "/ab" },
	{ "/**", "/a/b", "a" },
	{ "/a/**/c", "/a/c", "/a/bc" },
	{ "/a/**/c", "/a/b/b/c", "/a/c/" },
	{ "/a/**/**/c", "/a/c", "/ac" },
	{ "/a/**/*.c", "/a/x.c", "/a/x.d" },
	{ "/a/**/*.c", "/a/b/x.c", "/a/b/x.c/d" },
	{ "/a**c", "/a/b/c", "/a/b/d" },
	{ "/a/b**", "/a/b", "/a/c" },
	{ "/a***c", "/a/b/c", "/b/c" },
	{ "/a?c", "/abc", "/a/c" },
	{ "/a?c", "/abc", "/ac" },
	{ "/[a-c]", "/b", "/d" },
	{ "/[!a-c]", "/d", "/b" },
	{ "/a[!b]c", "/axc", "/a/c" },
	{ "/a[.-0]c", "/a.c", "/a/c" },
	{ "/[a-]", "/-", "/b" },
	{ "/[\\]]", "/]", "/\\" },
	{ "/[a\\-c]", "/-", "/b" },
	{ "/\\*\\?\\[\\\\", "/*?[\\", "/a?[\\" },
	{ "/\\n\\t\\x41", "/\n\tA", "/\n\tB" },
	{ "/]", "/]", "/[" },
	{ "/\xc3\xa9?", "/\xc3\xa9\xff", "/\xc3\xa9" },
	{ "/x*/**/*y", "/xy/a/b/zy", "/x/a/b/z" },
};

static void globs_mean_what_they_say(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		const struct glob_case *c = &cases[i];

		if (!matches(PATTERN_PATH, c->glob, c->yes))
			fail_msg("'%s' is to match '%s'", c->glob, c->yes);
		if (matches(PATTERN_PATH, c->glob, c->no))
			fail_msg("'%s' is not to match '%s'", c->glob, c->no);
		/* The other implementation of the tests reads them alike. */
		assert_true(naive_glob(c->glob, slice_str(c->yes), true));
		assert_false(naive_glob(c->glob, slice_str(c->no), true));
	}
}

static void in_a_name_a_hash_is_a_byte(void **state)
{
	(void)state;
	assert_true(matches(PATTERN_PATH, "/a#b", "/a#b"));
	assert_true(matches(PATTERN_PATH, "/#b", "/#b"));
	assert_true(matches(PATTERN_PATH, "/a \\x23b", "/a #b"));
	assert_true(matches(PATTERN_PATH, "/a\\x20#b", "/a #b"));
}

static void in_plain_strings_a_slash_is_nothing_special(void **state)
{
	(void)state;
	assert_true(matches(PATTERN_PLAIN, "*b", "a/b"));
	assert_true(matches(PATTERN_PLAIN, "a?b", "a/b"));
	assert_true(matches(PATTERN_PLAIN, "a[!x]b", "a/b"));
	assert_true(matches(PATTERN_PLAIN, "a//b", "a//b"));
	assert_true(matches(PATTERN_PLAIN, "a #b", "a #b"));
	assert_false(matches(PATTERN_PLAIN, "a/**/b", "a/b"));
	assert_true(matches(PATTERN_PLAIN, "*", ""));
	assert_false(matches(PATTERN_PLAIN, "*.service", "a.socket"));
}

static const struct refused_case {
	const char *glob, *why;
} refused[] = {
	{ "", "empty" },
	{ "a/b", "does not begin with '/'" },
	{ "**/a", "does not begin with '/'" },
	{ "/a/", "never matches: paths do not end in '/'" },
	{ "/a/**/", "never matches: paths do not end in '/'" },
	{ "/a//b", "never matches: paths hold no '//'" },
	{ "/**//b", "never matches: paths hold no '//'" },
	{ "//", "never matches: paths do not end in '/'" },
	{ "/a/../b", "never matches: paths hold no '.' or '..' component" },
	{ "/a/.", "never matches: paths hold no '.' or '..' component" },
	{ "/**/./b", "never matches: paths hold no '.' or '..' component" },
	{ "/a/** # b", "'#' after a blank: comments stand on lines of their "
		       "own; \\x23 is one in a name" },
	{ "/a\t#b", "'#' after a blank: comments stand on lines of their "
		    "own; \\x23 is one in a name" },
	{ "/a\\", "backslash at the end" },
	{ "/\\x4", "'\\x' without two hexadecimal digits" },
	{ "/\\x4g", "'\\x' without two hexadecimal digits" },
	{ "/\\x00", "never matches: no string holds a zero byte" },
	{ "/\\q", "unknown escape: known are \\n \\t \\xNN \\\\ \\* \\? \\[" },
	{ "/\\]", "unknown escape: known are \\n \\t \\xNN \\\\ \\* \\? \\[" },
	{ "/[a", "'[' without ']'" },
	{ "/[]", "empty brackets" },
	{ "/[!]", "empty brackets" },
	{ "/[b-a]", "range in brackets runs backwards" },
	{ "/[a-\\", "backslash at the end" },
};

static void what_cannot_match_is_refused_with_a_reason(void **state)
{
	struct pattern none, *p = &none;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(refused); i++) {
		why = NULL;
		if (pattern_new(PATTERN_PATH, slice_str(refused[i].glob), &p,
				&why) != -EINVAL)
			fail_msg("'%s' is taken", refused[i].glob);
		assert_string_equal(why, refused[i].why);
	}
	assert_ptr_equal(p, &none);
}

static void the_longest_pattern_is_4096_bytes(void **state)
{
	char *text = malloc(PATTERN_TEXT_MAX + 1);
	struct pattern *p;
	const char *why;

	(void)state;
	memset(text, '?', PATTERN_TEXT_MAX + 1);
	text[0] = '/';
	assert_int_equal(pattern_new(PATTERN_PATH,
				     slice_of(text, PATTERN_TEXT_MAX + 1), &p,
				     &why),
			 -EINVAL);
	assert_int_equal(pattern_new(PATTERN_PATH,
				     slice_of(text, PATTERN_TEXT_MAX), &p,
				     &why),
			 0);
	memset(text + 1, 'x', PATTERN_TEXT_MAX - 1);
	assert_true(pattern_match(p, slice_of(text, PATTERN_TEXT_MAX)));
	assert_false(pattern_match(p, slice_of(text, PATTERN_TEXT_MAX - 1)));
	text[PATTERN_TEXT_MAX - 1] = '/';
	assert_false(pattern_match(p, slice_of(text, PATTERN_TEXT_MAX)));
	pattern_free(p);
	free(text);
}

/* 64 and more states use more than one word: each width must work. */
static void every_number_of_tokens_works(void **state)
{
	char glob[300] = "/*", path[300] = "/";
	size_t n;

	(void)state;
	for (n = 0; n < 140; n++) {
		strcat(glob, "?*");
		assert_false(matches(PATTERN_PATH, glob, path));
		strcat(path, "x");
		assert_true(matches(PATTERN_PATH, glob, path));
	}
}

static void hostile_pairs_take_no_more_than_milliseconds(void **state)
{
	char *path = malloc(4096), glob[512] = "/";
	struct pattern *p;
	uint64_t took;
	int i;

	(void)state;
	memset(path, 'a', 4096);
	path[0] = '/';
	for (i = 0; i < 60; i++)
		strcat(glob, i % 2 ? "**a" : "*a");
	strcat(glob, "?b?");
	p = pattern(PATTERN_PATH, glob);
	took = clock_mono_ns();
	assert_false(pattern_match(p, slice_of(path, 4096)));
	took = clock_mono_ns() - took;
	/* Trying all ways would outlast the sun. */
	assert_true(took < 20 * NS_PER_S);
	pattern_free(p);
	free(path);
}

/* ---- the index ---------------------------------------------------------- */

struct found {
	unsigned n;
	uint32_t owner;
};

static bool count(void *arg, const struct str_entry *e)
{
	struct found *f = arg;

	f->n++;
	f->owner = e->owner;
	return false;
}

static void an_index_brings_up_few_of_many(void **state)
{
	static struct str_entry entries[3000];
	struct found f = { 0 };
	struct str_index *ix = NULL;
	char text[64];
	uint32_t i;

	(void)state;
	for (i = 0; i < COUNT(entries); i++) {
		(void)snprintf(text, sizeof(text),
			       i % 3 == 0   ? "/srv/app-%u/state"
			       : i % 3 == 1 ? "/srv/**/app-%u/*.log"
					    : "/srv/**/x-*/app-%u",
			       i);
		entries[i] = (struct str_entry){
			.pattern = pattern(PATTERN_PATH, text),
			.owner = i,
		};
	}
	assert_int_equal(
		str_index_new(PATTERN_PATH, entries, COUNT(entries), &ix), 0);
	str_index_visit(ix, slice_str("/srv/app-300/state"), count, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.owner, 300);
	f.n = 0;
	str_index_visit(ix, slice_str("/srv/a/b/app-301/x.log"), count, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.owner, 301);
	f.n = 0;
	str_index_visit(ix, slice_str("/srv/a/x-b/app-302"), count, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.owner, 302);
	f.n = 0;
	str_index_visit(ix, slice_str("/srv/other"), count, &f);
	assert_int_equal(f.n, 0);
	assert_true(str_index_any(ix, slice_str("/srv/app-301/x.log")));
	assert_false(str_index_any(ix, slice_str("/srv/app-301/x.lo")));
	str_index_free(ix);
	for (i = 0; i < COUNT(entries); i++) {
		struct pattern *p;

		memcpy(&p, &entries[i].pattern, sizeof(p));
		pattern_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_mean_what_they_say),
		cmocka_unit_test(in_a_name_a_hash_is_a_byte),
		cmocka_unit_test(in_plain_strings_a_slash_is_nothing_special),
		cmocka_unit_test(what_cannot_match_is_refused_with_a_reason),
		cmocka_unit_test(the_longest_pattern_is_4096_bytes),
		cmocka_unit_test(every_number_of_tokens_works),
		cmocka_unit_test(hostile_pairs_take_no_more_than_milliseconds),
		cmocka_unit_test(an_index_brings_up_few_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
