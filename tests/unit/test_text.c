/* SPDX-License-Identifier: Apache-2.0 */
/* base/text: exactly the forms of the header are read, and printed back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

struct row {
	const char *text;
	int r;
	uint64_t v;
};

typedef int (*read_fn)(struct slice s, uint64_t *ret);

static void check(read_fn read, const struct row *rows, size_t n)
{
	uint64_t v;
	size_t i;

	for (i = 0; i < n; i++) {
		v = 12345;
		if (read(slice_str(rows[i].text), &v) != rows[i].r)
			fail_msg("'%s' is judged wrongly", rows[i].text);
		/* Untouched on failure. */
		assert_int_equal(v, rows[i].r < 0 ? 12345 : rows[i].v);
	}
}

#define CHECK(fn, rows) check(fn, rows, sizeof(rows) / sizeof((rows)[0]))

static void numbers_are_digits_only(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
	};

	(void)state;
	CHECK(text_u64, rows);
}

static void a_slice_may_hold_a_zero_byte(void **state)
{
	uint64_t v = 0;

	(void)state;
	assert_int_equal(text_u64(slice_of("12\0003", 4), &v), -EINVAL);
	assert_int_equal(text_u64(slice_of("123", 2), &v), 0);
	assert_int_equal(v, 12);
}

static void u32_has_its_own_bound(void **state)
{
	uint32_t v = 5;

	(void)state;
	assert_int_equal(text_u32(slice_str("4294967296"), &v), -ERANGE);
	assert_int_equal(v, 5);
	assert_int_equal(text_u32(slice_str("4294967295"), &v), 0);
	assert_int_equal(v, UINT32_MAX);
}

static void hex_takes_both_cases(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "dEadBeef", 0, 0xdeadbeef },
		{ "ffffffffffffffff", 0, UINT64_MAX },
		{ "00ffffffffffffffff", 0, UINT64_MAX },
		{ "10000000000000000", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "0x1", -EINVAL, 0 },
		{ "g", -EINVAL, 0 },
	};

	(void)state;
	CHECK(text_hex_u64, rows);
}

static void sizes_are_powers_of_1024(void **state)
{
	static const struct row rows[] = {
		{ "512", 0, 512 },
		{ "64K", 0, 65536 },
		{ "16M", 0, 16 << 20 },
		{ "2G", 0, 2ull << 30 },
		{ "1T", 0, 1ull << 40 },
		{ "16777215T", 0, 16777215ull << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "K", -EINVAL, 0 },
		{ "1k", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 },
		{ "1KB", -EINVAL, 0 },
		{ "1.5M", -EINVAL, 0 },
		{ "-1K", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	(void)state;
	CHECK(text_size, rows);
}

static void durations_need_a_unit(void **state)
{
	static const struct row rows[] = {
		{ "250ms", 0, 250 },	 { "30s", 0, 30000 },
		{ "5m", 0, 300000 },	 { "12h", 0, 43200000 },
		{ "7d", 0, 604800000 },	 { "0s", 0, 0 },
		{ "30", -EINVAL, 0 },	 { "0", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },	 { "1w", -EINVAL, 0 },
		{ "1h30m", -EINVAL, 0 }, { "213503982335d", -ERANGE, 0 },
	};

	(void)state;
	CHECK(text_duration, rows);
}

static void only_yes_and_no_are_answers(void **state)
{
	static const char *const wrong[] = { "",     "Yes", "true", "1",
					     "yes ", "on",  "nope" };
	bool v = true;
	size_t i;

	(void)state;
	assert_int_equal(text_bool(slice_str("no"), &v), 0);
	assert_false(v);
	assert_int_equal(text_bool(slice_str("yes"), &v), 0);
	assert_true(v);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(text_bool(slice_str(wrong[i]), &v), -EINVAL);
		assert_true(v);
	}
}

static void words_are_taken_one_by_one(void **state)
{
	struct slice s = slice_str(" \t one  two\tthree "), word;

	(void)state;
	assert_true(text_word(&s, &word));
	assert_true(slice_eq(word, slice_str("one")));
	assert_true(text_word(&s, &word));
	assert_true(slice_eq(word, slice_str("two")));
	assert_true(text_word(&s, &word));
	assert_true(slice_eq(word, slice_str("three")));
	assert_false(text_word(&s, &word));
	assert_int_equal(s.n, 0);
	assert_false(text_word(&s, &word));
	s = slice_str(NULL);
	assert_false(text_word(&s, &word));
}

static void trimming_takes_blanks_at_both_ends(void **state)
{
	(void)state;
	assert_true(
		slice_eq(text_trim(slice_str("\t a b  ")), slice_str("a b")));
	assert_int_equal(text_trim(slice_str(" \t ")).n, 0);
	assert_int_equal(text_trim(slice_str("")).n, 0);
}

static void printed_values_read_back(void **state)
{
	static const uint64_t values[] = {
		0,
		1,
		999,
		1000,
		1023,
		1024,
		1536,
		60000,
		90000,
		86400000,
		604800000,
		1ull << 20,
		(1ull << 30) + 1,
		3ull << 40,
		UINT64_MAX,
		UINT64_MAX - 1023,
	};
	char text[24];
	uint64_t v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		v = 1;
		assert_int_equal(
			text_size(slice_str(text_print_size(values[i], text)),
				  &v),
			0);
		assert_int_equal(v, values[i]);
		v = 1;
		assert_int_equal(text_duration(slice_str(text_print_duration(
						       values[i], text)),
					       &v),
				 0);
		assert_int_equal(v, values[i]);
	}
}

static void printing_takes_the_largest_unit_that_fits(void **state)
{
	char text[24];

	(void)state;
	assert_string_equal(text_print_size(16 << 20, text), "16M");
	assert_string_equal(text_print_size(1536, text), "1536");
	assert_string_equal(text_print_size(0, text), "0");
	assert_string_equal(text_print_about(0, text), "0 B");
	assert_string_equal(text_print_about(10239, text), "10239 B");
	assert_string_equal(text_print_about(10240, text), "10 KiB");
	assert_string_equal(text_print_about(260578, text), "254 KiB");
	assert_string_equal(text_print_about((10ull << 30) - 1, text),
			    "10239 MiB");
	assert_string_equal(text_print_about(UINT64_MAX, text), "16777215 TiB");
	assert_string_equal(text_print_duration(120000, text), "2m");
	assert_string_equal(text_print_duration(1500, text), "1500ms");
	assert_string_equal(text_print_duration(0, text), "0s");
	assert_string_equal(text_print_duration(86400000, text), "1d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_digits_only),
		cmocka_unit_test(a_slice_may_hold_a_zero_byte),
		cmocka_unit_test(u32_has_its_own_bound),
		cmocka_unit_test(hex_takes_both_cases),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(durations_need_a_unit),
		cmocka_unit_test(only_yes_and_no_are_answers),
		cmocka_unit_test(words_are_taken_one_by_one),
		cmocka_unit_test(trimming_takes_blanks_at_both_ends),
		cmocka_unit_test(printed_values_read_back),
		cmocka_unit_test(printing_takes_the_largest_unit_that_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
