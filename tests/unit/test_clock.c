/* SPDX-License-Identifier: Apache-2.0 */
/* base/clock: printed times, and an offset that holds the clocks together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void utc_is_printed_with_milliseconds(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 999999, "1970-01-01T00:00:00.000Z" },
		{ 1000000, "1970-01-01T00:00:00.001Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ 1795467845678000000, "2026-11-23T21:04:05.678Z" },
		{ 951782399999999999, "2000-02-28T23:59:59.999Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854Z" },
		{ INT64_MIN, "1677-09-21T00:12:43.145Z" },
	};
	char text[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(clock_print(rows[i].ns, text),
				    rows[i].text);
}

static void time_of_day_is_local(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(setenv("TZ", "UTC-5:30", 1), 0);
	tzset();
	assert_string_equal(clock_print_time(1795467845678000000, text),
			    "02:34:05.678");
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	tzset();
	assert_string_equal(clock_print_time(1795467845678000000, text),
			    "21:04:05.678");
}

static void offset_turns_boot_time_into_wall_time(void **state)
{
	int64_t diff;

	(void)state;
	diff = (int64_t)clock_boot_ns() + clock_offset_ns() - clock_wall_ns();
	/* Bounded by how long this thread may be off the processor. */
	assert_true(llabs(diff) < 2 * (int64_t)NS_PER_S);
}

static void clocks_go_on(void **state)
{
	uint64_t boot = clock_boot_ns(), mono = clock_mono_ns();

	(void)state;
	assert_true(boot > 0);
	assert_true(boot >= mono || mono - boot < NS_PER_S);
	assert_true(clock_boot_ns() >= boot);
	assert_true(clock_mono_ns() >= mono);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utc_is_printed_with_milliseconds),
		cmocka_unit_test(time_of_day_is_local),
		cmocka_unit_test(offset_turns_boot_time_into_wall_time),
		cmocka_unit_test(clocks_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
