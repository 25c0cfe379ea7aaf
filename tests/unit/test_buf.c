/* SPDX-License-Identifier: Apache-2.0 */
/* base/buf: grows to its cap and not past it, and remembers a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void appends_join_in_order(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(1000);

	(void)state;
	buf_add_str(&b, "one");
	buf_add_char(&b, ' ');
	buf_add(&b, "two\0three", 4);
	buf_addf(&b, "%d-%s", 42, "x");
	buf_add_slice(&b, slice_str(NULL));
	assert_false(b.failed);
	assert_int_equal(b.n, 12);
	assert_memory_equal(b.p, "one two\00042-x", 12);
}

static void an_append_that_does_not_fit_adds_nothing(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(10);

	(void)state;
	buf_add_str(&b, "12345678");
	buf_add_str(&b, "abc");
	assert_true(b.failed);
	buf_add_char(&b, 'x'); /* would fit, but the failure stays */
	buf_addf(&b, "%d", 1);
	assert_null(buf_extend(&b, 1));
	assert_int_equal(b.n, 8);
	assert_memory_equal(b.p, "12345678", 8);
}

static void the_cap_itself_is_reached(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(1000);
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		buf_add_char(&b, 'x');
	assert_false(b.failed);
	assert_true(b.cap <= 1000);
	buf_add_char(&b, 'x');
	assert_true(b.failed);
	assert_int_equal(b.n, 1000);
}

static void lengths_that_overflow_are_refused(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(SIZE_MAX);

	(void)state;
	buf_add_char(&b, 'x');
	assert_null(buf_extend(&b, SIZE_MAX));
	assert_true(b.failed);
}

static void reset_empties_and_forgives(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(4);

	(void)state;
	buf_add_str(&b, "12345");
	assert_true(b.failed);
	buf_reset(&b);
	buf_add_str(&b, "1234");
	assert_false(b.failed);
	assert_int_equal(b.n, 4);
}

static void long_formats_arrive_whole(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(10000);
	char text[3000];

	(void)state;
	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	buf_addf(&b, "<%s>", text);
	assert_false(b.failed);
	assert_int_equal(b.n, sizeof(text) - 1 + 2);
	assert_memory_equal(b.p + 1, text, sizeof(text) - 1);
	assert_int_equal(b.p[b.n - 1], '>');
}

static void a_long_format_past_the_cap_adds_nothing(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(500);

	(void)state;
	buf_addf(&b, "%0600d", 7);
	assert_true(b.failed);
	assert_int_equal(b.n, 0);
}

static void extend_gives_room_that_counts(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(100);
	char *at;

	(void)state;
	buf_add_str(&b, "ab");
	at = buf_extend(&b, 3);
	assert_non_null(at);
	memcpy(at, "cde", 3);
	assert_true(slice_eq(buf_slice(&b), slice_str("abcde")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_join_in_order),
		cmocka_unit_test(an_append_that_does_not_fit_adds_nothing),
		cmocka_unit_test(the_cap_itself_is_reached),
		cmocka_unit_test(lengths_that_overflow_are_refused),
		cmocka_unit_test(reset_empties_and_forgives),
		cmocka_unit_test(long_formats_arrive_whole),
		cmocka_unit_test(a_long_format_past_the_cap_adds_nothing),
		cmocka_unit_test(extend_gives_room_that_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
