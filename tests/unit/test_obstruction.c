/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody put in the journal's way: a directory under a segment's name,
 * a file that cannot be removed, a name as high as names go. Each costs what
 * it must, and the journal goes on.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "store_dir.h"

/* chattr +i; false where the file system has no such thing, or we may not. */
static bool set_fixed(const char *path, bool on)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int flags = 0;
	bool done;

	assert_true(fd >= 0);
	done = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
	flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	done = done && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
	(void)close(fd);
	return done;
}

static void put_dir(const struct store_dir *d, const char *name)
{
	char path[256];

	assert_int_equal(mkdir(store_path(d, name, path), 0755), 0);
}

static void a_directory_under_a_name_to_come_is_passed_over(void **state)
{
	struct store_seen seen;
	struct store_dir d;

	(void)state;
	store_begin(&d);
	d.settings.segment_size = 4096;
	assert_int_equal(mkdir(d.journal, 0755), 0);
	put_dir(&d, "0000000000000001.new");
	put_dir(&d, "0000000000000002.seg");
	store_open(&d);
	put_dir(&d, "0000000000000005.new");
	put_dir(&d, "0000000000000006.seg");
	store_events(&d, 300);
	store_flush(&d);
	assert_int_equal(store_stats(&d).error, 0);
	seen = store_read(&d);
	assert_int_equal(seen.events, 300);
	assert_true(seen.last.segment >= 7);
	store_close(&d);
	/* And once more, by one that finds them there. */
	store_open(&d);
	store_events(&d, 100);
	store_flush(&d);
	assert_int_equal(store_read(&d).events, 400);
	store_end(&d);
}

static void a_segment_that_cannot_go_costs_its_room(void **state)
{
	struct store_seen seen = { 0 };
	struct store_dir d;
	char path[256];
	unsigned i;

	(void)state;
	store_begin(&d);
	d.settings.segment_size = 8192;
	d.settings.max_size = 64 << 10;
	store_open(&d);
	store_events(&d, 300);
	store_flush(&d);
	/* What is no file is not unlinked, as an immutable one is not. */
	store_segment(&d, 1, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	for (i = 0; i < 60; i++) {
		store_events(&d, 50);
		store_flush(&d);
	}
	assert_int_equal(store_stats(&d).error, 0);
	assert_int_equal(store_stats(&d).stuck, 1);
	assert_true(store_stats(&d).bytes <= d.settings.max_size);
	assert_int_equal(access(path, F_OK), 0);
	seen = store_read(&d);
	assert_int_equal(seen.end, 3301);
	assert_int_equal(seen.first + seen.events + seen.missing, 3301);
	assert_int_equal(rmdir(path), 0);
	for (i = 0; i < 20; i++) {
		store_events(&d, 50);
		store_flush(&d);
	}
	STORE_WAIT(store_stats(&d).stuck == 0);
	assert_int_not_equal(access(path, F_OK), 0);
	store_end(&d);
}

static void a_last_segment_that_nobody_may_write_is_left(void **state)
{
	struct store_dir d;
	char path[256];

	(void)state;
	store_begin(&d);
	store_open(&d);
	store_events(&d, 30);
	store_flush(&d);
	store_crash(&d, "crash");
	store_segment(&d, 1, path);
	if (!set_fixed(path, true)) {
		store_end(&d);
		skip();
	}
	store_open(&d);
	store_events(&d, 30);
	store_flush(&d);
	assert_int_equal(store_read(&d).events, 60);
	assert_true(set_fixed(path, false));
	store_end(&d);
}

static void make_dir(const char *path)
{
	char inside[300];

	assert_int_equal(mkdir(path, 0755), 0);
	(void)snprintf(inside, sizeof(inside), "%s/x", path);
	store_save(inside, "x", 1);
}

static void make_link(const char *path)
{
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
}

static void make_fifo(const char *path)
{
	assert_int_equal(mkfifo(path, 0600), 0);
}

/* No open of it succeeds, whoever asks. */
static void make_socket(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && strlen(path) < sizeof(at.sun_path));
	memcpy(at.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	(void)close(fd);
}

/* State and lock: they make way, whole, and it is told. */
static void what_has_the_name_of_a_file_of_ours_is_set_aside(void **state)
{
	static void (*const makes[])(const char *path) = { make_dir, make_link,
							   make_fifo,
							   make_socket };
	static const char *const names[] = { "state", "lock" };
	struct store_dir d;
	struct stat st;
	char path[256];
	size_t i;

	(void)state;
	for (i = 0; i < 4 * 2; i++) {
		store_begin(&d);
		store_open(&d);
		store_events(&d, 30);
		store_close(&d);
		store_path(&d, names[i / 4], path);
		assert_int_equal(unlink(path), 0);
		makes[i % 4](path);
		store_open(&d);
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISREG(st.st_mode));
		assert_memory_equal(d.opening.cut_file, names[i / 4],
				    strlen(names[i / 4]));
		store_path(&d, d.opening.cut_file, path);
		assert_int_equal(lstat(path, &st), 0);
		assert_false(S_ISREG(st.st_mode));
		store_events(&d, 30);
		store_close(&d);
		assert_int_equal(store_read(&d).events, 60);
		store_end(&d);
	}
}

static void a_name_as_high_as_they_go_hides_nothing(void **state)
{
	static const char *const names[] = { "9999999999999999.seg",
					     "0000000000000099.seg" };
	struct store_seen seen;
	struct reader *r = NULL;
	struct store_dir d;
	char path[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		store_begin(&d);
		d.settings.segment_size = 4096;
		store_open(&d);
		store_events(&d, 20);
		store_flush(&d);
		seen = (struct store_seen){ 0 };
		assert_int_equal(
			reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
		store_read_on(r, &seen);
		store_save(store_path(&d, names[i], path), "nothing", 7);
		store_read_on(r, &seen);
		/* In the segment that was open, and in those behind it. */
		store_events(&d, 5);
		store_flush(&d);
		store_read_on(r, &seen);
		assert_int_equal(seen.events, 25);
		store_events(&d, 200);
		store_flush(&d);
		store_read_on(r, &seen);
		assert_int_equal(seen.events, 225);
		store_close(&d);
		store_open(&d);
		store_events(&d, 200);
		store_flush(&d);
		store_read_on(r, &seen);
		assert_int_equal(seen.events, 425);
		assert_int_equal(store_read(&d).events, 425);
		reader_close(r);
		store_end(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_directory_under_a_name_to_come_is_passed_over),
		cmocka_unit_test(a_segment_that_cannot_go_costs_its_room),
		cmocka_unit_test(a_last_segment_that_nobody_may_write_is_left),
		cmocka_unit_test(
			what_has_the_name_of_a_file_of_ours_is_set_aside),
		cmocka_unit_test(a_name_as_high_as_they_go_hides_nothing),
	};

	return cmocka_run_group_tests_name("obstruction", tests, NULL, NULL);
}
