/* SPDX-License-Identifier: Apache-2.0 */
/* Lexical joining of names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/path.h"

static const struct join_case {
	const char *base, *name;
	size_t floor;
	const char *want;
	bool hit;
} cases[] = {
	{ "/etc", "passwd", 0, "/etc/passwd", false },
	{ "/", "passwd", 0, "/passwd", false },
	{ "", "passwd", 0, "/passwd", false },
	{ "/etc/", "passwd", 0, "/etc/passwd", false },
	{ "/etc", "", 0, "/etc", false },
	{ "", "", 0, "/", false },
	{ "/", "/", 0, "/", false },
	{ "/a", "./b//c/.", 0, "/a/b/c", false },
	{ "/a", "b/", 0, "/a/b", false },
	{ "/a/b", "../c", 0, "/a/c", false },
	{ "/a/b", "../../c", 0, "/c", false },
	{ "/a/b", "../..", 0, "/", false },
	{ "/a/b", "../../../../etc/x", 0, "/etc/x", true },
	{ "/a/b", "..", 4, "/a/b", true },
	{ "/jail", "/../etc/x", 5, "/jail/etc/x", true },
	{ "/jail", "/a/../etc/x", 5, "/jail/etc/x", false },
	{ "/a", "...", 0, "/a/...", false },
	{ "/a", "..b", 0, "/a/..b", false },
	{ "/a", ".b", 0, "/a/.b", false },
	{ "/a/\xff", "\n/../\x01", 0, "/a/\xff/\x01", false },
};

static void names_join_by_their_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct join_case *c = &cases[i];
		struct path_join j = { .base = slice_str(c->base),
				       .name = slice_str(c->name),
				       .floor = c->floor };
		char out[64];
		size_t n;

		assert_true(path_join_room(&j) <= sizeof(out));
		n = path_join(&j, out);
		assert_int_equal(n, strlen(c->want));
		assert_memory_equal(out, c->want, n);
		assert_int_equal(j.hit_floor, c->hit);
	}
}

static void result_never_needs_more_than_the_room(void **state)
{
	struct path_join j = { .base = slice_str("/a/b"),
			       .name = slice_str("c/d") };
	char out[16];

	(void)state;
	memset(out, 'Z', sizeof(out));
	assert_int_equal(path_join(&j, out), 8);
	assert_int_equal(out[path_join_room(&j)], 'Z');
}

static void directory_holds_itself_and_what_is_below(void **state)
{
	(void)state;
	assert_true(path_is_within("/a/b", "/a/b"));
	assert_true(path_is_within("/a/b", "/a/b/c"));
	assert_true(path_is_within("/a/b/", "/a/b"));
	assert_true(path_is_within("/", "/a"));
	assert_false(path_is_within("/a/b", "/a/bc"));
	assert_false(path_is_within("/a/b", "/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directory_holds_itself_and_what_is_below),
		cmocka_unit_test(names_join_by_their_text),
		cmocka_unit_test(result_never_needs_more_than_the_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
