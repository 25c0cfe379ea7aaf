/* SPDX-License-Identifier: Apache-2.0 */
/* The text of mountinfo and of /proc/self/cgroup, on every kind of host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sense/cgroup_root.h"

#define UNIFIED                                  \
	"22 27 0:21 / /proc rw - proc proc rw\n" \
	"35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"

#define HYBRID                                                          \
	"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"    \
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup "   \
	"rw,cpu,cpuacct\n"                                              \
	"39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n" \
	"40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup "       \
	"rw,name=systemd\n"                                             \
	"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

#define CONTAINER                                                          \
	"50 49 0:30 /../.. /sys/fs/cgroup ro master:1 propagate_from:2 - " \
	"cgroup2 cgroup rw\n"                                              \
	"51 49 0:30 / /host/with\\040blank\\134 ro - cgroup2 cgroup rw\n"

struct row {
	const char *text;
	const char *paths[3];
	const char *v1;
};

static void mounts_of_the_root_are_found(void **state)
{
	static const struct row rows[] = {
		{ UNIFIED, { "/sys/fs/cgroup" }, NULL },
		{ HYBRID, { "/sys/fs/cgroup/unified" }, "pids" },
		{ CONTAINER, { "/host/with blank\\" }, NULL },
		{ UNIFIED HYBRID,
		  { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" },
		  "pids" },
		{ "", { NULL }, NULL },
		/* Cut off anywhere, and things that only look alike. */
		{ "35 24 0:30 / /sys/fs/cgroup rw - cgroup2", { NULL }, NULL },
		{ "35 24 0:30 / /sys/fs/cgroup rw", { NULL }, NULL },
		{ "35 24\n\n \n", { NULL }, NULL },
		{ "1 2 0:3 / /cgroup2 rw - tmpfs cgroup2 rw,pids",
		  { NULL },
		  NULL },
		{ "1 2 0:3 / /a rw - cgroup cgroup rw,pidss,xmemory",
		  { NULL },
		  NULL },
	};
	char path[4096];
	struct slice text;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text = slice_str(rows[i].text);
		for (j = 0; rows[i].paths[j]; j++) {
			assert_true(cgroup_root_next(&text, path));
			assert_string_equal(path, rows[i].paths[j]);
		}
		assert_false(cgroup_root_next(&text, path));
		text = slice_str(rows[i].text);
		if (rows[i].v1)
			assert_string_equal(cgroup_root_v1(text), rows[i].v1);
		else
			assert_null(cgroup_root_v1(text));
	}
}

static void memory_is_preferred_whatever_the_order(void **state)
{
	static const char text[] =
		"1 2 0:3 / /a rw - cgroup cgroup rw,pids\n"
		"1 2 0:4 / /b rw - cgroup cgroup rw,memory\n"
		"1 2 0:5 / /c rw - cgroup cgroup rw,freezer\n";

	(void)state;
	assert_string_equal(cgroup_root_v1(slice_str(text)), "memory");
}

static void mount_point_that_is_too_long_is_passed_over(void **state)
{
	static char text[8192];
	char path[4096];
	struct slice s;
	size_t n;

	(void)state;
	n = (size_t)snprintf(text, sizeof(text), "1 2 0:3 / /");
	memset(text + n, 'x', 5000);
	(void)snprintf(text + n + 5000, sizeof(text) - n - 5000,
		       " rw - cgroup2 c rw\n%s", UNIFIED);
	s = slice_str(text);
	assert_true(cgroup_root_next(&s, path));
	assert_string_equal(path, "/sys/fs/cgroup");
}

static void hierarchy_of_a_controller_is_its_number(void **state)
{
	static const char text[] = "9:name=systemd:/\n"
				   "8:pids:/a:b\n"
				   "5:cpu,cpuacct:/\n"
				   "junk\n"
				   "x:memory:/\n"
				   "0::/\n";

	(void)state;
	assert_int_equal(cgroup_root_hierarchy(slice_str(text), "pids"), 8);
	assert_int_equal(cgroup_root_hierarchy(slice_str(text), "cpuacct"), 5);
	assert_int_equal(cgroup_root_hierarchy(slice_str(text), "memory"), 0);
	assert_int_equal(cgroup_root_hierarchy(slice_str(text), "acct"), 0);
	assert_int_equal(cgroup_root_hierarchy(slice_str(""), "pids"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts_of_the_root_are_found),
		cmocka_unit_test(memory_is_preferred_whatever_the_order),
		cmocka_unit_test(mount_point_that_is_too_long_is_passed_over),
		cmocka_unit_test(hierarchy_of_a_controller_is_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
