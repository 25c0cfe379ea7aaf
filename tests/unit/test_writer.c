/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing side on a sick disk: every call below the file layer fails in
 * turn, is cut short, or loses what it was given; a directory goes away under
 * the writer. In the end nothing may be lost that was not counted.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>

#include "store/dir.h"
#include "store/journal.h"
#include "store_dir.h"

/* What the next calls do. */
static atomic_int fail_write, fail_sync, fail_create, fail_rename, fail_dir;
static atomic_int short_write; /* then this many bytes at a time */
static atomic_int lose_pages;  /* a failed sync zeroes what it had */
static atomic_ullong attempts;
static atomic_ullong synced_end; /* of the file synced last */

static int sick_create(int dirfd, const char *name, mode_t mode)
{
	attempts++;
	if (fail_create)
		return -fail_create;
	return store_io_real.create(dirfd, name, mode);
}

static ssize_t sick_pwritev(int fd, const struct iovec *v, int n, off_t off)
{
	attempts++;
	if (fail_write) {
		/* Some of it arrives all the same. */
		if (v[0].iov_len > 5)
			(void)!pwrite(fd, v[0].iov_base, 5, off);
		return -fail_write;
	}
	if (short_write && v[0].iov_len > (size_t)short_write)
		return pwrite(fd, v[0].iov_base, (size_t)short_write, off);
	return store_io_real.pwritev(fd, v, n, off);
}

static int sick_fdatasync(int fd)
{
	static const char zeros[4096];
	struct stat st;
	off_t at, n;

	attempts++;
	assert_int_equal(fstat(fd, &st), 0);
	if (!fail_sync) {
		synced_end = (unsigned long long)st.st_size;
		return store_io_real.fdatasync(fd);
	}
	/* As the kernel may: the dirty pages are dropped, marked clean. */
	for (at = (off_t)synced_end; lose_pages && at < st.st_size; at += n) {
		n = st.st_size - at < 4096 ? st.st_size - at : 4096;
		(void)!pwrite(fd, zeros, (size_t)n, at);
	}
	return -fail_sync;
}

static int sick_rename(int dirfd, const char *from, const char *to)
{
	attempts++;
	if (fail_rename)
		return -fail_rename;
	return store_io_real.rename(dirfd, from, to);
}

static int sick_sync_dir(int dirfd)
{
	attempts++;
	if (fail_dir)
		return -fail_dir;
	return store_io_real.sync_dir(dirfd);
}

static const struct store_io sick = {
	.create = sick_create,
	.pwritev = sick_pwritev,
	.fdatasync = sick_fdatasync,
	.rename = sick_rename,
	.sync_dir = sick_sync_dir,
};

static void begin(struct store_dir *d)
{
	fail_write = fail_sync = fail_create = fail_rename = fail_dir = 0;
	short_write = lose_pages = 0;
	synced_end = 0;
	store_begin(d);
	d->settings.io = &sick;
}

/* Everything appended is there, once, and the independent reader agrees. */
static void all_there(struct store_dir *d, uint64_t n)
{
	struct store_seen seen = store_read(d);
	struct store_report r;

	assert_int_equal(seen.events, n);
	assert_int_equal(seen.gaps, 0);
	store_ask(d->journal, &r);
	assert_int_equal(store_answer(&r, "events"), n);
	assert_int_equal(store_answer(&r, "sealed"), n);
	assert_int_equal(store_answer(&r, "damaged"), 0);
}

static void error_is_shown_and_what_was_buffered_is_kept(void **state)
{
	static const struct {
		atomic_int *call;
		int error;
		const char *what;
	} cases[] = {
		{ &fail_write, ENOSPC, "write" },
		{ &fail_write, EROFS, "write" },
		{ &fail_sync, EIO, "fdatasync" },
	};
	struct store_dir d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		begin(&d);
		store_open(&d);
		store_events(&d, 50);
		store_flush(&d);
		*cases[i].call = cases[i].error;
		store_events(&d, 50);
		STORE_WAIT(store_stats(&d).error == cases[i].error);
		assert_string_equal(store_stats(&d).error_what, cases[i].what);
		assert_int_equal(store_stats(&d).sealed_seq, 50);
		assert_int_equal(store_stats(&d).waiting, 50);
		assert_int_equal(journal_flush(d.j, 50), -ETIMEDOUT);
		store_events(&d, 50);
		*cases[i].call = 0;
		store_flush(&d);
		STORE_WAIT(store_stats(&d).error == 0);
		assert_string_equal(store_stats(&d).error_what, "");
		assert_int_equal(store_stats(&d).waiting, 0);
		store_close(&d);
		all_there(&d, 150);
		store_end(&d);
	}
}

static void pages_lost_by_a_failed_sync_are_written_again(void **state)
{
	struct store_dir d;
	int i;

	(void)state;
	begin(&d);
	lose_pages = 1;
	store_open(&d);
	for (i = 0; i < 5; i++) {
		store_events(&d, 100);
		store_flush(&d);
		fail_sync = EIO;
		store_events(&d, 100);
		STORE_WAIT(store_stats(&d).error == EIO);
		fail_sync = 0;
	}
	store_flush(&d);
	store_close(&d);
	all_there(&d, 1000);
	store_end(&d);
}

static void failing_disk_is_asked_with_pauses(void **state)
{
	struct store_dir d;
	uint64_t before;

	(void)state;
	begin(&d);
	store_open(&d);
	fail_write = ENOSPC;
	(void)store_event(&d, JOURNAL_URGENT);
	STORE_WAIT(store_stats(&d).error == ENOSPC);
	before = attempts;
	/* Alerts do not hasten it either. */
	for (int i = 0; i < 100; i++) {
		(void)store_event(&d, JOURNAL_URGENT);
		(void)usleep(5000);
	}
	assert_true(attempts - before < 10);
	fail_write = 0;
	store_flush(&d);
	store_close(&d);
	all_there(&d, 101);
	store_end(&d);
}

static void short_writes_lose_nothing(void **state)
{
	struct store_dir d;

	(void)state;
	begin(&d);
	short_write = 7;
	d.settings.segment_size = 4096;
	store_open(&d);
	store_events(&d, 500);
	store_close(&d);
	short_write = 0;
	all_there(&d, 500);
	store_end(&d);
}

static void rotation_that_fails_is_tried_again(void **state)
{
	static const struct {
		atomic_int *call;
		const char *what;
	} cases[] = {
		{ &fail_create, "create segment" },
		{ &fail_rename, "rename segment" },
		{ &fail_dir, "sync directory" },
		{ &fail_sync, "fdatasync" },
	};
	struct store_dir d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		begin(&d);
		d.settings.segment_size = 4096;
		store_open(&d);
		store_events(&d, 20);
		*cases[i].call = ENOSPC;
		store_events(&d, 300);
		STORE_WAIT(store_stats(&d).error == ENOSPC);
		assert_string_equal(store_stats(&d).error_what, cases[i].what);
		*cases[i].call = 0;
		store_flush(&d);
		assert_true(store_stats(&d).segments > 3);
		store_close(&d);
		all_there(&d, 320);
		store_end(&d);
	}
}

static void faults_at_random_cost_nothing(void **state)
{
	atomic_int *const calls[] = { &fail_write, &fail_sync, &fail_create,
				      &fail_rename, &fail_dir };
	unsigned seed = (unsigned)clock_mono_ns(), i;
	struct store_dir d;

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	begin(&d);
	d.settings.segment_size = 4096;
	lose_pages = 1;
	store_open(&d);
	for (i = 0; i < 40; i++) {
		short_write = random() % 3 ? 0 : 1 + (int)(random() % 90);
		*calls[random() % 5] = random() % 2 ? EIO : 0;
		store_events(&d, (unsigned)random() % 60);
		(void)usleep((unsigned)random() % 20000);
		if (i % 4 == 3) {
			fail_write = fail_sync = fail_create = 0;
			fail_rename = fail_dir = 0;
			store_flush(&d);
		}
	}
	fail_write = fail_sync = fail_create = fail_rename = fail_dir = 0;
	store_flush(&d);
	i = (unsigned)store_stats(&d).next_seq - 1;
	store_close(&d);
	all_there(&d, i);
	store_end(&d);
}

static void closing_on_a_dead_disk_ends(void **state)
{
	struct store_dir d;
	uint64_t begun;

	(void)state;
	begin(&d);
	store_open(&d);
	store_events(&d, 10);
	store_flush(&d);
	fail_write = EIO;
	store_events(&d, 10);
	begun = clock_mono_ns();
	store_close(&d);
	assert_true(clock_mono_ns() - begun < 30 * NS_PER_S);
	fail_write = 0;
	/* It was not closed cleanly, and what was sealed is there. */
	store_open(&d);
	assert_true(d.opening.unclean);
	assert_int_equal(d.opening.epoch, 2);
	assert_int_equal(d.opening.next_seq, 11);
	store_end(&d);
}

static void removed_directory_is_made_again(void **state)
{
	struct store_seen seen = { 0 };
	struct reader *r = NULL;
	struct store_dir d;

	(void)state;
	begin(&d);
	store_open(&d);
	store_events(&d, 50);
	store_flush(&d);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
	store_read_on(r, &seen);
	assert_int_equal(seen.events, 50);
	store_remove(d.journal);
	STORE_WAIT(store_stats(&d).error != 0 || !access(d.journal, F_OK));
	store_events(&d, 50);
	store_flush(&d);
	/* A reader that was there sees each number once. */
	STORE_WAIT((store_read_on(r, &seen), seen.events == 100));
	assert_int_equal(seen.gaps, 0);
	reader_close(r);
	store_close(&d);
	/* Who comes later gets what is left. */
	seen = store_read(&d);
	assert_int_equal(seen.first, 51);
	assert_int_equal(seen.events, 50);
	assert_int_equal(store_check(d.journal, "events"), 50);
	store_open(&d);
	assert_int_equal(d.opening.next_seq, 101);
	assert_int_equal(d.opening.epoch, 1);
	store_end(&d);
}

static void unsealed_frames_survive_the_directory(void **state)
{
	struct store_dir d;

	(void)state;
	begin(&d);
	d.settings.sync_interval_ms = 60000;
	store_open(&d);
	store_events(&d, 50);
	STORE_WAIT(store_read(&d).events == 50);
	store_remove(d.journal);
	store_events(&d, 50);
	store_flush(&d);
	STORE_WAIT(!access(d.journal, F_OK));
	store_flush(&d);
	store_close(&d);
	all_there(&d, 100);
	store_end(&d);
}

/* Of the descriptions that the old segment had, each once, before events. */
static void expect_described(struct store_dir *d, uint64_t events)
{
	struct reader_frame f;
	struct reader *r = NULL;
	uint64_t described = 0, seen = 0;
	char want[32];

	assert_int_equal(reader_open(d->journal, READER_OLDEST, 0, 0, &r), 0);
	while (reader_next(r, &f) == 1) {
		if (f.type == JOURNAL_DESCRIPTION) {
			(void)snprintf(want, sizeof(want), "image %" PRIu64,
				       ++described);
			assert_true(slice_eq(f.payload, slice_str(want)));
			assert_int_equal(seen, 0);
		}
		seen += f.type == JOURNAL_EVENT;
	}
	reader_close(r);
	assert_int_equal(described, 2);
	assert_int_equal(seen, events);
}

static void waiting_events_find_their_images_in_the_new_segment(void **state)
{
	struct store_dir d;
	char aside[128];

	(void)state;
	begin(&d);
	store_open(&d);
	store_describe(&d, "image 1");
	store_events(&d, 10);
	store_describe(&d, "image 2");
	store_flush(&d);
	/* These wait for a disk that fails, and then its place is gone. */
	fail_write = EIO;
	store_events(&d, 20);
	STORE_WAIT(store_stats(&d).error == EIO);
	(void)snprintf(aside, sizeof(aside), "%s/aside", d.base);
	assert_int_equal(rename(d.journal, aside), 0);
	fail_write = 0;
	store_flush(&d);
	store_close(&d);
	expect_described(&d, 20);
	assert_int_equal(store_check(d.journal, "next"), 31);
	store_end(&d);
}

static void removed_segment_or_lock_is_replaced(void **state)
{
	struct store_dir d, thief;
	struct store_seen seen;
	char path[256], what[256];
	struct journal_opening o;
	int holder;

	(void)state;
	begin(&d);
	store_open(&d);
	store_events(&d, 50);
	store_flush(&d);
	assert_int_equal(unlink(store_segment(&d, 1, path)), 0);
	STORE_WAIT(!access(store_segment(&d, 2, path), F_OK));
	store_events(&d, 50);
	store_flush(&d);
	assert_int_equal(unlink(store_path(&d, "lock", path)), 0);
	STORE_WAIT(!access(store_path(&d, "lock", path), F_OK));
	/* It is held again. */
	thief = d;
	STORE_WAIT(store_stats(&d).error == 0);
	assert_int_equal(
		journal_open(&thief.settings, &thief.j, &o, &holder, what),
		-EWOULDBLOCK);
	store_events(&d, 10);
	store_close(&d);
	seen = store_read(&d);
	assert_int_equal(seen.first, 51);
	assert_int_equal(seen.events, 60);
	store_end(&d);
}

static void journal_of_another_is_not_written_to(void **state)
{
	struct store_dir d, other;
	char aside[256];

	(void)state;
	begin(&d);
	begin(&other);
	store_open(&other);
	store_events(&other, 7);
	store_close(&other);
	store_open(&d);
	store_events(&d, 50);
	store_flush(&d);
	(void)snprintf(aside, sizeof(aside), "%s/aside", d.base);
	assert_int_equal(rename(d.journal, aside), 0);
	assert_int_equal(rename(other.journal, d.journal), 0);
	STORE_WAIT(store_stats(&d).error == ESTALE);
	store_events(&d, 50);
	assert_int_equal(journal_flush(d.j, 300), -ETIMEDOUT);
	assert_int_equal(store_read(&d).events, 7);
	/* Ours comes back: everything is there. */
	assert_int_equal(rename(d.journal, other.journal), 0);
	assert_int_equal(rename(aside, d.journal), 0);
	store_flush(&d);
	store_close(&d);
	all_there(&d, 100);
	store_end(&d);
	store_end(&other);
}

/* A file system of 1 MiB in a mount namespace of our own; false: not root. */
static bool mount_small(const char *dir)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	store_end_checker();
	assert_int_equal(mkdir(dir, 0755), 0);
	return mount("tmpfs", dir, "tmpfs", 0, "size=1m") == 0;
}

static void full_file_system_loses_only_what_is_counted(void **state)
{
	static char filler[512 << 10];
	struct journal_stats st;
	struct store_seen seen;
	struct store_dir d;
	char small[128], path[160];
	unsigned i;

	(void)state;
	begin(&d);
	(void)snprintf(small, sizeof(small), "%.63s/small", d.base);
	if (!mount_small(small)) {
		store_end(&d);
		skip();
	}
	(void)snprintf(d.journal, sizeof(d.journal), "%.63s/small/j", d.base);
	(void)snprintf(path, sizeof(path), "%s/filler", small);
	store_save(path, filler, sizeof(filler));
	d.settings.io = NULL;
	d.settings.buffer_size = 0;
	store_open(&d);
	for (i = 0; i < 200 && !store_stats(&d).error; i++) {
		store_events(&d, 100);
		(void)usleep(15000);
	}
	assert_int_equal(store_stats(&d).error, ENOSPC);
	store_events(&d, 10000);
	st = store_stats(&d);
	assert_true(st.dropped > 0);
	assert_int_equal(unlink(path), 0);
	store_flush(&d);
	store_events(&d, 10);
	store_flush(&d);
	st = store_stats(&d);
	store_close(&d);
	seen = store_read(&d);
	assert_int_equal(seen.told, st.dropped);
	assert_int_equal(seen.missing, 0);
	assert_int_equal(seen.events, st.appended);
	assert_int_equal(store_check(d.journal, "events"), st.appended);
	(void)umount(small);
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_is_shown_and_what_was_buffered_is_kept),
		cmocka_unit_test(pages_lost_by_a_failed_sync_are_written_again),
		cmocka_unit_test(failing_disk_is_asked_with_pauses),
		cmocka_unit_test(short_writes_lose_nothing),
		cmocka_unit_test(rotation_that_fails_is_tried_again),
		cmocka_unit_test(faults_at_random_cost_nothing),
		cmocka_unit_test(closing_on_a_dead_disk_ends),
		cmocka_unit_test(removed_directory_is_made_again),
		cmocka_unit_test(unsealed_frames_survive_the_directory),
		cmocka_unit_test(
			waiting_events_find_their_images_in_the_new_segment),
		cmocka_unit_test(removed_segment_or_lock_is_replaced),
		cmocka_unit_test(journal_of_another_is_not_written_to),
		cmocka_unit_test(full_file_system_loses_only_what_is_counted),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
