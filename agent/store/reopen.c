/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal's directory that is removed or replaced while it is written. The
 * one idea: writing to an unlinked file succeeds, so ask now and then whether
 * what we hold is what its name shows; if not, everything that was not sealed
 * is still in the ring and goes into a new segment wherever the name leads.
 *
 * The epoch stays: this process gave the numbers and gives none twice. It
 * never writes into another journal's directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/identity.h"
#include "store/journal_parts.h"
#include "store/lock.h"
#include "store/scan.h"

int reopen_check(struct journal *j)
{
	struct stat ours, shown, seg, lock;

	j->what = "look at directory";
	if (stat(j->dir, &shown) < 0 || fstat(j->dirfd, &ours) < 0 ||
	    fstat(j->seg.fd, &seg) < 0 || fstat(j->lockfd, &lock) < 0)
		return -errno;
	if (ours.st_ino != shown.st_ino || ours.st_dev != shown.st_dev) {
		j->what = "directory replaced";
		return -ESTALE;
	}
	if (!seg.st_nlink) {
		j->what = "segment removed";
		return -ESTALE;
	}
	if (!lock.st_nlink) {
		j->what = "lock removed";
		return -ESTALE;
	}
	return 0;
}

/* Ours, or nobody's: -ESTALE if other segments than ours are in it. */
static int check_owner(struct journal *j, int dirfd, struct dir_list *ret)
{
	cleanup_dir_list struct dir_list l = { 0 };
	struct state st;
	int r;

	r = dir_list(dirfd, &l);
	if (r < 0)
		return r;
	j->what = "directory holds another journal";
	r = state_load(dirfd, &st);
	if (r == -ENOENT && !l.n)
		r = 0;
	else if (r == -ENOENT || r == -EBADMSG)
		r = -ESTALE;
	else if (r >= 0 &&
		 (memcmp(st.id, j->id, sizeof(st.id)) || st.epoch > j->epoch))
		r = -ESTALE;
	if (r < 0)
		return r;
	r = identity_find(dirfd, &l);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct dir_list){ 0 };
	return 0;
}

static int save_state(struct journal *j, int dirfd, uint64_t number)
{
	struct state st = {
		.epoch = j->epoch,
		.segment = number,
		.seq = j->sealed_seq + 1,
		.oldest = j->saved.oldest,
	};

	memcpy(st.id, j->id, sizeof(st.id));
	j->saved = st;
	j->what = "write state";
	return state_save(dirfd, &st, j->settings.file_mode);
}

/* What is in the directory now becomes what we remember of it. */
static int take_over(struct journal *j, int dirfd, const struct dir_list *l)
{
	struct seg_info *infos, *before;
	int r;

	j->what = "list segments";
	r = recover_infos(dirfd, l, &infos);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&j->lock);
	before = j->infos;
	j->infos = infos;
	j->n_infos = l->n;
	j->cut_bytes = l->cut_bytes;
	(void)pthread_mutex_unlock(&j->lock);
	free(before);
	return 0;
}

static int open_dir(struct journal *j, int *ret_dirfd, int *ret_lockfd)
{
	mode_t mode = j->settings.file_mode;
	cleanup_close int dirfd = -1, lockfd = -1;
	struct stat ours, shown, lock;
	char aside[64];
	int holder, r;

	j->what = "open directory";
	if (mkdir(j->dir, 0700) == 0)
		(void)chmod(j->dir, (mode | (mode & 0444) >> 2) | 0700);
	dirfd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || fstat(dirfd, &shown) < 0 ||
	    fstat(j->dirfd, &ours) < 0 || fstat(j->lockfd, &lock) < 0)
		return -errno;
	/* The same place and the same lock: it is held already. */
	if (lock.st_nlink && ours.st_ino == shown.st_ino &&
	    ours.st_dev == shown.st_dev) {
		*ret_dirfd = steal_fd(&dirfd);
		*ret_lockfd = -1;
		return 0;
	}
	j->what = "lock";
	r = lock_take(dirfd, &lockfd, &holder, aside);
	if (r < 0)
		return r;
	*ret_dirfd = steal_fd(&dirfd);
	*ret_lockfd = steal_fd(&lockfd);
	return 0;
}

/*
 * The segment that was written until now, to be read: by its name where the
 * directory came back with it (a disk that was mounted again), else what we
 * hold, which may have no name any more.
 */
static int open_before(const struct journal *j, int dirfd)
{
	struct journal_segment_header h;
	char name[SEGMENT_NAME_MAX];
	int fd;

	fd = openat(dirfd, segment_name(j->seg.header.number, "seg", name),
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && segment_read_header(fd, &h) >= 0 &&
	    !memcmp(h.salt, j->seg.header.salt, sizeof(h.salt)))
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return fcntl(j->seg.fd, F_DUPFD_CLOEXEC, 0);
}

/* Up to `end`; their bytes are the same here, for the salt is. */
static int copy_descriptions(struct journal *j, struct scan *from, uint64_t end)
{
	struct journal_frame_header h;
	struct scan_hit hit;
	struct iovec v[2];
	int r;

	while ((r = scan_next(from, &hit)) > 0 && hit.off < end) {
		if (hit.frame.type != JOURNAL_DESCRIPTION)
			continue;
		frame_encode(j->seg.key, &hit.frame, &h);
		v[0] = (struct iovec){ &h, sizeof(h) };
		v[1] = (struct iovec){ (void *)(uintptr_t)hit.frame.payload.p,
				       hit.frame.payload.n };
		r = segment_write(&j->seg, v, 2);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

/*
 * What is not sealed yet speaks of images that only the old segment
 * describes, and a segment stands alone. Sealed at once: it is not in the
 * ring. Where this fails those events are there and of unknown processes.
 */
static void bring_descriptions(struct journal *j, struct scan *from,
			       uint64_t end)
{
	int r = 0;

	if (j->ring.tail < j->ring.head)
		r = copy_descriptions(j, from, end);
	if (r >= 0)
		r = segment_sync(&j->seg);
	if (r >= 0)
		r = segment_seal(&j->seg, j->sealed_seq, 0, clock_wall_ns());
	if (r < 0)
		segment_rewind(&j->seg);
}

static int go_on(struct journal *j, const struct segment_plan *plan)
{
	struct scan before = SCAN_INIT;
	uint64_t end = j->seg.off;
	int r;

	before.fd = open_before(j, j->dirfd);
	before.header = j->seg.header;
	before.key = j->seg.key;
	before.off = JOURNAL_HEADER_AREA;
	r = writer_create(j, plan);
	if (r >= 0 && before.fd >= 0)
		bring_descriptions(j, &before, end);
	scan_close(&before);
	return r;
}

int reopen(struct journal *j)
{
	cleanup_close int dirfd = -1, lockfd = -1;
	cleanup_dir_list struct dir_list l = { 0 };
	struct segment_plan plan = { .epoch = j->epoch };
	int r;

	r = open_dir(j, &dirfd, &lockfd);
	if (r < 0)
		return r;
	r = check_owner(j, dirfd, &l);
	if (r < 0)
		return r;
	/* A number of its own: who reads the removed one waits for a higher. */
	plan.number =
		dir_list_youngest(&l, j->seg.header.number,
				  j->seg.header.number + JOURNAL_SEGMENT_LEAP) +
		1;
	r = save_state(j, dirfd, plan.number);
	if (r < 0)
		return r;
	r = take_over(j, dirfd, &l);
	if (r < 0)
		return r;
	if (lockfd >= 0) {
		(void)close(j->lockfd);
		j->lockfd = steal_fd(&lockfd);
	}
	(void)close(j->dirfd);
	j->dirfd = steal_fd(&dirfd);

	/* The same salt: what is in the ring was encoded with it. */
	memcpy(plan.salt, j->seg.header.salt, sizeof(plan.salt));
	plan.first_seq = j->sealed_seq + 1;
	plan.wall_ns = clock_wall_ns();
	segment_final_sha(&j->seg, plan.previous_sha);
	r = go_on(j, &plan);
	if (r < 0)
		return r;
	j->shift = j->seg.header.number - j->number;
	(void)pthread_mutex_lock(&j->lock);
	j->stats.reopened++;
	j->stats.reopened_seq = plan.first_seq;
	/* Descriptions went with the old one: the next events bring theirs. */
	j->turn_wanted = true;
	(void)pthread_mutex_unlock(&j->lock);
	return 0;
}
