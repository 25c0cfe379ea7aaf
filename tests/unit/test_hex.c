/* SPDX-License-Identifier: Apache-2.0 */
/* base/hex: one spelling of each byte, and only that is read back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"

static void each_byte_comes_back(void **state)
{
	uint8_t bytes[256], back[256] = { 0 };
	char text[2 * sizeof(bytes) + 2];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	text[sizeof(text) - 1] = 'x';
	assert_ptr_equal(hex_print(bytes, sizeof(bytes), text), text);
	assert_int_equal(strlen(text), 512);
	assert_int_equal(text[sizeof(text) - 1], 'x');
	assert_memory_equal(text, "000102", 6);
	assert_string_equal(text + 506, "fdfeff");
	assert_int_equal(hex_parse(slice_str(text), back, sizeof(back)), 0);
	assert_memory_equal(bytes, back, sizeof(bytes));
}

static void what_is_appended_is_what_is_printed(void **state)
{
	static const uint8_t bytes[] = { 0, 0x9a, 0xff };
	struct buf out = BUF_INIT(9);

	(void)state;
	buf_add_str(&out, "id ");
	hex_add(&out, bytes, 3);
	assert_false(out.failed);
	assert_int_equal(out.n, 9);
	assert_memory_equal(out.p, "id 009aff", 9);
	/* No room: nothing half is there. */
	hex_add(&out, bytes, 1);
	assert_true(out.failed);
	assert_int_equal(out.n, 9);
	buf_done(&out);
}

static void what_is_spelled_otherwise_is_refused(void **state)
{
	static const char *const wrong[] = { "",       "0",	"00f",	"00ff0",
					     "00ff00", "00FF",	"00fg", "0x00",
					     " 0ff",   "00f\n", "/0ff", ":0ff",
					     "`0ff" };
	uint8_t back[2] = { 7, 8 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (hex_parse(slice_str(wrong[i]), back, 2) != -EINVAL)
			fail_msg("'%s' was taken", wrong[i]);
	}
	assert_int_equal(back[0], 7);
	assert_int_equal(back[1], 8);
	/* A zero within is no digit either. */
	assert_int_equal(hex_parse(slice_of("00f\0", 4), back, 2), -EINVAL);
	assert_int_equal(hex_parse(slice_str("00ff"), back, 2), 0);
	assert_int_equal(back[1], 0xff);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_comes_back),
		cmocka_unit_test(what_is_appended_is_what_is_printed),
		cmocka_unit_test(what_is_spelled_otherwise_is_refused),
	};

	return cmocka_run_group_tests_name("hex", tests, NULL, NULL);
}
