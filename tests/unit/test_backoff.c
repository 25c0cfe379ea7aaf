// SPDX-License-Identifier: Apache-2.0
/* out/backoff: how long until the next try. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "out/backoff.h"

static struct backoff defaults(void)
{
	return (struct backoff){ .min_ms = 1000, .max_ms = 300000 };
}

static void bound_doubles_up_to_the_longest(void **state)
{
	static const uint64_t bounds[] = {
		2000,  4000,   8000,   16000,  32000,
		64000, 128000, 256000, 300000, 300000
	};
	struct backoff b = defaults();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		struct backoff again = b;

		/* The random number picks from [min, bound], ends included. */
		assert_int_equal(backoff_next(&again, 0, 0), 1000);
		again = b;
		assert_int_equal(backoff_next(&again, 0, bounds[i] - 1000),
				 bounds[i]);
		assert_int_equal(backoff_next(&b, 0, bounds[i] - 1000 + 1),
				 1000);
	}
}

static void success_begins_anew(void **state)
{
	struct backoff b = defaults();
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		(void)backoff_next(&b, 0, 0);
	backoff_reset(&b);
	assert_int_equal(b.failures, 0);
	assert_in_range(backoff_next(&b, 0, UINT64_MAX), 1000, 2000);
}

static void wish_of_the_collector_is_a_floor_with_jitter(void **state)
{
	struct backoff b = defaults();

	(void)state;
	assert_int_equal(backoff_next(&b, 7000, 0), 7000);
	assert_int_equal(backoff_next(&b, 7000, 1000), 8000);
	assert_int_equal(backoff_next(&b, 7000, 1001), 7000);
}

static void wish_is_held_to_an_hour(void **state)
{
	struct backoff b = defaults();

	(void)state;
	assert_int_equal(backoff_next(&b, UINT64_MAX, 0), RETRY_AFTER_MAX_MS);
}

static void odd_settings_do_no_harm(void **state)
{
	static const struct backoff odd[] = {
		{ .min_ms = 0, .max_ms = 0 },
		{ .min_ms = 5, .max_ms = 5 },
		{ .min_ms = 10, .max_ms = 5 },
		{ .min_ms = 1, .max_ms = UINT64_MAX },
	};
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct backoff b = odd[i];

		for (n = 0; n < 200; n++)
			assert_true(backoff_next(&b, 0, n * 7919) <= b.max_ms);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bound_doubles_up_to_the_longest),
		cmocka_unit_test(success_begins_anew),
		cmocka_unit_test(wish_of_the_collector_is_a_floor_with_jitter),
		cmocka_unit_test(wish_is_held_to_an_hour),
		cmocka_unit_test(odd_settings_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
