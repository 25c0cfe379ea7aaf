/* SPDX-License-Identifier: Apache-2.0 */
/* base/fs: the whole job or the reason why not. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "remove_tree.h"

static char dir[] = "/tmp/picket-test-fs-XXXXXX";
static int dirfd_;

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd_ < 0 ? -1 : 0;
}

static int remove_dir(void **state)
{
	(void)state;
	(void)close(dirfd_);
	return remove_tree(dir);
}

static void put(const char *name, const void *p, size_t n)
{
	cleanup_close int fd = -1;

	fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0600);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, p, n), 0);
}

static void assert_holds(const char *name, const char *text)
{
	cleanup_free char *p = NULL;
	size_t n;

	assert_int_equal(fs_read_file(dirfd_, name, 1 << 20, &p, &n), 0);
	assert_string_equal(p, text);
	assert_int_equal(n, strlen(text));
}

/* Reads slowly, so that the writer meets a full pipe. */
static void *drain(void *arg)
{
	static char sink[1000];
	size_t *total = arg;
	ssize_t n;

	while ((n = read((int)total[1], sink, sizeof(sink))) > 0)
		total[0] += (size_t)n;
	return NULL;
}

static void short_writes_are_completed(void **state)
{
	size_t total[2] = { 0 };
	char *big = calloc(1, 1 << 20);
	pthread_t reader;
	int fds[2];

	(void)state;
	assert_non_null(big);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	total[1] = (size_t)fds[0];
	assert_int_equal(pthread_create(&reader, NULL, drain, total), 0);
	assert_int_equal(fs_write_all(fds[1], big, 1 << 20), 0);
	assert_int_equal(close(fds[1]), 0);
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(total[0], 1 << 20);
	assert_int_equal(close(fds[0]), 0);
	free(big);
}

static void a_write_that_fails_says_why(void **state)
{
	cleanup_close int fd = -1;

	(void)state;
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, "x", 1), -ENOSPC);
	assert_int_equal(fs_write_all(-1, "x", 1), -EBADF);
	assert_int_equal(fs_write_all(-1, "x", 0), 0);
}

static void files_are_read_up_to_the_cap(void **state)
{
	static char big[10000];
	char untouched[] = "untouched", *p = untouched;
	size_t n = 77;

	(void)state;
	memset(big, 'z', sizeof(big));
	put("big", big, sizeof(big));
	assert_int_equal(fs_read_file(dirfd_, "big", 9999, &p, &n), -EFBIG);
	assert_string_equal(p, "untouched");
	assert_int_equal(n, 77);
	assert_int_equal(fs_read_file(dirfd_, "big", 10000, &p, &n), 0);
	assert_int_equal(n, 10000);
	assert_int_equal(p[10000], '\0');
	assert_memory_equal(p, big, 10000);
	free(p);
}

static void every_length_round_the_first_read_arrives(void **state)
{
	static char text[8300];
	static const size_t lengths[] = { 0,	1,    4095, 4096,
					  4097, 8191, 8192, 8193 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		cleanup_free char *p = NULL;
		size_t n;

		memset(text, 'q', sizeof(text));
		put("len", text, lengths[i]);
		assert_int_equal(
			fs_read_file(dirfd_, "len", lengths[i], &p, &n), 0);
		assert_int_equal(n, lengths[i]);
		assert_int_equal(strlen(p), n);
	}
}

static void proc_files_of_size_zero_are_read(void **state)
{
	cleanup_free char *p = NULL;
	size_t n;

	(void)state;
	assert_int_equal(
		fs_read_file(AT_FDCWD, "/proc/self/stat", 65536, &p, &n), 0);
	assert_true(n > 20);
	assert_int_equal(p[n], '\0');
}

static void what_cannot_be_read_says_why(void **state)
{
	char *p;
	size_t n;

	(void)state;
	assert_int_equal(fs_read_file(dirfd_, "nowhere", 10, &p, &n), -ENOENT);
	assert_int_equal(fs_read_file(AT_FDCWD, dir, 10, &p, &n), -EISDIR);
}

static void put_socket(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/%s", dir, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	(void)close(fd);
}

static void what_is_no_file_in_a_foreign_directory_holds_nobody_up(void **state)
{
	cleanup_free char *p = NULL;
	size_t n;

	(void)state;
	put("plain", "abc", 3);
	assert_int_equal(fs_read_foreign(dirfd_, "plain", 16, &p, &n), 0);
	assert_int_equal(n, 3);
	/* An open of it that waits would wait for ever. */
	assert_int_equal(mkfifoat(dirfd_, "pipe", 0600), 0);
	assert_int_equal(fs_read_foreign(dirfd_, "pipe", 16, &p, &n), -EINVAL);
	assert_int_equal(symlinkat("plain", dirfd_, "link"), 0);
	assert_int_equal(fs_read_foreign(dirfd_, "link", 16, &p, &n), -ELOOP);
	assert_int_equal(mkdirat(dirfd_, "sub", 0700), 0);
	assert_int_equal(fs_read_foreign(dirfd_, "sub", 16, &p, &n), -EINVAL);
	/* One that no open of it succeeds with. */
	put_socket("socket");
	assert_int_equal(fs_read_foreign(dirfd_, "socket", 16, &p, &n),
			 -EINVAL);
	assert_int_equal(fs_read_foreign(dirfd_, "none", 16, &p, &n), -ENOENT);
	assert_int_equal(fs_read_foreign(dirfd_, "plain", 2, &p, &n), -EFBIG);
	assert_int_equal(unlinkat(dirfd_, "sub", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(dirfd_, "pipe", 0), 0);
	assert_int_equal(unlinkat(dirfd_, "socket", 0), 0);
	assert_int_equal(unlinkat(dirfd_, "link", 0), 0);
	assert_int_equal(unlinkat(dirfd_, "plain", 0), 0);
}

static void replacing_leaves_the_new_bytes_and_no_other_file(void **state)
{
	struct stat st;
	mode_t old = umask(077);

	(void)state;
	put("cursor", "old and longer", 14);
	assert_int_equal(fs_replace(dirfd_, "cursor", "new", 3, 0644), 0);
	(void)umask(old);
	assert_holds("cursor", "new");
	assert_int_equal(fstatat(dirfd_, "cursor", &st, 0), 0);
	/* The asked mode, whatever the umask. */
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(faccessat(dirfd_, ".cursor.new", F_OK, 0), -1);
	assert_int_equal(errno, ENOENT);
}

static void what_a_crash_left_does_not_hinder_replacing(void **state)
{
	(void)state;
	put(".state.new", "half a wri", 10);
	assert_int_equal(fs_replace(dirfd_, "state", "whole", 5, 0600), 0);
	assert_holds("state", "whole");
	assert_int_equal(faccessat(dirfd_, ".state.new", F_OK, 0), -1);
}

static void a_planted_link_is_not_followed(void **state)
{
	(void)state;
	put("victim", "precious", 8);
	assert_int_equal(symlinkat("victim", dirfd_, ".x.new"), 0);
	assert_int_equal(fs_replace(dirfd_, "x", "mine", 4, 0600), 0);
	assert_holds("victim", "precious");
	assert_holds("x", "mine");
}

static void a_failed_replacement_keeps_the_old_bytes(void **state)
{
	struct rlimit old, small = { 4, 4 };
	int r;

	(void)state;
	put("kept", "as it was", 9);
	/* A file may not grow past 4 bytes: stands in for a full disk. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = fs_replace(dirfd_, "kept", "too long", 8, 0600);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -EFBIG);
	assert_holds("kept", "as it was");
	assert_int_equal(faccessat(dirfd_, ".kept.new", F_OK, 0), -1);
}

static void names_that_leave_the_directory_are_refused(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	assert_int_equal(fs_replace(dirfd_, "a/b", "", 0, 0600), -EINVAL);
	assert_int_equal(fs_replace(dirfd_, "", "", 0, 0600), -EINVAL);
	assert_int_equal(fs_replace(dirfd_, name, "", 0, 0600), -ENAMETOOLONG);
}

static void directories_are_made_all_the_way(void **state)
{
	char path[200];
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/one//two/three/", dir);
	assert_int_equal(fs_mkdir_all(path, 0700), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(fs_mkdir_all(path, 0700), 0);
	assert_int_equal(fs_mkdir_all("/", 0700), 0);
}

static void a_file_in_the_way_is_not_a_directory(void **state)
{
	char path[200];

	(void)state;
	put("file", "", 0);
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	assert_int_equal(fs_mkdir_all(path, 0700), -ENOTDIR);
	(void)snprintf(path, sizeof(path), "%s/file/below", dir);
	assert_int_equal(fs_mkdir_all(path, 0700), -ENOTDIR);
	assert_int_equal(fs_mkdir_all("", 0700), -ENOENT);
	assert_true(fs_mkdir_all("/proc/picket/nothing", 0700) < 0);
}

static void directories_can_be_synced(void **state)
{
	(void)state;
	assert_int_equal(fs_sync_dir(dirfd_), 0);
	assert_int_equal(fs_sync_dir(AT_FDCWD), 0);
	assert_int_equal(fs_sync_dir(-1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_writes_are_completed),
		cmocka_unit_test(a_write_that_fails_says_why),
		cmocka_unit_test(files_are_read_up_to_the_cap),
		cmocka_unit_test(every_length_round_the_first_read_arrives),
		cmocka_unit_test(proc_files_of_size_zero_are_read),
		cmocka_unit_test(what_cannot_be_read_says_why),
		cmocka_unit_test(
			what_is_no_file_in_a_foreign_directory_holds_nobody_up),
		cmocka_unit_test(
			replacing_leaves_the_new_bytes_and_no_other_file),
		cmocka_unit_test(what_a_crash_left_does_not_hinder_replacing),
		cmocka_unit_test(a_planted_link_is_not_followed),
		cmocka_unit_test(a_failed_replacement_keeps_the_old_bytes),
		cmocka_unit_test(names_that_leave_the_directory_are_refused),
		cmocka_unit_test(directories_are_made_all_the_way),
		cmocka_unit_test(a_file_in_the_way_is_not_a_directory),
		cmocka_unit_test(directories_can_be_synced),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
