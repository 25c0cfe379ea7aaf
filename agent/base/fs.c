/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Careful file access. The one idea: each function does the whole job or says
 * with which error it did not; no caller loops over short writes, forgets
 * O_CLOEXEC or renames what was not synced.
 */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define READ_FIRST 4096

int fs_write_all(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t did;

	while (n) {
		did = write(fd, at, n);
		if (did < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!did)
			return -EIO;
		at += did;
		n -= (size_t)did;
	}
	return 0;
}

/* As much as fits up to the end of the file: its length, or -errno. */
static ssize_t read_up_to(int fd, char *p, size_t n)
{
	size_t used = 0;
	ssize_t did;

	while (used < n) {
		did = read(fd, p + used, n - used);
		if (did < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!did)
			break;
		used += (size_t)did;
	}
	return (ssize_t)used;
}

static int read_all(int fd, size_t max, char **ret_p, size_t *ret_n)
{
	cleanup_free char *p = NULL;
	size_t cap = READ_FIRST, used = 0;
	ssize_t did;
	char *grown;

	/* Sizes in /proc are 0, so the file's end is only known by reading. */
	for (;;) {
		grown = realloc(p, cap + 1);
		if (!grown)
			return -ENOMEM;
		p = grown;
		did = read_up_to(fd, p + used, cap - used);
		if (did < 0)
			return (int)did;
		used += (size_t)did;
		if (used > max)
			return -EFBIG;
		if (used < cap)
			break;
		cap *= 2;
	}
	p[used] = '\0';
	*ret_p = steal_ptr(p);
	*ret_n = used;
	return 0;
}

int fs_read_file(int dirfd, const char *path, size_t max, char **ret_p,
		 size_t *ret_n)
{
	cleanup_close int fd = -1;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : read_all(fd, max, ret_p, ret_n);
}

struct place {
	int dirfd;
	const char *path;
	int flags;
};

/*
 * Why it cannot be opened. Of a socket or a device that says little: they are
 * refused, each with an error of its own, because they are no file.
 */
static int why_not(struct place at, int error)
{
	int flags = at.flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
	struct stat st;

	if (fstatat(at.dirfd, at.path, &st, flags) < 0 || S_ISREG(st.st_mode) ||
	    S_ISLNK(st.st_mode))
		return error;
	return -EINVAL;
}

/* Only if it is a file: opening anything else must not wait for anybody. */
static int read_regular(struct place at, size_t max, char **ret_p,
			size_t *ret_n)
{
	cleanup_close int fd = -1;
	struct stat st;

	fd = openat(at.dirfd, at.path,
		    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | at.flags);
	if (fd < 0)
		return why_not(at, -errno);
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? read_all(fd, max, ret_p, ret_n) : -EINVAL;
}

int fs_read_regular(const char *path, size_t max, char **ret_p, size_t *ret_n)
{
	return read_regular((struct place){ AT_FDCWD, path, 0 }, max, ret_p,
			    ret_n);
}

int fs_read_foreign(int dirfd, const char *path, size_t max, char **ret_p,
		    size_t *ret_n)
{
	return read_regular((struct place){ dirfd, path, O_NOFOLLOW }, max,
			    ret_p, ret_n);
}

int fs_sync_dir(int dirfd)
{
	cleanup_close int fd = -1;

	/* dirfd may be AT_FDCWD or opened with O_PATH, neither can be synced. */
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

struct replacement {
	struct iovec bytes;
	mode_t mode;
	bool is_durable;
};

static int write_whole(int dirfd, const char *name, const struct replacement *n)
{
	cleanup_close int fd = -1;
	int r;

	fd = openat(dirfd, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = fs_write_all(fd, n->bytes.iov_base, n->bytes.iov_len);
	if (r < 0)
		return r;
	/* Not through open's mode: the umask must not have a say in it. */
	if (fchmod(fd, n->mode) < 0 || (n->is_durable && fsync(fd) < 0))
		return -errno;
	return close(steal_fd(&fd)) < 0 ? -errno : 0;
}

static int replace(int dirfd, const char *name, const struct replacement *n)
{
	char temp[NAME_MAX + 1];
	int r;

	if (!*name || strchr(name, '/'))
		return -EINVAL;
	r = snprintf(temp, sizeof(temp), ".%s.new", name);
	if (r < 0 || (size_t)r >= sizeof(temp))
		return -ENAMETOOLONG;
	/* What a crash left behind: the name is fixed so that it is found. */
	if (unlinkat(dirfd, temp, 0) < 0 && errno != ENOENT)
		return -errno;
	r = write_whole(dirfd, temp, n);
	if (r == 0 && renameat(dirfd, temp, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dirfd, temp, 0);
		return r;
	}
	return n->is_durable ? fs_sync_dir(dirfd) : 0;
}

int fs_replace(int dirfd, const char *name, const void *p, size_t n,
	       mode_t mode)
{
	/* iovec has no const form; nothing writes through it here. */
	struct iovec bytes = { (void *)(uintptr_t)p, n };

	return replace(dirfd, name, &(struct replacement){ bytes, mode, true });
}

int fs_publish(int dirfd, const char *name, const void *p, size_t n,
	       mode_t mode)
{
	struct iovec bytes = { (void *)(uintptr_t)p, n };

	return replace(dirfd, name,
		       &(struct replacement){ bytes, mode, false });
}

static int make_dir(const char *path, mode_t mode)
{
	struct stat st;
	int refused;

	if (mkdir(path, mode) == 0)
		return 0;
	/*
	 * Whatever the reason: a read-only or foreign parent may refuse before
	 * it looks whether the name is there.
	 */
	refused = -errno;
	if (stat(path, &st) < 0)
		return refused == -EEXIST ? -ENOTDIR : refused;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int fs_mkdir_all(const char *path, mode_t mode)
{
	cleanup_free char *copy = NULL;
	char *at;
	int r;

	if (!*path)
		return -ENOENT;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	for (at = copy + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		r = make_dir(copy, mode);
		if (r < 0)
			return r;
		*at = '/';
	}
	return make_dir(copy, mode);
}

int fs_open_hasty(int fd)
{
	char name[32];
	int again;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	again = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return again < 0 ? -errno : again;
}
