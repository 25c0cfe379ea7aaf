// SPDX-License-Identifier: Apache-2.0
/* base/table: what is put is found, and the oldest gives way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/table.h"

static void what_was_put_is_found_until_removed(void **state)
{
	struct table *t;
	uint64_t key;
	int made;

	(void)state;
	assert_int_equal(table_new(1000, sizeof(key), sizeof(uint32_t), &t), 0);
	for (key = 0; key < 1000; key++) {
		*(uint32_t *)table_put(t, &key, &made) = (uint32_t)key * 3;
		assert_true(made);
	}
	for (key = 0; key < 1000; key += 2)
		table_remove(t, &key);
	assert_int_equal(table_count(t), 500);
	for (key = 0; key < 1000; key++) {
		uint32_t *v = table_get(t, &key);

		if (key % 2)
			assert_int_equal(*v, key * 3);
		else
			assert_null(v);
	}
	table_free(t);
}

static void count_evicted(void *arg, const void *key, void *value)
{
	uint64_t *sum = arg;

	assert_int_equal(*(const uint64_t *)key, *(uint64_t *)value);
	*sum += *(const uint64_t *)key;
}

static void full_table_lets_the_longest_untouched_go(void **state)
{
	uint64_t key, evicted = 0;
	struct table *t;
	int made;

	(void)state;
	assert_int_equal(table_new(4, sizeof(key), sizeof(key), &t), 0);
	table_on_evict(t, count_evicted, &evicted);
	for (key = 1; key <= 4; key++)
		*(uint64_t *)table_put(t, &key, &made) = key;
	key = 1;
	assert_non_null(table_get(t, &key)); /* 2 is the oldest now */
	key = 5;
	*(uint64_t *)table_put(t, &key, &made) = key;
	assert_int_equal(evicted, 2);
	key = 2;
	assert_null(table_get(t, &key));
	key = 1;
	assert_non_null(table_get(t, &key));
	assert_int_equal(table_evicted(t), 1);
	table_free(t);
}

static void oldest_is_the_one_put_first(void **state)
{
	uint16_t keys[] = { 7, 9, 11 };
	const void *key;
	struct table *t;
	int made;

	(void)state;
	assert_int_equal(table_new(8, sizeof(keys[0]), 1, &t), 0);
	assert_null(table_oldest(t, &key));
	for (size_t i = 0; i < 3; i++)
		table_put(t, &keys[i], &made);
	for (size_t i = 0; i < 3; i++) {
		assert_non_null(table_oldest(t, &key));
		assert_int_equal(*(const uint16_t *)key, keys[i]);
		table_remove(t, &keys[i]);
	}
	assert_int_equal(table_count(t), 0);
	table_free(t);
}

/* Against a plain array, over many random operations. */
static void random_operations_agree_with_a_plain_array(void **state)
{
	uint32_t shadow[256] = { 0 };
	unsigned seed = 20261123;
	struct table *t;
	int made;

	(void)state;
	assert_int_equal(table_new(256, 1, sizeof(uint32_t), &t), 0);
	for (unsigned n = 1; n < 200000; n++) {
		uint8_t key;
		uint32_t *v;

		seed = seed * 1103515245u + 12345u;
		key = (uint8_t)(seed >> 16);
		if (seed >> 30) {
			v = table_put(t, &key, &made);
			assert_int_equal(made, shadow[key] == 0);
			assert_int_equal(*v, shadow[key]);
			*v = shadow[key] = n;
		} else {
			table_remove(t, &key);
			shadow[key] = 0;
		}
	}
	for (unsigned k = 0; k < 256; k++) {
		uint8_t key = (uint8_t)k;
		uint32_t *v = table_get(t, &key);

		assert_int_equal(v ? *v : 0, shadow[k]);
	}
	table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_until_removed),
		cmocka_unit_test(full_table_lets_the_longest_untouched_go),
		cmocka_unit_test(oldest_is_the_one_put_first),
		cmocka_unit_test(random_operations_agree_with_a_plain_array),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
