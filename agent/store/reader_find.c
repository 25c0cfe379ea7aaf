/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a reader goes on: whose the directory is, and which segment comes next
 * in it. The one idea: what is not a segment of the journal to be believed is as
 * if it were not there, wherever it stands and whenever it came.
 */
#include "store/reader_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/identity.h"
#include "store/locate.h"

/* The segment before the one that holds r->next, so that it is opened next. */
void reader_go_before(struct reader *r)
{
	reader_leave_segment(r);
	r->segment = 0;
	r->leapt = 0;
	if (!r->here.n || !r->next)
		return;
	r->segment =
		r->here.numbers[locate_seq(r->dirfd, &r->here, r->next)] - 1;
}

void reader_forget(struct reader *r)
{
	r->here.n = 0;
	r->listed_ns = 0;
}

/* The list is ours from now on. */
static void take_list(struct reader *r, struct dir_list *l)
{
	dir_list_done_fn(&r->here);
	r->here = *l;
	*l = (struct dir_list){ 0 };
}

int reader_look(struct reader *r)
{
	cleanup_dir_list struct dir_list l = { 0 };
	int err;

	err = dir_list(r->dirfd, &l);
	if (err >= 0)
		err = identity_find(r->dirfd, &l);
	if (err < 0)
		return err;
	r->state_seq = l.whose.state_seq;
	take_list(r, &l);
	if (r->here.whose.is_known && !r->has_id) {
		memcpy(r->id, r->here.whose.id, sizeof(r->id));
		r->has_id = true;
	}
	return 0;
}

/*
 * What was said of the files in l when they were judged; what was trimmed since
 * is gone. -EAGAIN: there is one that was not; of the others l says it.
 */
static int remember(struct reader *r, struct dir_list *l)
{
	size_t i, k = 0, known = 0;

	l->heads = calloc(l->n + 1, sizeof(*l->heads));
	if (!l->heads)
		return -ENOMEM;
	for (i = 0; i < l->n; i++) {
		while (k < r->here.n && r->here.numbers[k] < l->numbers[i])
			k++;
		if (k == r->here.n || r->here.numbers[k] != l->numbers[i])
			continue;
		l->heads[i] = r->here.heads[k];
		known++;
	}
	if (known < l->n)
		return -EAGAIN;
	l->whose = r->here.whose;
	take_list(r, l);
	return 0;
}

bool reader_is_files(int err)
{
	return err == -ENOENT || err == -EBADMSG || err == -ENOTSUP ||
	       err == -ELOOP;
}

/* Judge anew: with another journal's identity nothing said of ours holds. */
static int judge(struct reader *r, struct dir_list *l)
{
	int err = identity_find(r->dirfd, l);

	if (err < 0)
		return err;
	if (r->here.whose.is_known &&
	    !identity_has(&r->here.whose, l->whose.id))
		r->state_seq = 0;
	take_list(r, l);
	return 0;
}

/*
 * What is not readable as a whole, or another journal's, or has numbers that
 * nobody got by counting, is as if it were not there. To pass it, or take ours
 * for finished, would let anybody's file hide what the writer goes on with.
 */
static int look_through(struct reader *r, struct younger *ret)
{
	const struct dir_list *l = &r->here;
	size_t i;
	int error;

	*ret = (struct younger){ .is_oldest = true };
	r->has_after = false;
	for (i = 0; i < l->n && !r->has_after; i++) {
		const struct segment_head *h = &l->heads[i];

		if (!ret->number && l->numbers[i] <= r->segment) {
			ret->is_oldest = false;
			continue;
		}
		error = h->error;
		if (error < 0 && !reader_is_files(error)) {
			reader_forget(r);
			return error;
		}
		if (!h->is_ours)
			continue;
		r->has_after = ret->number;
		if (r->has_after)
			continue;
		ret->number = l->numbers[i];
		ret->in_order = h->order != OUT_OF_ORDER;
	}
	/* What cannot be read may be whole when it is listed next. */
	if (!ret->number && l->n && l->heads[l->n - 1].error < 0)
		reader_forget(r);
	return 0;
}

/* Most calls end at the directory's time. */
int reader_find_younger(struct reader *r, struct younger *ret)
{
	cleanup_dir_list struct dir_list l = { 0 };
	int64_t now = clock_wall_ns(), changed;
	struct stat st;
	int err;

	*ret = (struct younger){ 0 };
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
	if (err >= 0)
		err = remember(r, &l);
	if (err == -EAGAIN)
		err = judge(r, &l);
	if (err >= 0)
		err = look_through(r, ret);
	if (err < 0)
		return err;
	r->listed_ns = ret->number ? 0 : now;
	r->listed_mtime = st.st_mtim;
	return 0;
}

uint64_t reader_bound(const struct reader *r, uint64_t segment)
{
	const struct dir_list *l = &r->here;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (l->numbers[i] <= segment || l->heads[i].order != IN_ORDER)
			continue;
		/* In another epoch numbers may be given again. */
		return l->heads[i].epoch == r->epoch ? l->heads[i].first_seq
						     : JOURNAL_SEQ_MAX;
	}
	return JOURNAL_SEQ_MAX;
}

/* Our directory is not what its name shows any more: look there. */
int reader_follow_directory(struct reader *r)
{
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
	(void)close(r->dirfd);
	r->dirfd = steal_fd(&fd);
	r->listed_ns = 0;
	err = reader_look(r);
	if (err < 0)
		return err;
	/* Numbers of one journal say nothing of another's. */
	if (!identity_has(&r->here.whose, r->id))
		r->next = 0;
	reader_go_before(r);
	return 1;
}
