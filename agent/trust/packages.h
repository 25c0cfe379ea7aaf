/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the package managers of a host say of their files, read into a
 * trust_build. Their files are root's, yet nothing in them is believed to be
 * well-formed: what is odd is left out and counted.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "trust/build.h"
#include "trust/dirs.h"

struct trust_packages {
	struct trust_build *build;
	struct trust_dirs *dirs;
	uint64_t packages, files;
	uint64_t odd;	/* lines and packages that were left out */
};

/*
 * dpkg.c: the database in the directory dpkg_fd (/var/lib/dpkg): what is
 * installed, each package's list and md5sums, the conffiles as they were
 * shipped, and what is diverted. -ENOENT: there is none; -ENOMEM, -E2BIG.
 */
int trust_read_dpkg(struct trust_packages *p, int dpkg_fd);

/*
 * rpm.c: lines of `rpm -qa --queryformat TRUST_RPM_FORMAT`, to the end.
 */
#define TRUST_RPM_FORMAT                                                  \
	"[%{=NAME}\\t%{=VERSION}-%{=RELEASE}.%{=ARCH}\\t%{FILEDIGESTS}\\t" \
	"%{FILENAMES}\\n]"
int trust_read_rpm(struct trust_packages *p, FILE *lines);

/*
 * stamp.c: names the state that the databases are in, by their files' inodes
 * and times; another one when something was installed. A descriptor of -1 is
 * a database that is not there.
 */
struct trust_sources {
	int root_fd;	/* of the host's file system */
	int dpkg_fd, rpm_fd;
};
int trust_stamp(const struct trust_sources *s,
		uint8_t ret[static TRUST_STAMP_SIZE]);
