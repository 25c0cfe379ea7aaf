// SPDX-License-Identifier: Apache-2.0
/* When a hook that was put out is attached again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sense/mending.h"

#define S 1000000000ull

static void first_time_it_is_due_at_once(void **state)
{
	struct mending m = { 0 };

	(void)state;
	mending_put_out(&m, 100 * S);
	assert_true(mending_is_due(&m, 100 * S));
	assert_int_equal(mending_delay_ns(&m), 0);
}

static void each_further_time_it_waits_longer_up_to_a_limit(void **state)
{
	static const uint64_t want[] = { 0,  5,	  10,  20,  40,
					 80, 160, 300, 300, 300 };
	struct mending m = { 0 };
	uint64_t now = 1000 * S;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		mending_put_out(&m, now);
		assert_int_equal(mending_delay_ns(&m), want[i] * S);
		assert_int_equal(m.due_ns, now + want[i] * S);
		if (want[i])
			assert_false(mending_is_due(&m, m.due_ns - 1));
		now = m.due_ns;
		assert_true(mending_is_due(&m, now));
		mending_done(&m, now);
		now += S;
	}
}

static void try_in_vain_puts_it_off_as_well(void **state)
{
	struct mending m = { 0 };

	(void)state;
	mending_put_out(&m, S);
	mending_failed(&m, S);
	assert_int_equal(m.due_ns, 6 * S);
	mending_failed(&m, 6 * S);
	assert_int_equal(m.due_ns, 16 * S);
}

static void what_held_long_enough_begins_anew(void **state)
{
	struct mending m = { 0 };

	(void)state;
	mending_put_out(&m, S);
	mending_put_out(&m, S);
	mending_done(&m, 10 * S);
	mending_put_out(&m, 10 * S + MENDING_HELD_NS - 1);
	assert_int_equal(mending_delay_ns(&m), 10 * S);
	mending_done(&m, 1000 * S);
	mending_put_out(&m, 1000 * S + MENDING_HELD_NS);
	assert_int_equal(mending_delay_ns(&m), 0);
}

static void counting_has_an_end(void **state)
{
	struct mending m = { .times = UINT32_MAX };

	(void)state;
	mending_failed(&m, S);
	assert_int_equal(mending_delay_ns(&m), MENDING_LONGEST_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_time_it_is_due_at_once),
		cmocka_unit_test(
			each_further_time_it_waits_longer_up_to_a_limit),
		cmocka_unit_test(try_in_vain_puts_it_off_as_well),
		cmocka_unit_test(what_held_long_enough_begins_anew),
		cmocka_unit_test(counting_has_an_end),
	};

	return cmocka_run_group_tests_name("mending", tests, NULL, NULL);
}
