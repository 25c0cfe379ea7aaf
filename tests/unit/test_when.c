/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as people type them, and what only looks like one. */
#include "cmd/when.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define S   INT64_C(1000000000)
/* 2026-11-23T21:04:05Z */
#define AT  (1795467845 * S)
#define NOW (AT + 500)

static void set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void expect(const char *text, int64_t first_ns, int64_t last_ns)
{
	struct when w = { 0 };

	if (when_parse(slice_str(text), NOW, &w) < 0)
		fail_msg("'%s' is refused", text);
	if (w.first_ns != first_ns || w.last_ns != last_ns)
		fail_msg("'%s': %lld to %lld, expected %lld to %lld", text,
			 (long long)w.first_ns, (long long)w.last_ns,
			 (long long)first_ns, (long long)last_ns);
}

static void each_form_names_a_second_or_a_fraction(void **state)
{
	(void)state;
	set_zone("UTC0");
	expect("2026-11-23T21:04:05Z", AT, AT + S - 1);
	expect("2026-11-23t21:04:05z", AT, AT + S - 1);
	expect("2026-11-23T21:04:05.678Z", AT + 678000000, AT + 678999999);
	expect("2026-11-23T21:04:05.123456789Z", AT + 123456789,
	       AT + 123456789);
	expect("2026-11-23T22:04:05+01:00", AT, AT + S - 1);
	expect("2026-11-23T15:34:05-05:30", AT, AT + S - 1);
	expect("2026-11-23 21:04:05", AT, AT + S - 1);
	expect("2026-11-23 21:04", AT - 5 * S, AT - 4 * S - 1);
	expect(" 2026-11-23 21:04 ", AT - 5 * S, AT - 4 * S - 1);
	expect("2026-11-23", AT - 75845 * S, AT - 75844 * S - 1);
	expect("2024-02-29 00:00", 1709164800 * S, 1709164801 * S - 1);
	expect("21:04:05", AT, AT + S - 1);
	expect("21:04", AT - 5 * S, AT - 4 * S - 1);
}

static void the_far_future_is_after_everything(void **state)
{
	(void)state;
	set_zone("UTC0");
	expect("2262-04-11T23:47:15Z", INT64_C(9223372035) * S,
	       INT64_C(9223372036) * S - 1);
	expect("2262-04-11T23:47:16Z", INT64_MAX, INT64_MAX);
	expect("2262-04-12T00:47:16.999+01:00", INT64_MAX, INT64_MAX);
	expect("2300-01-01", INT64_MAX, INT64_MAX);
	expect("9999-12-31", INT64_MAX, INT64_MAX);
}

static void durations_are_before_now(void **state)
{
	(void)state;
	expect("now", NOW, NOW);
	expect("10m", NOW - 600 * S, NOW - 600 * S);
	expect("10m ago", NOW - 600 * S, NOW - 600 * S);
	expect("2h  ago", NOW - 7200 * S, NOW - 7200 * S);
	expect("250ms", NOW - S / 4, NOW - S / 4);
	expect("7d", NOW - 7 * 86400 * S, NOW - 7 * 86400 * S);
	/* Longer than there is time. */
	expect("100000d", NOW % (S / 1000), NOW % (S / 1000));
}

static void local_times_are_of_the_zone(void **state)
{
	struct when w;

	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	expect("2026-11-23 22:04:05", AT, AT + S - 1);
	expect("22:04:05", AT, AT + S - 1);
	/* In summer time; and with a zone of its own. */
	expect("2026-07-01 02:00:00", 1782864000 * S, 1782864001 * S - 1);
	expect("2026-07-01T02:00:00Z", 1782871200 * S, 1782871201 * S - 1);
	/* The hour that is left out in March. */
	assert_int_equal(when_parse(slice_str("2026-03-29 02:30"), NOW, &w),
			 -EINVAL);
	set_zone("UTC0");
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"yesterday",
		"ago",
		" ago",
		"10",
		"10m later",
		"-10m",
		"10 m",
		"2026-11-23T",
		"2026-11-23T21",
		"2026-11-23T21:04:05+1",
		"2026-11-23T21:04:05+01",
		"2026-11-23T21:04:05+24:00",
		"2026-11-23T21:04:05 Z",
		"2026-11-23T21:04:05.Z",
		"2026-11-23T21:04:05.1234567890Z",
		"2026-11-23T21:04:61Z",
		"2026-11-23T24:00:00Z",
		"2026-11-23T21:60:00Z",
		"2026-13-01",
		"2026-00-01",
		"2026-02-29",
		"2026-11-31 00:00",
		"1969-12-31",
		"2026-11-2",
		"2026/11/23",
		"26-11-23",
		"21:4",
		"21:04Z",
		"21:04:05:06",
		"now ago",
		"21",
	};
	struct when w = { 1, 2 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (when_parse(slice_str(texts[i]), NOW, &w) != -EINVAL)
			fail_msg("'%s' is taken for a time", texts[i]);
	assert_int_equal(w.first_ns, 1);
	assert_int_equal(w.last_ns, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_names_a_second_or_a_fraction),
		cmocka_unit_test(the_far_future_is_after_everything),
		cmocka_unit_test(durations_are_before_now),
		cmocka_unit_test(local_times_are_of_the_zone),
		cmocka_unit_test(what_is_no_time_is_refused),
	};

	return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
