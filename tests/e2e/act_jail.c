// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a program in a mount namespace of its own, with a directory mounted
 * somewhere else and the root changed to it:
 *
 *   act_jail FROM AT PROGRAM [ARG…]
 *
 * FROM is bound at AT (or "tmpfs": an empty file system that nobody else
 * sees), then chroot(AT), and PROGRAM is a path inside. The namespace, and
 * the mount with it, goes when the program ends: nothing to clean up.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int failed(const char *what)
{
	fprintf(stderr, "act_jail: %s: %s\n", what, strerror(errno));
	return 1;
}

static int mount_at(const char *from, const char *at)
{
	if (!strcmp(from, "tmpfs"))
		return mount("tmpfs", at, "tmpfs", 0, "size=4m");
	return mount(from, at, NULL, MS_BIND | MS_REC, NULL);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	if (unshare(CLONE_NEWNS) < 0)
		return failed("unshare");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return failed("make private");
	if (mount_at(argv[1], argv[2]) < 0)
		return failed(argv[2]);
	if (chroot(argv[2]) < 0 || chdir("/") < 0)
		return failed("chroot");
	execv(argv[3], argv + 3);
	return failed(argv[3]);
}
