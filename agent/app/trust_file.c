// SPDX-License-Identifier: Apache-2.0
#include "app/trust_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

int trust_file_new(const char *db)
{
	const char *slash = strrchr(db, '/');
	char dir[PATH_MAX];
	int fd = -1;

	if (slash) {
		(void)snprintf(dir, sizeof(dir), "%.*s/", (int)(slash - db),
			       db);
		fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	}
	/* Then it is made anew at each start. */
	return fd >= 0 ? fd : memfd_create("picket-trust", MFD_CLOEXEC);
}

void trust_file_save(int made_fd, const char *db)
{
	char from[64], tmp[PATH_MAX];

	if (!*db)
		return;
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", made_fd);
	(void)snprintf(tmp, sizeof(tmp), "%s.%d", db, getpid());
	if (linkat(AT_FDCWD, from, AT_FDCWD, tmp, AT_SYMLINK_FOLLOW) < 0)
		return;
	if (rename(tmp, db) < 0)
		(void)unlink(tmp);
}

int trust_file_old(const char *db)
{
	int fd = *db ? open(db, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
		     : -1;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !st.st_uid &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return fd;
	(void)close(fd);
	log_warning("'%s' is not root's alone: it is made anew", db);
	return -1;
}
