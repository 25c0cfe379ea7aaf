/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files, done carefully: short reads and writes completed, EINTR retried,
 * descriptors close-on-exec, replacements durable.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* All n bytes, or -errno (some may have been written). */
int fs_write_all(int fd, const void *p, size_t n);

/*
 * The whole of a small file, zero-terminated, into *ret_p (free it) and
 * *ret_n (without the zero). Longer than max: -EFBIG. Works for /proc.
 */
int fs_read_file(int dirfd, const char *path, size_t max, char **ret_p,
		 size_t *ret_n);

/* The same of a file: a pipe, socket or device is -EINVAL, waits for nobody. */
int fs_read_regular(const char *path, size_t max, char **ret_p, size_t *ret_n);

/*
 * The same in a directory that belongs to somebody with fewer rights than
 * ours: a pipe that nobody writes to must not hold us up, nor a link lead us
 * elsewhere. No regular file: -EINVAL; a link: -ELOOP.
 */
int fs_read_foreign(int dirfd, const char *path, size_t max, char **ret_p,
		    size_t *ret_n);

/*
 * Replace `name` in dirfd by these bytes so that after a crash either the old
 * or the new content is there whole: temporary file, fsync, rename, fsync of
 * the directory. One writer for a name at a time: the temporary name is fixed
 * (.NAME.new), so that what a crash left is taken away by the next call.
 */
int fs_replace(int dirfd, const char *name, const void *p, size_t n,
	       mode_t mode);

/*
 * The same without the syncing: readers see the old or the new one whole, a
 * crash may leave neither. For what is made anew all the time.
 */
int fs_publish(int dirfd, const char *name, const void *p, size_t n,
	       mode_t mode);

/*
 * What fd writes to, opened once more and without waiting: O_NONBLOCK belongs
 * to the open file, which a terminal or pipe shares with whoever else has it,
 * so it must not be set on what was inherited. Not for sockets: -ENXIO; they
 * have a flag per call. A descriptor of the caller's, or -errno.
 */
int fs_open_hasty(int fd);

/* fsync a directory, so that a created or renamed name is durable. */
int fs_sync_dir(int dirfd);

/* mkdir -p; 0 also when it was there and is a directory. */
int fs_mkdir_all(const char *path, mode_t mode);
