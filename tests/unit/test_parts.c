/* SPDX-License-Identifier: Apache-2.0 */
/* sense/parts: what is loaded by two threads is divided as it costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sense/parts.h"

static unsigned long sum_of(const unsigned *costs, const uint8_t *part,
			    size_t n, uint8_t which)
{
	unsigned long sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (part[i] == which)
			sum += costs[i];
	return sum;
}

static void each_part_takes_as_long(void **state)
{
	static const struct {
		unsigned costs[6];
		size_t n;
		unsigned long sums[PARTS];
	} cases[] = {
		{ { 1, 630, 2, 3, 600 }, 5, { 630, 606 } },
		/* As on a kernel of tracepoints. */
		{ { 299, 122, 1, 630, 425, 252 }, 6, { 882, 847 } },
		{ { 1, 1, 1, 1 }, 4, { 2, 2 } },
		{ { 7 }, 1, { 7, 0 } },
		{ { 0 }, 0, { 0, 0 } },
	};
	uint8_t part[6];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parts_divide(cases[i].costs, cases[i].n, part);
		assert_int_equal(sum_of(cases[i].costs, part, cases[i].n, 0),
				 cases[i].sums[0]);
		assert_int_equal(sum_of(cases[i].costs, part, cases[i].n, 1),
				 cases[i].sums[1]);
	}
}

static void what_walks_a_path_is_dear(void **state)
{
	(void)state;
	assert_true(parts_cost("sys_exit_tp_btf") > parts_cost("exec_tp_btf"));
	assert_true(parts_cost("exec_tp_btf") > parts_cost("loader_tp_btf"));
	assert_true(parts_cost("drop_write_fentry") >
		    parts_cost("drop_write_file_fentry"));
	assert_true(parts_cost("listen_lsm") > parts_cost("listen_tp_btf"));
	assert_int_equal(parts_cost("fork_tp_btf"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_takes_as_long),
		cmocka_unit_test(what_walks_a_path_is_dear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
