/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor's file: exact, whole, or not a cursor. */
#include "store/cursor.h"

#include <errno.h>

#include "store_dir.h"

static const struct cursor sample = {
	.journal = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff },
	.epoch = 3,
	.seq = 9223372036854775807ull,
};

#define TEXT                                                          \
	"picket-cursor 1\njournal 000102030405060708090a0b0c0d0eff\n" \
	"epoch 3\nseq 9223372036854775807\n"

static void text_is_what_the_header_says(void **state)
{
	char text[CURSOR_TEXT_MAX];
	size_t n = cursor_print(&sample, text);

	(void)state;
	assert_int_equal(n, strlen(TEXT));
	assert_memory_equal(text, TEXT, n);
}

static void saved_cursor_is_loaded(void **state)
{
	struct cursor got = { .seq = 5 };
	struct store_dir d;

	(void)state;
	store_begin(&d);
	assert_int_equal(cursor_load(d.base, "ship", &got), -ENOENT);
	assert_int_equal(got.seq, 5);
	assert_int_equal(cursor_save(d.base, "ship", &sample), 0);
	assert_int_equal(cursor_load(d.base, "ship", &got), 0);
	assert_memory_equal(&got, &sample, sizeof(got));
	got.seq = 7;
	assert_int_equal(cursor_save(d.base, "ship", &got), 0);
	assert_int_equal(cursor_load(d.base, "ship", &got), 0);
	assert_int_equal(got.seq, 7);
	assert_int_equal(cursor_save("/nonexistent", "ship", &got), -ENOENT);
	store_end(&d);
}

static void what_is_not_a_cursor_is_refused_and_left_alone(void **state)
{
	const char *const bad[] = {
		"",
		"picket-cursor 2\njournal 000102030405060708090a0b0c0d0eff\n"
		"epoch 3\nseq 5\n",
		"picket-cursor 1\njournal 000102030405060708090a0b0c0d0eFF\n"
		"epoch 3\nseq 5\n",
		"picket-cursor 1\njournal 0001\nepoch 3\nseq 5\n",
		"picket-cursor 1\njournal 000102030405060708090a0b0c0d0eff\n"
		"epoch 4294967296\nseq 5\n",
		"picket-cursor 1\njournal 000102030405060708090a0b0c0d0eff\n"
		"epoch 3\nseq 05\n",
		"picket-cursor 1\njournal 000102030405060708090a0b0c0d0eff\n"
		"epoch 3\nseq -5\n",
		"picket-cursor 1\njournal 000102030405060708090a0b0c0d0eff\n"
		"epoch 3\nseq 9223372036854775808\n",
		"picket-cursor 1\njournal 000102030405060708090a0b0c0d0eff\n"
		"epoch 3\nseq 18446744073709551616\n",
		"picket-cursor 1\njournal 000102030405060708090a0b0c0d0eff\n"
		"epoch 3\nseq 5\n\n",
		"picket-cursor 1\nepoch 3\nseq 5\n",
	};
	struct cursor got = { .seq = 5 };
	struct store_dir d;
	char path[128];
	uint8_t *p;
	size_t i, n;

	(void)state;
	store_begin(&d);
	(void)snprintf(path, sizeof(path), "%s/ship", d.base);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		store_save(path, bad[i], strlen(bad[i]));
		assert_int_equal(cursor_load(d.base, "ship", &got), -EBADMSG);
		assert_int_equal(got.seq, 5);
		p = store_load(path, &n);
		assert_int_equal(n, strlen(bad[i]));
		assert_memory_equal(p, bad[i], n);
		free(p);
	}
	/* Cut anywhere. */
	for (i = 0; i < strlen(TEXT); i++) {
		store_save(path, TEXT, i);
		assert_int_equal(cursor_load(d.base, "ship", &got), -EBADMSG);
	}
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_what_the_header_says),
		cmocka_unit_test(saved_cursor_is_loaded),
		cmocka_unit_test(
			what_is_not_a_cursor_is_refused_and_left_alone),
	};

	return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
