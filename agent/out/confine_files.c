/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock: what may be changed is the state directories and nothing else,
 * whatever the permissions of files say. Reading stays as it is, for name
 * resolution and TLS read files that differ from host to host.
 *
 * The kernel says how much of it it knows; numbers that the C library's
 * headers may be too old for are spelt out here.
 */
#include "out/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define FS_TRUNCATE  (1ull << 14)
#define FS_IOCTL_DEV (1ull << 15)
#define NET_BIND_TCP (1ull << 0)
#define SCOPE_SOCKET (1ull << 0) /* abstract unix sockets of others */
#define SCOPE_SIGNAL (1ull << 1) /* signals to others */

/* struct landlock_ruleset_attr as it is since ABI 6; older ones are its front. */
struct ruleset {
	uint64_t fs, net, scoped;
};

/* What is refused where no rule allows it, by the ABI that brought it. */
static const struct {
	int abi;
	struct ruleset handled;
	size_t size;
} versions[] = {
	{ 1,
	  { LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
		    LANDLOCK_ACCESS_FS_REMOVE_DIR |
		    LANDLOCK_ACCESS_FS_REMOVE_FILE |
		    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
		    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
		    LANDLOCK_ACCESS_FS_MAKE_FIFO |
		    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM,
	    0, 0 },
	  offsetof(struct ruleset, net) },
	{ 3, { FS_TRUNCATE, 0, 0 }, offsetof(struct ruleset, net) },
	{ 4, { 0, NET_BIND_TCP, 0 }, offsetof(struct ruleset, scoped) },
	{ 5, { FS_IOCTL_DEV, 0, 0 }, offsetof(struct ruleset, scoped) },
	{ 6, { 0, 0, SCOPE_SOCKET | SCOPE_SIGNAL }, sizeof(struct ruleset) },
};

/* A file is replaced by writing another and renaming it. */
#define IN_STATE_DIR                                                      \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_REG | FS_TRUNCATE)

static int make_ruleset(int abi, uint64_t *ret_fs)
{
	struct ruleset r = { 0, 0, 0 };
	size_t i, size = 0;
	long fd;

	for (i = 0; i < COUNT(versions) && versions[i].abi <= abi; i++) {
		r.fs |= versions[i].handled.fs;
		r.net |= versions[i].handled.net;
		r.scoped |= versions[i].handled.scoped;
		size = versions[i].size;
	}
	fd = syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (fd < 0)
		return -errno;
	*ret_fs = r.fs;
	return (int)fd;
}

static int allow_dir(int ruleset, const char *dir, uint64_t access)
{
	cleanup_close int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {
		.allowed_access = access,
		.parent_fd = fd,
	};

	if (fd < 0 || syscall(SYS_landlock_add_rule, ruleset,
			      LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

int confine_files(const char *const *dirs, size_t n)
{
	cleanup_close int ruleset = -1;
	uint64_t fs = 0;
	long abi;
	size_t i;
	int r;

	abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
		      LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	ruleset = make_ruleset((int)abi, &fs);
	if (ruleset < 0)
		return ruleset;
	for (i = 0; i < n; i++) {
		r = allow_dir(ruleset, dirs[i], IN_STATE_DIR & fs);
		if (r < 0)
			return r;
	}
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -errno;
	return (int)abi;
}

/* Where it leads; as it is given if that leads nowhere yet. Free it. */
static char *resolve(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : strdup(path);
}

bool confine_meets(const char *dir, const char *journal)
{
	cleanup_free char *d = resolve(dir), *j = resolve(journal);

	/* Without memory nothing goes on: the answer on the safe side. */
	return !d || !j || path_is_within(d, j) || path_is_within(j, d);
}
