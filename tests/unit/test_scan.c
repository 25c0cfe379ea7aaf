// SPDX-License-Identifier: Apache-2.0
/*
 * Walking a segment while it is written: what is only half there yet is waited
 * for, and never taken for damage once the rest has come.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/scan.h"
#include "store_dir.h"

#define EVENTS 3000
#define ROUNDS 60

/* The first segment of a journal, as bytes. */
static char *make_segment(size_t *ret_n)
{
	struct store_dir d;
	char path[160], *bytes = malloc(16u << 20);
	FILE *in;

	assert_non_null(bytes);
	store_begin(&d);
	store_open(&d);
	store_events(&d, EVENTS);
	store_flush(&d);
	store_close(&d);
	(void)snprintf(path, sizeof(path), "%.90s/0000000000000001.seg",
		       d.journal);
	in = fopen(path, "re");
	assert_non_null(in);
	*ret_n = fread(bytes, 1, 16u << 20, in);
	(void)fclose(in);
	store_end(&d);
	return bytes;
}

/* In a process of its own: pieces of any size, as fast as it goes. */
static void write_pieces(const char *path, const char *bytes, size_t n,
			 unsigned seed)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t at = JOURNAL_HEADER_AREA, step;

	while (fd >= 0 && at < n) {
		step = 1 + (size_t)rand_r(&seed) % 200;
		if (step > n - at)
			step = n - at;
		if (pwrite(fd, bytes + at, step, (off_t)at) != (ssize_t)step)
			_exit(1);
		at += step;
		if (rand_r(&seed) % 50 == 0)
			(void)sched_yield();
	}
	_exit(fd < 0);
}

static void what_is_half_written_is_no_damage(void **state)
{
	const char *given = getenv("PICKET_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10)
			      : (unsigned)time(NULL);
	char dir[] = "/dev/shm/picket-scan-XXXXXX", path[96];
	size_t n, frames = 0, whole = 0;
	struct scan s = SCAN_INIT;
	struct scan_hit hit;
	char *bytes = make_segment(&n);
	int dirfd, round, status, r;
	pid_t pid;

	(void)state;
	print_message("# PICKET_TEST_SEED=%u\n", seed);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/0000000000000001.seg", dir);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd >= 0);
	for (round = 0; round <= ROUNDS; round++) {
		FILE *out = fopen(path, "we");

		assert_non_null(out);
		assert_int_equal(fwrite(bytes, 1, JOURNAL_HEADER_AREA, out),
				 JOURNAL_HEADER_AREA);
		assert_int_equal(fclose(out), 0);
		assert_int_equal(scan_open(&s, dirfd, 1), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid)
			write_pieces(path, bytes, n, seed + (unsigned)round);
		/* The first round is only to know how many there are. */
		if (!round)
			assert_int_equal(waitpid(pid, &status, 0), pid);
		frames = 0;
		while (s.off < n) {
			r = scan_next(&s, &hit);
			assert_true(r >= 0);
			if (r && hit.skipped)
				fail_msg("round %d: %zu bytes of damage at %zu",
					 round, (size_t)hit.skipped,
					 (size_t)(hit.off - hit.skipped));
			frames += (size_t)r;
		}
		if (round)
			assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		if (!round)
			whole = frames;
		assert_int_equal(frames, whole);
	}
	assert_true(whole > EVENTS);
	scan_close(&s);
	(void)close(dirfd);
	(void)unlink(path);
	(void)rmdir(dir);
	free(bytes);
}

/* Read byte by byte it would take an hour. */
static void what_follows_a_hole_is_found(void **state)
{
	char dir[] = "/dev/shm/picket-scan-XXXXXX", path[96];
	const off_t far = (off_t)1 << 40;
	size_t n, before = 0, after = 0;
	struct scan s = SCAN_INIT;
	struct scan_hit hit;
	char *bytes = make_segment(&n);
	int dirfd, fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/0000000000000001.seg", dir);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(fd, bytes, n, 0), (ssize_t)n);
	assert_int_equal(scan_open(&s, dirfd, 1), 0);
	while (scan_next(&s, &hit) > 0)
		before++;
	scan_close(&s);

	/* The frames once more, a terabyte on, and a hole behind them. */
	n -= JOURNAL_HEADER_AREA;
	assert_int_equal(pwrite(fd, bytes + JOURNAL_HEADER_AREA, n, far),
			 (ssize_t)n);
	assert_int_equal(ftruncate(fd, 2 * far), 0);
	assert_int_equal(scan_open(&s, dirfd, 1), 0);
	while (scan_next(&s, &hit) > 0)
		after++;
	scan_close(&s);
	assert_true(after >= 2 * before);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	(void)close(fd);
	(void)close(dirfd);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_half_written_is_no_damage),
		cmocka_unit_test(what_follows_a_hole_is_found),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
