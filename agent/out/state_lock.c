/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open file description locks: unlike flock(2) they can be asked about
 * without being taken, and unlike those of POSIX they do not end when the
 * process closes some other descriptor of the file.
 */
#include "out/state_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NAME "ship.lock"

static int open_lock(const char *dir, int flags)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/" NAME, dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	return fd < 0 ? -errno : fd;
}

int state_lock_take(const char *dir, int *ret_fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	cleanup_close int fd = open_lock(dir, O_RDWR | O_CREAT);

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_OFD_SETLK, &whole) < 0)
		return errno == EACCES ? -EWOULDBLOCK : -errno;
	*ret_fd = steal_fd(&fd);
	return 0;
}

bool state_lock_is_held(const char *dir)
{
	/* Would a lock for reading have to wait for one for writing? */
	struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	cleanup_close int fd = open_lock(dir, O_RDONLY);

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &whole) == 0 &&
	       whole.l_type != F_UNLCK;
}
