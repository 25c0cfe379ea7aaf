/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a reader goes on: whose the directory is, and which segment comes next
 * in it. The one idea: what is not a segment of the journal to be believed is as
 * if it were not there, wherever it stands and whenever it came.
 */
#include "store/reader_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/identity.h"
#include "store/locate.h"

/* The segment before the one that holds r->next, so that it is opened next. */
void reader_go_before(struct reader *r, const struct dir_list *l)
{
	size_t i;

	reader_leave_segment(r);
	r->segment = 0;
	r->leapt = 0;
	if (!l->n || !r->next)
		return;
	i = locate_seq(r->dirfd, l, r->next);
	r->segment = l->numbers[i] - 1;
}

/* Whose the directory is; a reader that has handed nothing out is of that. */
int reader_know_id(struct reader *r, struct dir_list *l)
{
	int err = identity_find(r->dirfd, l);

	if (err < 0 || !l->whose.is_known)
		return err;
	r->here = l->whose;
	if (!r->has_id)
		memcpy(r->id, l->whose.id, sizeof(r->id));
	r->has_id = true;
	return 0;
}

/*
 * Ask anew whose the directory is, for a segment that is not of it: as
 * is_segment.
 */
static int look_whose(struct reader *r, const struct journal_segment_header *h,
		      bool *ret_news)
{
	struct identity now;
	int err = identity_of(r->dirfd, &now);

	if (err < 0 || !now.is_known)
		return err;
	*ret_news = !r->here.is_known || !identity_has(&r->here, now.id);
	/* What it promises now may not have been there when we listed. */
	now.state_seq = *ret_news ? 0 : r->here.state_seq;
	r->here = now;
	return identity_takes(&now, h);
}

/*
 * 0: not readable as a whole, or another journal's, or with numbers that nobody
 * got by counting: as if it were not there. To pass it, or take ours for
 * finished, would let anybody's file hide what the writer goes on with.
 * *ret_news: the directory is another journal's than it was, so what was said
 * of others before does not hold.
 */
static int is_segment(struct reader *r, uint64_t number, bool *ret_news)
{
	struct scan s = SCAN_INIT;
	int err = scan_open(&s, r->dirfd, number);
	struct journal_segment_header h = s.header;

	scan_close(&s);
	if (err == -ENOENT || err == -EBADMSG || err == -ENOTSUP ||
	    err == -ELOOP)
		return 0;
	if (err < 0)
		return err;
	if (r->here.is_known && identity_takes(&r->here, &h))
		return 1;
	return look_whose(r, &h, ret_news);
}

/*
 * Of the list, the first one behind ours in *ret, and the one behind that in
 * r->after. -EAGAIN: whose the directory is was not known right.
 */
static int look_through(struct reader *r, const struct dir_list *l,
			uint64_t *ret, bool *ret_oldest)
{
	bool news = false;
	size_t i;
	int err;

	*ret = 0;
	*ret_oldest = true;
	r->after = 0;
	for (i = 0; i < l->n && !r->after; i++) {
		if (!*ret && l->numbers[i] <= r->segment) {
			*ret_oldest = false;
			continue;
		}
		err = is_segment(r, l->numbers[i], &news);
		if (err < 0 || news)
			return err < 0 ? err : -EAGAIN;
		if (!err)
			continue;
		if (*ret)
			r->after = l->numbers[i];
		else
			*ret = l->numbers[i];
	}
	return 0;
}

/*
 * The numbers of segments younger than ours: the least in *ret (0: none) and
 * whether it is the oldest of all. Most calls end at the directory's time.
 */
int reader_find_younger(struct reader *r, uint64_t *ret, bool *ret_oldest)
{
	cleanup_dir_list struct dir_list l = { 0 };
	int64_t now = clock_wall_ns(), changed;
	struct stat st;
	int err;

	*ret = 0;
	*ret_oldest = false;
	if (fstat(r->dirfd, &st) < 0)
		return -errno;
	changed = (int64_t)st.st_mtim.tv_sec * (int64_t)NS_PER_S +
		  st.st_mtim.tv_nsec;
	/*
	 * Unchanged since a listing that was well after the change: the time's
	 * grain is some milliseconds, so a fresh one proves nothing.
	 */
	if (st.st_mtim.tv_sec == r->listed_mtime.tv_sec &&
	    st.st_mtim.tv_nsec == r->listed_mtime.tv_nsec &&
	    r->listed_ns - changed > (int64_t)NS_PER_S &&
	    now - changed > (int64_t)NS_PER_S)
		return 0;
	err = dir_list(r->dirfd, &l);
	if (err < 0)
		return err;
	err = look_through(r, &l, ret, ret_oldest);
	if (err == -EAGAIN)
		err = look_through(r, &l, ret, ret_oldest);
	if (err < 0)
		return err == -EAGAIN ? 0 : err;
	r->listed_ns = *ret ? 0 : now;
	r->listed_mtime = st.st_mtim;
	return 0;
}

/* Our directory is not what its name shows any more: look there. */
int reader_follow_directory(struct reader *r)
{
	cleanup_dir_list struct dir_list l = { 0 };
	cleanup_close int fd = -1;
	struct stat ours, shown;
	int err;

	if (fstat(r->dirfd, &ours) < 0)
		return -errno;
	if (stat(r->dir, &shown) < 0 ||
	    (ours.st_ino == shown.st_ino && ours.st_dev == shown.st_dev))
		return 0;
	fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (r->is_watched)
		watch_set(&r->watch, r->dir);
	err = dir_list(fd, &l);
	if (err < 0)
		return err;
	(void)close(r->dirfd);
	r->dirfd = steal_fd(&fd);
	r->listed_ns = 0;
	err = reader_know_id(r, &l);
	if (err < 0)
		return err;
	/* Numbers of one journal say nothing of another's. */
	if (!identity_has(&r->here, r->id))
		r->next = 0;
	reader_go_before(r, &l);
	return 1;
}
