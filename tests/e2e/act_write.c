// SPDX-License-Identifier: Apache-2.0
/*
 * Does one thing to a file, so that a test can say of each event which call
 * made it:
 *
 *   act_write OP PATH [OTHER]
 *
 * The process changes into the directory of PATH first where the path would
 * be too long for the kernel, and always uses exactly one call of the kind
 * that OP names. OTHER is the second name (rename, link), the target
 * (symlink), or the source (sendfile, splice, copy).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MODE 0640

/* What a descriptor op needs done before the call that is looked at. */
static int open_as(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, MODE);
}

static int by_fd(const char *path, int (*fn)(int fd))
{
	int fd = open_as(path, O_RDWR);

	return fd < 0 ? -1 : fn(fd);
}

static int op_create(const char *path, const char *other)
{
	(void)other;
	return open_as(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int op_append(const char *path, const char *other)
{
	int fd = open_as(path, O_WRONLY | O_APPEND);

	(void)other;
	return fd < 0 ? -1 : (int)write(fd, "more\n", 5);
}

static int op_open_trunc(const char *path, const char *other)
{
	(void)other;
	return open_as(path, O_WRONLY | O_TRUNC);
}

static int op_open_write(const char *path, const char *other)
{
	(void)other;
	return open_as(path, O_WRONLY);
}

static int op_truncate(const char *path, const char *other)
{
	(void)other;
	return truncate(path, 3);
}

static int op_rename(const char *path, const char *other)
{
	return rename(path, other);
}

static int op_unlink(const char *path, const char *other)
{
	(void)other;
	return unlink(path);
}

static int op_chmod(const char *path, const char *other)
{
	(void)other;
	return chmod(path, 0600);
}

static int op_fchmod(const char *path, const char *other)
{
	int fd = open_as(path, O_RDONLY);

	(void)other;
	return fd < 0 ? -1 : fchmod(fd, 0600);
}

static int op_utime(const char *path, const char *other)
{
	const struct timespec times[2] = { { 86400, 0 }, { 86400, 0 } };

	(void)other;
	return utimensat(AT_FDCWD, path, times, 0);
}

static int op_chown(const char *path, const char *other)
{
	(void)other;
	return chown(path, 12345, 23456);
}

static int op_link(const char *path, const char *other)
{
	return link(path, other);
}

static int op_symlink(const char *path, const char *other)
{
	return symlink(other, path);
}

static int op_mkdir(const char *path, const char *other)
{
	(void)other;
	return mkdir(path, 0750);
}

static int op_rmdir(const char *path, const char *other)
{
	(void)other;
	return rmdir(path);
}

static int op_mknod(const char *path, const char *other)
{
	(void)other;
	return mknod(path, S_IFIFO | MODE, 0);
}

static int op_setxattr(const char *path, const char *other)
{
	(void)other;
	return setxattr(path, "user.act", "x", 1, 0);
}

static int fd_write(int fd)
{
	return (int)write(fd, "abc", 3);
}

static int fd_pwrite(int fd)
{
	return (int)pwrite(fd, "abc", 3, 1);
}

static int fd_writev(int fd)
{
	struct iovec iov[] = { { (char[]){ "ab" }, 2 },
			       { (char[]){ "c" }, 1 } };

	return (int)writev(fd, iov, 2);
}

static int fd_pwritev(int fd)
{
	struct iovec iov = { (char[]){ "abc" }, 3 };

	return (int)pwritev(fd, &iov, 1, 2);
}

static int fd_fallocate(int fd)
{
	return fallocate(fd, 0, 0, 8192);
}

static int fd_ftruncate(int fd)
{
	return ftruncate(fd, 2);
}

static int fd_mmap(int fd)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -1;
	p[0] = 'm';
	return munmap(p, 4096);
}

static int fd_many(int fd)
{
	for (int i = 0; i < 100; i++)
		if (write(fd, "x", 1) != 1)
			return -1;
	return 0;
}

static int op_write(const char *path, const char *other)
{
	(void)other;
	return by_fd(path, fd_write);
}

static int op_pwrite(const char *path, const char *other)
{
	(void)other;
	return by_fd(path, fd_pwrite);
}

static int op_writev(const char *path, const char *other)
{
	(void)other;
	return by_fd(path, fd_writev);
}

static int op_pwritev(const char *path, const char *other)
{
	(void)other;
	return by_fd(path, fd_pwritev);
}

static int op_fallocate(const char *path, const char *other)
{
	(void)other;
	return by_fd(path, fd_fallocate);
}

static int op_ftruncate(const char *path, const char *other)
{
	(void)other;
	return by_fd(path, fd_ftruncate);
}

static int op_mmap(const char *path, const char *other)
{
	(void)other;
	return by_fd(path, fd_mmap);
}

static int op_many(const char *path, const char *other)
{
	(void)other;
	return by_fd(path, fd_many);
}

static int op_sendfile(const char *path, const char *other)
{
	int from = open_as(other, O_RDONLY), to = open_as(path, O_WRONLY);

	return from < 0 || to < 0 ? -1 : (int)sendfile(to, from, NULL, 3);
}

static int op_splice(const char *path, const char *other)
{
	int to = open_as(path, O_WRONLY), ends[2];

	(void)other;
	if (to < 0 || pipe2(ends, O_CLOEXEC) < 0 ||
	    write(ends[1], "abc", 3) != 3)
		return -1;
	return (int)splice(ends[0], NULL, to, NULL, 3, 0);
}

static int op_copy(const char *path, const char *other)
{
	int from = open_as(other, O_RDONLY), to = open_as(path, O_WRONLY);

	if (from < 0 || to < 0)
		return -1;
	return (int)copy_file_range(from, NULL, to, NULL, 3, 0);
}

/* Nothing of this changes a file: no event may come of it. */
static int op_read(const char *path, const char *other)
{
	char buf[16], *p;
	struct stat st;
	int fd = open_as(path, O_RDONLY);

	(void)other;
	if (fd < 0 || read(fd, buf, sizeof(buf)) < 0 || fstat(fd, &st) < 0)
		return -1;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	return p == MAP_FAILED ? -1 : 0;
}

/* Inherited and never opened by this image: the write alone tells. */
static int op_stdout(const char *path, const char *other)
{
	(void)path;
	(void)other;
	return (int)write(STDOUT_FILENO, "out\n", 4);
}

static const struct {
	const char *name;
	int (*run)(const char *path, const char *other);
	int needs_other;
} ops[] = {
	{ "create", op_create, 0 },
	{ "append", op_append, 0 },
	{ "open-trunc", op_open_trunc, 0 },
	{ "open-write", op_open_write, 0 },
	{ "truncate", op_truncate, 0 },
	{ "rename", op_rename, 1 },
	{ "unlink", op_unlink, 0 },
	{ "chmod", op_chmod, 0 },
	{ "fchmod", op_fchmod, 0 },
	{ "chown", op_chown, 0 },
	{ "utime", op_utime, 0 },
	{ "link", op_link, 1 },
	{ "symlink", op_symlink, 1 },
	{ "mkdir", op_mkdir, 0 },
	{ "rmdir", op_rmdir, 0 },
	{ "mknod", op_mknod, 0 },
	{ "setxattr", op_setxattr, 0 },
	{ "write", op_write, 0 },
	{ "pwrite", op_pwrite, 0 },
	{ "writev", op_writev, 0 },
	{ "pwritev", op_pwritev, 0 },
	{ "fallocate", op_fallocate, 0 },
	{ "ftruncate", op_ftruncate, 0 },
	{ "mmap", op_mmap, 0 },
	{ "many", op_many, 0 },
	{ "sendfile", op_sendfile, 1 },
	{ "splice", op_splice, 0 },
	{ "copy", op_copy, 1 },
	{ "read", op_read, 0 },
	{ "stdout", op_stdout, 0 },
};

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(argv[1], ops[i].name))
			continue;
		if (ops[i].needs_other && argc < 4)
			return 2;
		if (ops[i].run(argv[2], argc > 3 ? argv[3] : NULL) >= 0)
			return 0;
		fprintf(stderr, "act_write: %s: %s\n", argv[1],
			strerror(errno));
		return 1;
	}
	return 2;
}
