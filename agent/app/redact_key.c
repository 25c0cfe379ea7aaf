// SPDX-License-Identifier: Apache-2.0
/*
 * A key that others can read hides nothing, so it is refused, not mended: who
 * distributed it so has to know. That a disk is read-only is no reason to see
 * nothing.
 */
#include "app/redact_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/exit_codes.h"
#include "base/fs.h"
#include "base/hex.h"
#include "base/log.h"

#define KEY_MIN	      32
#define KEY_FILE_MAX  4096
#define NOTHING_WRONG ""

static int make_random(uint8_t key[static 32])
{
	return getrandom(key, 32, 0) == 32 ? 0 : -EIO;
}

/* The directory that the file is in, open; *ret_name: its name there. */
static int open_parent(const char *path, const char **ret_name)
{
	cleanup_free char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int fd, r;

	if (!dir)
		return -ENOMEM;
	if (!slash)
		return -EINVAL;
	*ret_name = path + (slash - dir) + 1;
	slash[slash == dir] = '\0';
	r = fs_mkdir_all(dir, 0755);
	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make_file(const char *path)
{
	cleanup_close int dirfd = -1;
	uint8_t key[32];
	char text[66];
	const char *name;
	int r;

	r = make_random(key);
	if (r < 0)
		return r;
	dirfd = open_parent(path, &name);
	if (dirfd < 0)
		return dirfd;
	(void)hex_print(key, 32, text);
	text[64] = '\n';
	return fs_replace(dirfd, name, text, 65, 0600);
}

/* What makes the file no key; empty: nothing. */
static const char *wrong_with(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "belongs to somebody else";
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return "may be read or written by others: its mode must be "
		       "0600 or less";
	return NOTHING_WRONG;
}

/* 0; -EINVAL and *ret_wrong; or the -errno of what failed. */
static int read_file(const char *path, struct redact_key *ret,
		     const char **ret_wrong)
{
	cleanup_close int fd = -1;
	char text[KEY_FILE_MAX];
	struct stat st;
	ssize_t n;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret_wrong = wrong_with(&st);
	if (**ret_wrong)
		return -EINVAL;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return -errno;
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (n < KEY_MIN) {
		*ret_wrong = "holds less than 32 bytes";
		return -EINVAL;
	}
	if (EVP_Digest(text, (size_t)n, ret->bytes, NULL, EVP_sha256(), NULL) !=
	    1)
		return -ENOMEM;
	explicit_bzero(text, sizeof(text));
	return 0;
}

int redact_key_load(const char *path, struct redact_key *ret)
{
	const char *wrong = "";
	int r = -ENOENT;

	if (*path) {
		r = read_file(path, ret, &wrong);
		if (r == -ENOENT) {
			r = make_file(path);
			if (r >= 0)
				r = read_file(path, ret, &wrong);
		}
		if (r == -ELOOP)
			wrong = "is a link";
	}
	if (r >= 0)
		return EXIT_CODE_OK;
	if (*wrong) {
		log_error("key of redacted values '%s' %s", path, wrong);
		return EXIT_CODE_CONFIG;
	}
	if (*path)
		log_warning("cannot read or make the key of redacted values "
			    "'%s': %s; using one that ends with this process",
			    path, strerrordesc_np(-r));
	r = make_random(ret->bytes);
	if (r >= 0)
		return EXIT_CODE_OK;
	log_error("cannot make a key of redacted values: %s",
		  strerrordesc_np(-r));
	return EXIT_CODE_FAILURE;
}
