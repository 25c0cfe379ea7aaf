// SPDX-License-Identifier: Apache-2.0
/* Setting aside: see cut.h. */
#include "store/cut.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "store/segment.h"

static int fail(struct cuts *c, int r, const char *what)
{
	(void)snprintf(c->what, 256, "%s: %s", what, strerror(-r));
	return r;
}

static bool has_room(const struct cuts *c, uint64_t bytes)
{
	uint64_t most = c->settings->max_size / CUT_SHARE;

	return c->list->cuts < CUTS_MAX &&
	       (!most || c->list->cut_bytes + bytes <= most);
}

/* For the caller's report: the first, which is the newest segment's. */
static void note(struct cuts *c, const char *name, uint64_t bytes,
		 uint64_t weight)
{
	struct journal_opening *o = c->opening;

	c->list->cuts++;
	c->list->cut_bytes += weight;
	o->cut_bytes += bytes;
	if (!o->cut_file[0])
		(void)snprintf(o->cut_file, sizeof(o->cut_file), "%s", name);
}

static void cut_name(uint64_t number, uint64_t off, char buf[static 64])
{
	(void)snprintf(buf, 64, "%016" PRIu64 "-%016" PRIu64 ".cut", number,
		       off);
}

int cut_segment(struct cuts *c, uint64_t number)
{
	char from[SEGMENT_NAME_MAX], to[64];
	struct stat st;
	int r;

	segment_name(number, "seg", from);
	if (fstatat(c->dirfd, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, -errno, from);
	if (!has_room(c, segment_weight(&st)))
		return 0;
	cut_name(number, 0, to);
	if (renameat(c->dirfd, from, c->dirfd, to) < 0) {
		/* Made immutable: it stays, and readers pass it by. */
		if (errno == EPERM)
			return 0;
		return fail(c, -errno, from);
	}
	r = fs_sync_dir(c->dirfd);
	if (r < 0)
		return fail(c, r, "sync directory");
	note(c, to, (uint64_t)st.st_size, segment_weight(&st));
	return 0;
}

int cut_state(struct cuts *c)
{
	struct stat st;
	char to[64];
	int r;

	if (fstatat(c->dirfd, STATE_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, -errno, STATE_NAME);
	if (S_ISREG(st.st_mode) && !has_room(c, segment_weight(&st)))
		return 0;
	r = dir_set_aside(c->dirfd, STATE_NAME, to);
	if (r < 0)
		return fail(c, r, "set aside a damaged state");
	note(c, to, (uint64_t)st.st_size, segment_weight(&st));
	return 0;
}

/* What the torn tail takes on the disk, at most. */
static uint64_t tail_weight(const struct torn_tail *t)
{
	uint64_t bytes = t->size - t->end;
	struct stat st;

	if (fstat(t->from, &st) < 0 || segment_weight(&st) > bytes)
		return bytes;
	return segment_weight(&st);
}

static int copy_tail(struct cuts *c, const struct torn_tail *t,
		     const char *name)
{
	cleanup_close int fd = -1;
	char buf[16384];
	uint64_t at;
	int n, r;

	/* A cut that was itself cut off: the copy is made again. */
	(void)unlinkat(c->dirfd, name, 0);
	fd = openat(c->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	/* As many holes as it had: a stretched file has no room to be whole. */
	for (at = t->end; at < t->size; at += (uint64_t)n) {
		at = segment_past_hole(t->from, at);
		n = segment_pread(t->from, buf, sizeof(buf), at);
		if (n < 0)
			return n;
		if (!n)
			break;
		if (lseek(fd, (off_t)(at - t->end), SEEK_SET) < 0)
			return -errno;
		r = fs_write_all(fd, buf, (size_t)n);
		if (r < 0)
			return r;
	}
	if (ftruncate(fd, (off_t)(t->size - t->end)) < 0)
		return -errno;
	if (fchmod(fd, c->settings->file_mode) < 0 || fsync(fd) < 0)
		return -errno;
	return fs_sync_dir(c->dirfd);
}

int cut_tail(struct cuts *c, const struct torn_tail *t, int fd)
{
	uint64_t weight = tail_weight(t);
	char name[64];
	int r;

	if (!has_room(c, weight))
		return 0;
	cut_name(t->number, t->end, name);
	r = copy_tail(c, t, name);
	if (r < 0) {
		(void)unlinkat(c->dirfd, name, 0);
		return fail(c, r, "set aside a torn tail");
	}
	if (ftruncate(fd, (off_t)t->end) < 0 || fsync(fd) < 0)
		return fail(c, -errno, "cut a torn tail");
	note(c, name, t->size - t->end, weight);
	return 1;
}
