/* SPDX-License-Identifier: Apache-2.0 */
/* The process table when there are more than it may keep. */
#include "proc_cast.h"

static unsigned prev_length(const struct image *img)
{
	unsigned n = 0;

	for (; img->prev; img = img->prev)
		n++;
	return n;
}

static void execs_without_end_keep_the_first_and_the_newest(void **state)
{
	struct image *img = NULL;
	char exe[32];

	(void)state;
	for (uint32_t i = 1; i <= 10000; i++) {
		(void)snprintf(exe, sizeof(exe), "/bin/%u", i);
		img = do_exec((struct who){ 10, i, 10 * S }, exe);
	}
	assert_int_equal(prev_length(img), 16);
	assert_slice(img->exe.path, "/bin/10000");
	for (uint32_t i = 10000; i >= 9988; i--, img = img->prev)
		assert_int_equal(img->number, i);
	for (uint32_t i = 4; i >= 1; i--, img = img->prev)
		assert_int_equal(img->number, i);
	assert_null(img);
	assert_true(stats().images <= 20);
}

static unsigned line_length(const struct image *img)
{
	unsigned n = 0;

	for (; img->parent; img = img->parent)
		n++;
	return n;
}

static void lines_without_end_keep_the_first_and_the_newest(void **state)
{
	struct who who = { 10, 1, 10 * S };
	struct image *img;
	unsigned longest = 0;
	char exe[32];

	(void)state;
	do_exec(who, "/bin/1");
	for (uint32_t i = 2; i <= 10000; i++) {
		struct who next = { 9 + i, i - 1, (9 + i) * S };

		do_fork(who, next);
		do_exit(who);
		next.image = i;
		(void)snprintf(exe, sizeof(exe), "/bin/%u", i);
		img = do_exec(next, exe);
		who = next;
		proc_table_expire(t, now + 2 * S);
		if (line_length(img) > longest)
			longest = line_length(img);
	}
	img = do_act(who);
	assert_int_equal(longest, 64);
	assert_true(line_length(img) >= 40);
	for (uint32_t i = 10000; i > 9970; i--, img = img->parent)
		assert_int_equal(img->number, i);
	while (img->parent && img->parent->parent)
		img = img->parent;
	assert_slice(img->exe.path, "/bin/1");
	assert_int_equal(img->parent->proc.tgid, 1);
	assert_true(stats().images < 300);
}

/*
 * Thirty lines at once, each 100 generations of 20 programs: 60 000 images
 * that somebody could want to keep. Past the budget lines get short.
 */
static void lines_get_short_when_memory_does(void **state)
{
	struct image *leaf[30] = { 0 };
	unsigned longest = 0;

	teardown(state);
	assert_int_equal(setup_with(128, 0), 0);
	for (uint32_t gen = 0; gen < 100; gen++) {
		for (uint32_t i = 0; i < 30; i++) {
			struct who me = { 100 + gen * 30 + i, 20 * gen + 1, 0 };
			struct who above = { me.tgid - 30, me.image, 0 };

			me.start = me.tgid * S;
			above.start = above.tgid * S;
			if (gen)
				do_fork(above, me);
			for (uint32_t k = 0; k < 20; k++, me.image++)
				leaf[i] = do_exec(me, "/usr/bin/program");
			if (gen)
				do_exit(above);
		}
		proc_table_expire(t, now);
	}
	for (uint32_t i = 0; i < 30; i++)
		if (line_length(leaf[i]) > longest)
			longest = line_length(leaf[i]);
	assert_in_range(longest, 1, 12);
	/* Budgeted are 128 * 4 KiB; without a budget it were 20 MiB. */
	assert_true(stats().bytes < 2 << 20);
	assert_int_equal(stats().processes, 31);
}

static void the_dead_give_way_when_memory_gets_short(void **state)
{
	uint64_t most = 0;
	char *args;

	teardown(state);
	assert_int_equal(setup_with(65536, 3600000), 0);
	args = test_calloc(1, 4096);
	for (uint32_t i = 0; i < 20000; i++) {
		struct who who = { 100 + i, 1, (100 + i) * S };
		struct wire_exec *w;

		now += S / 1000;
		w = begin_exec(who, "/bin/x");
		w->args = wb_bytes(&b, args, 4096);
		apply();
		if (stats().bytes > most)
			most = stats().bytes;
		do_exit(who);
	}
	test_free(args);
	assert_in_range(most, 11 << 20, 13 << 20);
	assert_true(stats().evicted_dead > 10000);
	/* Whoever went less than a second ago is there. */
	assert_true(stats().processes > 1000);
	assert_int_equal(stats().evicted_alive, 0);
}

static void full_table_lets_the_oldest_dead_go_first(void **state)
{
	struct who who[40];

	teardown(state);
	assert_int_equal(setup_with(32, 1000000), 0);
	for (uint32_t i = 0; i < 40; i++)
		who[i] = (struct who){ 100 + i, 1, (100 + i) * S };
	for (uint32_t i = 0; i < 31; i++)
		do_exec(who[i], "/bin/x"); /* and 1, their parent */
	do_exit(who[7]);
	do_exit(who[3]);
	do_exec(who[31], "/bin/x");
	do_exec(who[32], "/bin/x");
	assert_int_equal(stats().evicted_dead, 2);
	assert_int_equal(stats().evicted_alive, 0);
	/* Then who was not heard of longest, as child or as parent. */
	do_act(who[0]);
	do_exec(who[33], "/bin/x");
	do_exec(who[34], "/bin/x");
	assert_int_equal(stats().evicted_alive, 2);
	assert_int_equal(stats().processes, 32);
	assert_false(do_act(who[0])->flags & IMAGE_F_UNKNOWN);
	assert_true(do_act(who[1])->flags & IMAGE_F_UNKNOWN);
	assert_true(do_act(who[2])->flags & IMAGE_F_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(execs_without_end_keep_the_first_and_the_newest),
		TEST(lines_without_end_keep_the_first_and_the_newest),
		TEST(lines_get_short_when_memory_does),
		TEST(the_dead_give_way_when_memory_gets_short),
		TEST(full_table_lets_the_oldest_dead_go_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
