/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/second_look.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Since 5.12; older headers and kernels do not know it. */
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

static bool open_root_of(const char *procfs, const char *who,
			 struct second_look_from *ret)
{
	char path[PATH_MAX];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s/ns/mnt", procfs, who);
	if (stat(path, &st) < 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s/%s/root", procfs, who);
	ret->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ret->mnt_ns = (unsigned)st.st_ino;
	return ret->root_fd >= 0;
}

void second_look_open(const char *procfs, struct second_look_from *ret)
{
	ret->root_fd = -1;
	if (!open_root_of(procfs, "1", ret))
		(void)open_root_of("/proc", "self", ret);
}

void second_look_close(struct second_look_from *from)
{
	if (from->root_fd >= 0)
		(void)close(from->root_fd);
	from->root_fd = -1;
}

/*
 * Not through links of /proc: they would be our own. O_PATH opens nothing,
 * and what only the cache is asked for mounts nothing.
 */
static int open_cached(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_CACHED | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_IN_ROOT,
	};

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

/* Where a descriptor's file is; 0: nowhere that has a name. */
static size_t place_of(int fd, char out[static PATH_MAX])
{
	char link[40];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX);
	/* "(unreachable)/…", and what was deleted or is too long. */
	if (n <= 0 || n >= PATH_MAX || out[0] != '/')
		return 0;
	return (size_t)n;
}

struct slice second_look(const struct second_look_from *from, struct slice path,
			 bool follow, char out[static SECOND_LOOK_MAX])
{
	const struct slice unknown = { NULL, 0 };
	char copy[PATH_MAX];
	cleanup_close int fd = -1;
	const char *last;
	size_t n, rest = 0;

	if (from->root_fd < 0 || path.n < 2 || path.n >= sizeof(copy) ||
	    path.p[0] != '/' || memchr(path.p, '\0', path.n))
		return unknown;
	memcpy(copy, path.p, path.n);
	copy[path.n] = '\0';
	fd = follow ? open_cached(from->root_fd, copy) : -1;
	if (fd < 0) {
		last = strrchr(copy, '/');
		rest = path.n - (size_t)(last - copy);
		copy[last == copy ? 1 : last - copy] = '\0';
		fd = open_cached(from->root_fd, copy);
	}
	if (fd < 0)
		return unknown;
	n = place_of(fd, out);
	if (!n)
		return unknown;
	/* The root's own name is the slash that the rest begins with. */
	if (n == 1 && rest)
		n = 0;
	memcpy(out + n, path.p + path.n - rest, rest);
	n += rest;
	if (n == path.n && memcmp(out, path.p, n) == 0)
		return unknown;
	return slice_of(out, n);
}
