/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's lock. The one idea: the kernel's lock decides, the pid in the
 * file is only for people; so a file that a crash left behind means nothing.
 *
 * The file is readable by its owner alone. Whoever can open a file for
 * reading can put a shared lock on it, and a reader of the journal, which may
 * be the program that talks to the network, must not be able to keep the
 * writer from starting.
 */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "store/dir.h"

#define LOCK_NAME "lock"

static int read_pid(int fd)
{
	char text[16];
	uint32_t pid;
	ssize_t n;

	n = pread(fd, text, sizeof(text), 0);
	if (n <= 0 || text[n - 1] != '\n' ||
	    text_u32(slice_of(text, (size_t)n - 1), &pid) < 0 ||
	    pid > INT32_MAX)
		return 0;
	return (int)pid;
}

static int open_lock(int dirfd)
{
	int fd = openat(dirfd, LOCK_NAME,
			O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY |
				O_NONBLOCK,
			0600);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	(void)close(fd);
	return -ELOOP;
}

int lock_take(int dirfd, int *ret_fd, int *ret_holder,
	      char ret_aside[static 64])
{
	/* Of the open file, not of the process: no close elsewhere drops it. */
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	cleanup_close int fd = -1;
	char text[16];
	int n, r;

	*ret_aside = '\0';
	r = fd = open_lock(dirfd);
	/* Whatever has its name and is no file, nobody of ours holds it. */
	if (r == -ELOOP || r == -EISDIR || r == -ENXIO) {
		r = dir_set_aside(dirfd, LOCK_NAME, ret_aside);
		if (r >= 0)
			r = fd = open_lock(dirfd);
	}
	if (r < 0)
		return r;
	if (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		*ret_holder = read_pid(fd);
		return -EWOULDBLOCK;
	}
	/*
	 * On a full disk the pid may not fit; the lock holds all the same.
	 * The opener meets the full disk where it matters.
	 */
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)n, 0);
	*ret_fd = steal_fd(&fd);
	return 0;
}
