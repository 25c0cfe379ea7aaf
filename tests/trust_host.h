/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for tests of trust: a made-up /var/lib/dpkg and a made-up root in a
 * directory of the test's own, made by setup and removed by teardown.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "remove_tree.h"
#include "trust/make.h"

static char dir[] = "/tmp/picket-trust-XXXXXX";
static int root_fd = -1, dpkg_fd = -1;

static inline void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(path, 0755);
		*p = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static inline int setup(void **state)
{
	char path[PATH_MAX];

	(void)state;
	(void)strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	put("dpkg/info/x", "");
	put("root/usr/bin/x", "");
	put("root/etc/x", "");
	(void)snprintf(path, sizeof(path), "%s/root/bin", dir);
	assert_int_equal(symlink("usr/bin", path), 0);
	(void)snprintf(path, sizeof(path), "%s/root", dir);
	root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/dpkg", dir);
	dpkg_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root_fd >= 0 && dpkg_fd >= 0);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	(void)close(root_fd);
	(void)close(dpkg_fd);
	return remove_tree(dir);
}

/* md5 of "one\n" and "two\n". */
#define ONE "5bbf5a52328e7439ae6e719dfe712200"
#define TWO "c193497a1a06b2c72230e6146ff47080"

static const char status[] = "Package: first\n"
			     "Status: install ok installed\n"
			     "Architecture: all\n"
			     "Version: 1.0-1\n"
			     "Conffiles:\n"
			     " /etc/first.conf " ONE "\n"
			     " /etc/new.conf newconffile\n"
			     "\n"
			     "Package: second\n"
			     "Status: install ok installed\n"
			     "Architecture: amd64\n"
			     "Multi-Arch: same\n"
			     "Version: 2\n"
			     "\n"
			     "Package: removed\n"
			     "Status: deinstall ok config-files\n"
			     "Architecture: all\n"
			     "Version: 3\n";

static inline void fill_dpkg(void)
{
	put("dpkg/status", status);
	put("dpkg/info/first.list",
	    "/.\n/bin\n/bin/one\n/usr/bin/taken\n/etc/first.conf\n");
	put("dpkg/info/first.md5sums", ONE
	    "  bin/one\n" ONE "  usr/bin/taken\n" ONE "  usr/bin/not-in-list\n"
	    "rubbish\n");
	put("dpkg/info/second:amd64.list", "/usr/bin/two\n/usr/bin/taken\n");
	put("dpkg/info/second:amd64.md5sums",
	    TWO "  usr/bin/two\n" TWO "  usr/bin/taken\n");
	put("dpkg/info/removed.list", "/usr/bin/gone\n");
	put("dpkg/info/removed.md5sums", ONE "  usr/bin/gone\n");
	put("dpkg/diversions",
	    "/usr/bin/taken\n/usr/bin/taken.first\nsecond\n");
}

static inline int make_file(const char *rpm, struct trust_made *ret)
{
	int fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	const struct trust_make m = {
		.sources = { root_fd, dpkg_fd, *rpm ? dpkg_fd : -1 },
		.rpm = rpm,
		.rpm_dir = dir,
		.out_fd = fd,
	};

	assert_true(fd >= 0);
	*ret = trust_make(&m);
	return fd;
}
