/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of /proc, as the kernel writes them and as a process would like. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/procfs.h"

static void assert_slice(struct slice s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	if (s.n)
		assert_memory_equal(s.p, want, s.n);
}

#define REST \
	" S 10 20 30 34816 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 99 100\n"

static void stat_is_read_after_the_last_parenthesis(void **state)
{
	static const char *const comms[] = {
		"bash", "a b", "x) R 1 1 1 0 (", "((", "))", "",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(comms) / sizeof(*comms); i++) {
		struct procfs_stat st = { 0 };

		(void)snprintf(text, sizeof(text), "42 (%s)" REST, comms[i]);
		assert_int_equal(procfs_parse_stat(slice_str(text), &st), 0);
		assert_slice(st.comm, comms[i]);
		assert_int_equal(st.ppid, 10);
		assert_int_equal(st.pgid, 20);
		assert_int_equal(st.sid, 30);
		assert_int_equal(st.tty, 136 << 20);
		assert_int_equal(st.flags, 4194560);
		assert_int_equal(st.start_ticks, 123456);
	}
}

static void broken_stat_is_refused(void **state)
{
	static const char *const broken[] = {
		"",
		"42",
		"42 (x)",
		("42 )x(" REST),
		"42 (x) S 10 20 30",
		"42 (x) SS 10 20 30 0 -1 1 1 2 3 4 5 6 7 8 20 0 1 0 5 9 9",
		"42 (x) S 10 -20 30 0 -1 1 1 2 3 4 5 6 7 8 20 0 1 0 5 9 9",
		"42 (x) S 10 20 30 0 -1 1 1 2 3 4 5 6 7 8 20 0 1 0 5x 9 9",
		"42 (x) S 10 20 30 0 -1 1 1 2 3 4 5 6 7 8 20 0 1 0",
	};
	struct procfs_stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
		assert_int_equal(procfs_parse_stat(slice_str(broken[i]), &st),
				 -EINVAL);
}

static void own_stat_parses(void **state)
{
	struct procfs_stat st;
	struct slice text;
	char *p;

	(void)state;
	assert_int_equal(procfs_read("/proc/self/stat", 4096, &p, &text.n), 0);
	text.p = p;
	assert_int_equal(procfs_parse_stat(text, &st), 0);
	assert_int_equal(st.ppid, getppid());
	assert_int_equal(st.sid, getsid(0));
	free(p);
}

static void mount_line_is_split(void **state)
{
	struct procfs_mount m;

	(void)state;
	assert_int_equal(
		procfs_parse_mount(slice_str("36 35 254:17 /a\\040b /mnt/x rw "
					     "shared:1 master:2 - ext4 "
					     "/dev/root rw,errors=x"),
				   &m),
		0);
	assert_int_equal(m.id, 36);
	assert_int_equal(m.dev, 254 << 20 | 17);
	assert_slice(m.root, "/a\\040b");
	assert_slice(m.point, "/mnt/x");
	assert_slice(m.type, "ext4");
	assert_slice(m.super, "rw,errors=x");
	/* An empty source. */
	assert_int_equal(
		procfs_parse_mount(slice_str("1 2 0:5 / /t rw - tmpfs  rw,x"),
				   &m),
		0);
	assert_slice(m.super, "rw,x");
	/* A namespace's file, mounted: the root is no path. */
	assert_int_equal(
		procfs_parse_mount(slice_str("1 2 0:4 mnt:[4026532] /run/ns rw "
					     "- nsfs nsfs rw"),
				   &m),
		0);
	assert_slice(m.root, "mnt:[4026532]");
}

static void broken_mount_lines_are_refused(void **state)
{
	static const char *const broken[] = {
		"",
		"36",
		"x 35 8:1 / / rw - ext4 s rw",
		"36 35 8 / / rw - ext4 s rw",
		"36 35 4096:1 / / rw - ext4 s rw",
		"36 35 8:1048576 / / rw - ext4 s rw",
		"36 35 8:1 / / rw shared:1",
		"36 35 8:1 / relative rw - ext4 s rw",
		"36 35 8:1 / / rw -",
		"36 35 8:1 / / rw - ext4",
	};
	struct procfs_mount m;

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
		assert_int_equal(procfs_parse_mount(slice_str(broken[i]), &m),
				 -EINVAL);
}

static void octal_is_undone_and_nothing_else(void **state)
{
	static const char *const cases[][2] = {
		{ "/a\\040b", "/a b" }, { "\\011\\012\\134", "\t\n\\" },
		{ "\\", "\\" },		{ "\\04", "\\04" },
		{ "\\400", "\\400" },	{ "\\089", "\\089" },
		{ "\\\\040", "\\ " },	{ "\\377", "\377" },
		{ "x\\0400", "x 0" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t n = strlen(cases[i][0]);

		memcpy(text, cases[i][0], n + 1);
		n = procfs_unescape(text, n);
		assert_slice(slice_of(text, n), cases[i][1]);
	}
}

static void cgroup_line_is_split_at_two_colons(void **state)
{
	struct procfs_cgroup_line l;

	(void)state;
	assert_int_equal(
		procfs_parse_cgroup_line(slice_str("4:cpu,cpuacct:/a:b/c"), &l),
		0);
	assert_int_equal(l.hierarchy, 4);
	assert_slice(l.controllers, "cpu,cpuacct");
	assert_slice(l.path, "/a:b/c");
	assert_int_equal(procfs_parse_cgroup_line(slice_str("0::/"), &l), 0);
	assert_int_equal(l.controllers.n, 0);
	assert_int_equal(procfs_parse_cgroup_line(slice_str("0::"), &l),
			 -EINVAL);
	assert_int_equal(procfs_parse_cgroup_line(slice_str("x::/"), &l),
			 -EINVAL);
	assert_int_equal(procfs_parse_cgroup_line(slice_str("0:/"), &l),
			 -EINVAL);
}

static void fields_of_status_are_whole_keys(void **state)
{
	struct slice v;

	(void)state;
	assert_true(procfs_field(slice_str("Uid:\t0\t1\t2\t3"), "Uid", &v));
	assert_slice(v, "0\t1\t2\t3");
	assert_false(procfs_field(slice_str("Uid"), "Uid", &v));
	assert_false(procfs_field(slice_str("Uids:\t0"), "Uid", &v));
	assert_true(procfs_field(slice_str("Uid:"), "Uid", &v));
	assert_int_equal(v.n, 0);
}

static void reading_stops_at_the_bound(void **state)
{
	char name[] = "/tmp/picket-test-procfs-XXXXXX";
	char block[10000];
	size_t n;
	char *p;
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	memset(block, 'b', sizeof(block));
	assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	assert_int_equal(procfs_read(name, 9999, &p, &n), 0);
	assert_int_equal(n, 9999);
	assert_int_equal(p[n], 0);
	free(p);
	assert_int_equal(procfs_read(name, 20000, &p, &n), 0);
	assert_int_equal(n, 10000);
	free(p);
	assert_int_equal(procfs_read("/nonexistent/x", 10, &p, &n), -ENOENT);
	(void)close(fd);
	(void)unlink(name);
}

static void devices_are_the_kernels(void **state)
{
	(void)state;
	assert_int_equal(procfs_kernel_dev(makedev(254, 3)), 254 << 20 | 3);
	assert_int_equal(procfs_kernel_dev(makedev(0, 0x12345)), 0x12345);
}

static void namespaces_are_numbers(void **state)
{
	uint32_t ns = procfs_namespace(AT_FDCWD, "/proc/self/ns/mnt");
	struct stat st;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	assert_int_equal(ns, st.st_ino);
	assert_int_equal(procfs_namespace(AT_FDCWD, "/proc/self/exe"), 0);
	assert_int_equal(procfs_namespace(AT_FDCWD, "/nonexistent"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_is_read_after_the_last_parenthesis),
		cmocka_unit_test(broken_stat_is_refused),
		cmocka_unit_test(own_stat_parses),
		cmocka_unit_test(mount_line_is_split),
		cmocka_unit_test(broken_mount_lines_are_refused),
		cmocka_unit_test(octal_is_undone_and_nothing_else),
		cmocka_unit_test(cgroup_line_is_split_at_two_colons),
		cmocka_unit_test(fields_of_status_are_whole_keys),
		cmocka_unit_test(reading_stops_at_the_bound),
		cmocka_unit_test(devices_are_the_kernels),
		cmocka_unit_test(namespaces_are_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
