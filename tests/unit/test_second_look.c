/* SPDX-License-Identifier: Apache-2.0 */
/* Names led through the links on their way, by what the kernel has cached. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/second_look.h"

static char dir[] = "/tmp/picket-second-XXXXXX";

static const char *const dirs[] = { "real", "real/sub" };

static const struct {
	const char *target, *name;
} links[] = {
	{ "real", "way" },	     { "sub", "real/in" },
	{ "way/in", "far" },	     { "real/file", "to-file" },
	{ "loop", "loop" },	     { "/proc/self/cwd", "magic" },
	{ "no such place", "lost" },
};

static const struct {
	const char *name;
	bool follow;
	const char *want; /* NULL: nothing to add */
} cases[] = {
	{ "real/file", false, NULL },
	{ "real/none", false, NULL },
	{ "way/file", false, "real/file" },
	{ "way/none", false, "real/none" },
	{ "far/none", true, "real/sub/none" },
	{ "way/../real/x", false, "real/x" },
	/* The link itself, and what it leads to. */
	{ "to-file", false, NULL },
	{ "to-file", true, "real/file" },
	{ "way/in", false, "real/in" },
	{ "way/in", true, "real/sub" },
	/* Nowhere, and nowhere of ours. */
	{ "loop/x", false, NULL },
	{ "lost/x", false, NULL },
	{ "magic/x", false, NULL },
	{ "no/such/x", false, NULL },
};

static void in_dir(char *out, size_t size, const char *name)
{
	(void)snprintf(out, size, "%s/%s", dir, name);
}

static struct second_look_from here;

static int setup(void **state)
{
	char path[256];
	size_t i;
	int fd;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		in_dir(path, sizeof(path), dirs[i]);
		if (mkdir(path, 0755) < 0)
			return -1;
	}
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		in_dir(path, sizeof(path), links[i].name);
		if (symlink(links[i].target, path) < 0)
			return -1;
	}
	in_dir(path, sizeof(path), "real/file");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	/* Of a first process that nobody may ask about: our own root. */
	second_look_open(dir, &here);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	char path[256];
	size_t i;

	(void)state;
	second_look_close(&here);
	in_dir(path, sizeof(path), "real/file");
	(void)unlink(path);
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		in_dir(path, sizeof(path), links[i].name);
		(void)unlink(path);
	}
	for (i = sizeof(dirs) / sizeof(dirs[0]); i-- > 0;) {
		in_dir(path, sizeof(path), dirs[i]);
		(void)rmdir(path);
	}
	return rmdir(dir);
}

/* Kernels before 5.12 cannot be asked for what is cached alone. */
static bool can_look(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = 0x20 };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/*
 * A link is not followed while the time of its access would have to be written
 * (second_look.h): so it is followed until that has been. And a mount or a
 * rename somewhere on the machine may come between.
 */
static struct slice look(const char *path, bool follow, bool wants, char *out)
{
	struct slice got = { 0 };
	struct stat st;

	for (int n = 0; n < 10000; n++) {
		got = second_look(&here, slice_str(path), follow, out);
		if (got.n || !wants)
			break;
		(void)stat(path, &st);
		(void)usleep(1000);
	}
	return got;
}

static void names_are_led_through_their_links(void **state)
{
	char out[SECOND_LOOK_MAX], path[256], want[256];
	struct slice got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		in_dir(path, sizeof(path), cases[i].name);
		got = look(path, cases[i].follow, cases[i].want && can_look(),
			   out);
		if (!cases[i].want || !can_look()) {
			if (got.n)
				print_error("%s: %.*s\n", path, (int)got.n,
					    got.p);
			assert_int_equal(got.n, 0);
			continue;
		}
		in_dir(want, sizeof(want), cases[i].want);
		if (got.n != strlen(want))
			print_error("%s: %.*s\n", path, (int)got.n, got.p);
		assert_int_equal(got.n, strlen(want));
		assert_memory_equal(got.p, want, got.n);
	}
}

static void what_is_no_path_is_not_looked_at(void **state)
{
	char out[SECOND_LOOK_MAX], longest[2 * PATH_MAX];

	(void)state;
	memset(longest, '/', sizeof(longest));
	assert_int_equal(second_look(&here, slice_str("way/x"), true, out).n,
			 0);
	assert_int_equal(second_look(&here, slice_str("/"), true, out).n, 0);
	assert_int_equal(second_look(&here, slice_str(""), true, out).n, 0);
	assert_int_equal(second_look(&here, slice_of("/a\0b", 4), true, out).n,
			 0);
	assert_int_equal(second_look(&here, slice_of(longest, sizeof(longest)),
				     true, out)
				 .n,
			 0);
}

static void no_descriptor_is_left(void **state)
{
	int before = dup(0), after;

	(void)close(before);
	names_are_led_through_their_links(state);
	after = dup(0);
	(void)close(after);
	assert_int_equal(after, before);
}

/* ---- another's root -------------------------------------------------------- */

/* As whoever acts by it does, in a later tick than the one that made it. */
static bool follow(const char *link)
{
	struct stat target, made;

	for (int n = 0; n < 60000; n++) {
		if (stat(link, &target) < 0 || lstat(link, &made) < 0)
			return false;
		if (made.st_atim.tv_sec > made.st_mtim.tv_sec ||
		    made.st_atim.tv_nsec > made.st_mtim.tv_nsec)
			return true;
		(void)usleep(1000);
	}
	return false;
}

/* A link that only this process has; then it waits to be looked at. */
static _Noreturn void be_the_first(int done)
{
	char path[256], byte;

	in_dir(path, sizeof(path), "hidden");
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", path, "tmpfs", 0, NULL) < 0)
		_exit(1);
	in_dir(path, sizeof(path), "hidden/etc");
	if (mkdir(path, 0755) < 0)
		_exit(2);
	in_dir(path, sizeof(path), "hidden/way");
	if (symlink("etc", path) < 0 || !follow(path) ||
	    write(done, "x", 1) != 1)
		_exit(3);
	(void)!read(done, &byte, 1);
	_exit(0);
}

static void check_root_of(pid_t first)
{
	char path[256], want[256], out[SECOND_LOOK_MAX];
	struct second_look_from from;
	struct slice got;
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", first);
	assert_int_equal(stat(path, &st), 0);
	second_look_open(dir, &from);
	assert_int_equal(from.mnt_ns, (unsigned)st.st_ino);
	in_dir(path, sizeof(path), "hidden/way/x");
	in_dir(want, sizeof(want), "hidden/etc/x");
	got = second_look(&from, slice_str(path), true, out);
	second_look_close(&from);
	if (can_look()) {
		assert_int_equal(got.n, strlen(want));
		assert_memory_equal(got.p, want, got.n);
	}
	/* And none of that here. */
	assert_int_equal(second_look(&here, slice_str(path), true, out).n, 0);
}

static void names_are_those_of_the_first_process(void **state)
{
	char hidden[256], one[256], target[64], byte;
	int pair[2], status;
	pid_t first;

	(void)state;
	if (geteuid() != 0)
		skip();
	in_dir(hidden, sizeof(hidden), "hidden");
	in_dir(one, sizeof(one), "1");
	assert_int_equal(mkdir(hidden, 0755), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	first = fork();
	if (!first) {
		(void)close(pair[0]);
		be_the_first(pair[1]);
	}
	(void)close(pair[1]);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	(void)snprintf(target, sizeof(target), "/proc/%d", first);
	assert_int_equal(symlink(target, one), 0);
	check_root_of(first);
	(void)close(pair[0]);
	assert_int_equal(waitpid(first, &status, 0), first);
	assert_int_equal(status, 0);
	(void)unlink(one);
	(void)rmdir(hidden);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_led_through_their_links),
		cmocka_unit_test(what_is_no_path_is_not_looked_at),
		cmocka_unit_test(no_descriptor_is_left),
		cmocka_unit_test(names_are_those_of_the_first_process),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
