// SPDX-License-Identifier: Apache-2.0
/*
 * The file is opened by its name in the host's tree, a directory at a time and
 * through no link (the kernel's names have none), and must be the inode that
 * was used, unchanged, before it is read and after. Of its device the
 * superblock's number is compared, which stat does not tell on btrfs and
 * overlay: mountinfo does, by the mount's id.
 */
#include "trust/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "limits.h"

#define CHUNK (64u << 10)

struct mount_dev {
	uint64_t id;
	uint32_t dev;
};

struct examiner {
	struct examiner_settings s;
	FILE *mountinfo; /* NULL: devices are not compared */
	struct mount_dev *mounts;
	size_t n_mounts;
	EVP_MD_CTX *md5, *sha256;
	bool has_md5;
	uint8_t chunk[CHUNK];
};

int examiner_new(const struct examiner_settings *s, struct examiner **ret)
{
	struct examiner *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->s = *s;
	e->mountinfo = fopen(s->mountinfo, "re");
	e->md5 = EVP_MD_CTX_new();
	e->sha256 = EVP_MD_CTX_new();
	if (!e->md5 || !e->sha256) {
		examiner_free(e);
		return -ENOMEM;
	}
	e->has_md5 = EVP_DigestInit_ex(e->md5, EVP_md5(), NULL) == 1;
	*ret = e;
	return 0;
}

void examiner_free(struct examiner *e)
{
	if (!e)
		return;
	if (e->mountinfo)
		(void)fclose(e->mountinfo);
	free(e->mounts);
	EVP_MD_CTX_free(e->md5);
	EVP_MD_CTX_free(e->sha256);
	free(e);
}

/* ---- devices ------------------------------------------------------------ */

static int read_mounts(struct examiner *e)
{
	cleanup_free char *line = NULL;
	size_t cap = 0, room = 0;

	e->n_mounts = 0;
	rewind(e->mountinfo);
	while (getline(&line, &cap, e->mountinfo) > 0) {
		unsigned long long id;
		unsigned major, minor;

		if (sscanf(line, "%llu %*u %u:%u", &id, &major, &minor) != 3)
			continue;
		if (e->n_mounts >= room) {
			struct mount_dev *grown;

			room = room ? room * 2 : 64;
			grown = reallocarray(e->mounts, room, sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			e->mounts = grown;
		}
		e->mounts[e->n_mounts++] =
			(struct mount_dev){ id, major << 20 | minor };
	}
	return 0;
}

/* Readable as urgent once the mounts have changed since they were read. */
static bool mounts_changed(struct examiner *e)
{
	struct pollfd p = { .fd = fileno(e->mountinfo), .events = POLLPRI };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLPRI | POLLERR));
}

static bool is_on_device(struct examiner *e, const struct statx *st,
			 uint32_t dev)
{
	if (!e->mountinfo || !(st->stx_mask & STATX_MNT_ID))
		return (st->stx_dev_major << 20 | st->stx_dev_minor) == dev;
	if ((!e->n_mounts || mounts_changed(e)) && read_mounts(e) < 0)
		return false;
	for (size_t i = 0; i < e->n_mounts; i++)
		if (e->mounts[i].id == st->stx_mnt_id)
			return e->mounts[i].dev == dev;
	return false;
}

/* ---- the way ------------------------------------------------------------ */

static uint8_t writers(const struct statx *st)
{
	uint8_t who = 0;

	if (st->stx_mode & S_IWOTH)
		who |= WRITABLE_OTHERS;
	/* What an ACL grants at most stands in the group's bits. */
	if ((st->stx_mode & S_IWGRP) && st->stx_gid)
		who |= WRITABLE_GROUP;
	if (st->stx_uid)
		who |= WRITABLE_USER;
	return who;
}

static int look(int fd, struct statx *st)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		     STATX_BASIC_STATS | STATX_MNT_ID, st) < 0
		       ? -errno
		       : 0;
}

/* -ELOOP where a link is on the way. The descriptor is for reading. */
static int walk(struct examiner *e, struct slice path, uint8_t *ret_writable)
{
	cleanup_close int at = dup(e->s.root_fd);
	char name[NAME_MAX + 1];
	size_t i = 0, end;
	struct statx st;
	int fd, r;

	for (;;) {
		r = at < 0 ? -errno : look(at, &st);
		if (r < 0)
			return r;
		*ret_writable |= writers(&st);
		while (i < path.n && path.p[i] == '/')
			i++;
		for (end = i; end < path.n && path.p[end] != '/'; end++)
			;
		if (end == i || end - i > NAME_MAX)
			return -ENOENT;
		memcpy(name, path.p + i, end - i);
		name[end - i] = '\0';
		i = end;
		/* Not waiting for a pipe's writer, nor for a lease's holder. */
		fd = openat(at, name,
			    end < path.n ? O_PATH | O_DIRECTORY | O_NOFOLLOW |
						   O_CLOEXEC
					 : O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
						   O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (end >= path.n)
			return fd;
		(void)close(at);
		at = fd;
	}
}

static int64_t in_ns(struct statx_timestamp t)
{
	return t.tv_sec * (int64_t)NS_PER_S + t.tv_nsec;
}

static bool is_same(struct examiner *e, const struct statx *st,
		    const struct file_id *id)
{
	return st->stx_ino == id->ino && st->stx_size == id->size &&
	       in_ns(st->stx_mtime) == id->mtime_ns &&
	       in_ns(st->stx_ctime) == id->ctime_ns &&
	       is_on_device(e, st, id->dev);
}

/* ---- the content -------------------------------------------------------- */

static void rest(const struct examiner *e, size_t n)
{
	uint64_t ns = e->s.rate ? n * NS_PER_S / e->s.rate : 0;
	struct timespec t = { .tv_sec = (time_t)(ns / NS_PER_S),
			      .tv_nsec = (long)(ns % NS_PER_S) };

	if (ns)
		(void)nanosleep(&t, NULL);
}

static enum hash_state read_all(struct examiner *e, int fd, struct digests *d)
{
	uint64_t total = 0;
	ssize_t n;

	if (EVP_DigestInit_ex(e->sha256, EVP_sha256(), NULL) != 1)
		return HASH_FAILED;
	if (e->has_md5)
		(void)EVP_DigestInit_ex(e->md5, EVP_md5(), NULL);
	while ((n = read(fd, e->chunk, sizeof(e->chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (e->s.stop && *e->s.stop))
			return HASH_FAILED;
		total += (uint64_t)n;
		/* It grew meanwhile, perhaps for ever. */
		if (total > e->s.max_size)
			return HASH_TOO_LARGE;
		(void)EVP_DigestUpdate(e->sha256, e->chunk, (size_t)n);
		if (e->has_md5)
			(void)EVP_DigestUpdate(e->md5, e->chunk, (size_t)n);
		rest(e, (size_t)n);
	}
	if (EVP_DigestFinal_ex(e->sha256, d->sha256, NULL) != 1)
		return HASH_FAILED;
	d->has_md5 =
		e->has_md5 && EVP_DigestFinal_ex(e->md5, d->md5, NULL) == 1;
	d->known = true;
	return HASH_DONE;
}

static enum hash_state look_inside(struct examiner *e, int fd,
				   struct examination *x)
{
	struct statx st;
	enum hash_state h;

	if (look(fd, &st) < 0)
		return HASH_FAILED;
	if (!S_ISREG(st.stx_mode) || !is_same(e, &st, &x->id))
		return HASH_CHANGED;
	x->facts.writable |= writers(&st);
	if (x->digests.known)
		return HASH_DONE;
	if (st.stx_size > e->s.max_size)
		return HASH_TOO_LARGE;
	h = read_all(e, fd, &x->digests);
	if (h != HASH_DONE)
		return h;
	if (look(fd, &st) < 0 || !is_same(e, &st, &x->id)) {
		x->digests.known = false;
		return HASH_CHANGED;
	}
	return HASH_DONE;
}

void examine(struct examiner *e, struct examination *x)
{
	cleanup_close int fd = -1;

	x->facts = (struct file_facts){ .known = true };
	fd = walk(e, x->path, &x->facts.writable);
	if (fd < 0)
		x->facts.hash = fd == -ENOENT || fd == -ENOTDIR ? HASH_GONE
				: fd == -ELOOP			? HASH_CHANGED
								: HASH_FAILED;
	else
		x->facts.hash = look_inside(e, fd, x);
	if (x->facts.hash == HASH_DONE)
		memcpy(x->facts.sha256, x->digests.sha256,
		       sizeof(x->facts.sha256));
}

/* ---- packages ----------------------------------------------------------- */

static bool is_as_packaged(const struct trust_db_file *f,
			   const struct digests *d)
{
	if (f->algo == TRUST_ALGO_SHA256)
		return !memcmp(f->digest, d->sha256, sizeof(d->sha256));
	return f->algo == TRUST_ALGO_MD5 && d->has_md5 &&
	       !memcmp(f->digest, d->md5, sizeof(d->md5));
}

enum trust_state judge_trust(const struct trust_db *db,
			     const struct examination *x, uint32_t *ret_package)
{
	const struct trust_db_file *f;
	size_t n = trust_db_find(db, x->path, &f), proved = 0;

	*ret_package = n ? f->package : UINT32_MAX;
	if (!n)
		return TRUST_UNPACKAGED;
	/* Too large, unreadable, gone, replaced: what ran was not seen. */
	if (x->facts.hash != HASH_DONE)
		return TRUST_UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		proved += f[i].algo == TRUST_ALGO_SHA256 ||
			  (f[i].algo == TRUST_ALGO_MD5 && x->digests.has_md5);
		if (!is_as_packaged(&f[i], &x->digests))
			continue;
		*ret_package = f[i].package;
		return x->facts.writable ? TRUST_WRITABLE : TRUST_PACKAGE;
	}
	return proved ? TRUST_CHANGED : TRUST_UNPROVED;
}
