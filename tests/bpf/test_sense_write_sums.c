/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel adds up of a file after it was told, on whatever backend
 * speaks: how much, when something was last added, and how it is forgotten.
 */
#include "base/clock.h"
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES	  3
#define WRITES	  100
#define WINDOW_MS 100

static const char *const names[FILES] = { "one", "two", "three" };

/* Of the first as much as it says, of the others a write each. */
static int act_write(void *arg)
{
	int i, file, fd;

	(void)arg;
	for (file = 0; file < FILES; file++) {
		TRY(fd = open(work_path(names[file]), O_WRONLY));
		for (i = 0; i < (file ? 1 : WRITES); i++)
			TRY(write(fd, "12345", 5));
	}
	return 0;
}

static void make(const char *name)
{
	assert_int_equal(mknod(work_path(name), S_IFREG | 0644, 0), 0);
}

static void write_files(struct seen *w)
{
	for (int i = 0; i < FILES; i++)
		make(names[i]);
	assert_true(can_run(w, act_write, "write"));
	assert_int_equal(seen_count(w, WIRE_WRITE), 2 * FILES);
}

/* A kprobe before the write knows how often, and not how much. */
static void totals_count_each_write(void **state)
{
	const struct wire_write *r;
	struct wire_written_key key;
	struct seen *w = *state;
	struct wire_written sum;

	write_files(w);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	key = sum_key(r);
	assert_true(sensor_has_written(w->sensor, &key, r->hdr.time_ns));
	assert_false(sensor_has_written(w->sensor, &key,
					r->hdr.time_ns + 60 * NS_PER_S));
	assert_int_equal(sensor_take_written(w->sensor, &key, &sum), 0);
	assert_int_equal(sum.count, WRITES + 1);
	assert_int_equal(sum.told_count, 2);
	assert_int_equal(sum.bytes, r->hdr.backend == WIRE_BACKEND_KPROBE
					    ? 0
					    : WRITES * 5);
	assert_int_equal(sensor_take_written(w->sensor, &key, &sum), -ENOENT);
}

static int act_for_three_windows(void *arg)
{
	int fd;

	(void)arg;
	TRY(fd = open(work_path("slow"), O_WRONLY));
	for (int i = 0; i < 3; i++) {
		if (i)
			(void)usleep(2 * WINDOW_MS * 1000);
		TRY(write(fd, "12345", 5));
	}
	return 0;
}

/* What the agent leaves there goes on, and says what records told. */
static void a_sum_that_is_left_knows_what_was_told(void **state)
{
	struct seen *w = seen_open(1u << 20, WINDOW_MS);
	struct wire_written_key key;
	struct wire_written sum;

	(void)state;
	assert_non_null(w);
	make("slow");
	assert_true(can_run(w, act_for_three_windows, "write"));
	assert_int_equal(seen_count(w, WIRE_WRITE), 4);
	key = sum_key(seen_write(w, WIRE_OP_WRITE, 2));
	assert_int_equal(sensor_take_written(w->sensor, &key, &sum), 0);
	assert_int_equal(sum.count, 4);
	assert_int_equal(sum.told_count, 4);
	assert_int_equal(sensor_untold(&sum).count, 0);
	seen_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals_count_each_write),
		cmocka_unit_test(a_sum_that_is_left_knows_what_was_told),
	};

	return cmocka_run_group_tests_name("write_sums", tests, seen_setup,
					   seen_teardown);
}
