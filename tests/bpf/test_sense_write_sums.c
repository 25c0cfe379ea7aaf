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

#define FILES  3
#define WRITES 100

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

static void write_files(struct seen *w)
{
	for (int i = 0; i < FILES; i++)
		assert_true(!mknod(work_path(names[i]), S_IFREG | 0644, 0) ||
			    errno == EEXIST);
	assert_true(can_run(w, act_write, "write"));
	assert_int_equal(seen_count(w, WIRE_WRITE), 2 * FILES);
}

static struct wire_written_key key_of(const struct wire_write *r)
{
	return (struct wire_written_key){
		.start_ns = r->hdr.start_ns,
		.ino = r->file.ino,
		.tgid = r->hdr.tgid,
		.image = r->hdr.image,
		.dev = r->file.dev,
		.version = r->file.generation ^ r->file.object,
	};
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
	key = key_of(r);
	assert_true(sensor_has_written(w->sensor, &key, r->hdr.time_ns));
	assert_false(sensor_has_written(w->sensor, &key,
					r->hdr.time_ns + 60 * NS_PER_S));
	assert_int_equal(sensor_take_written(w->sensor, &key, &sum), 0);
	assert_int_equal(sum.count, WRITES + 1);
	assert_int_equal(sum.bytes, r->hdr.backend == WIRE_BACKEND_KPROBE
					    ? 0
					    : WRITES * 5);
	assert_int_equal(sensor_take_written(w->sensor, &key, &sum), -ENOENT);
}

/* Those that gave way before, too, wherever they stand among the others. */
static void dropped_sums_are_gone_and_others_stay(void **state)
{
	struct wire_written_key keys[6], kept;
	struct seen *w = *state;
	struct wire_written sum;

	write_files(w);
	kept = key_of(seen_write(w, WIRE_OP_WRITE, 2));
	for (int i = 0; i < 6; i++) {
		keys[i] = key_of(seen_write(w, WIRE_OP_WRITE, i == 4));
		if (i != 2 && i != 4)
			keys[i].ino = ~0ull - (unsigned)i;
	}
	sensor_drop_written(w->sensor, keys, 6);
	assert_int_equal(sensor_take_written(w->sensor, &keys[2], &sum),
			 -ENOENT);
	assert_int_equal(sensor_take_written(w->sensor, &keys[4], &sum),
			 -ENOENT);
	assert_int_equal(sensor_take_written(w->sensor, &kept, &sum), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals_count_each_write),
		cmocka_unit_test(dropped_sums_are_gone_and_others_stay),
	};

	return cmocka_run_group_tests_name("write_sums", tests, seen_setup,
					   seen_teardown);
}
