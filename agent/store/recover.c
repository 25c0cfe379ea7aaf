/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a journal that somebody else wrote last. The one idea: nothing that
 * can be read is given up, and nothing that cannot is thrown away; and the
 * epoch is durable before anything is written in it, so that no name is
 * given twice whatever was lost.
 */
#include "store/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "store/cut.h"
#include "store/identity.h"
#include "store/scan.h"

/*
 * Without a readable state file the newest epoch is known from what segments
 * are left, and one of them may be gone: leave room for it.
 */
#define EPOCHS_UNKNOWN 256

struct job {
	int dirfd;
	const struct journal_settings *settings;
	struct recovery *out;
	struct dir_list list;
	struct cuts cuts;
	struct state state;
	bool has_state;
	char *what;
};

/* What a walk over the last segment found. */
struct last {
	struct scan scan;
	uint64_t number;
	uint64_t end; /* behind the last valid frame */
	uint64_t size;
	uint64_t next_seq;
	uint64_t skip_from, skip_to; /* the last numbers that nothing has */
	uint64_t seal_off;	     /* 0: none */
	struct journal_seal seal;
	bool ends_in_seal;
	bool is_fixed; /* nobody may write to it */
	struct segment_times times;
	int64_t wall_ns;
};

static int fail(struct job *j, int r, const char *what)
{
	(void)snprintf(j->what, 256, "%s: %s", what, strerror(-r));
	return r;
}

int recover_infos(int dirfd, const struct dir_list *l, struct seg_info **ret)
{
	cleanup_free struct seg_info *infos = NULL;
	struct journal_segment_header h;
	char name[SEGMENT_NAME_MAX];
	struct stat st;
	size_t i;

	infos = calloc(l->n + 1, sizeof(*infos));
	if (!infos)
		return -ENOMEM;
	for (i = 0; i < l->n; i++) {
		cleanup_close int fd = -1;

		infos[i].number = l->numbers[i];
		fd = openat(dirfd, segment_name(l->numbers[i], "seg", name),
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0 || fstat(fd, &st) < 0)
			return -errno;
		infos[i].bytes = segment_weight(&st);
		/* A number that does not fit is no end of the one before. */
		if (l->heads[i].order != IN_ORDER ||
		    segment_read_header(fd, &h) < 0)
			continue;
		infos[i].first_seq = h.first_seq;
		infos[i].wall_ns = h.wall_ns;
	}
	/* One without a header of ours counts as empty before the next one. */
	for (i = l->n; i-- > 0;) {
		if (infos[i].first_seq || i + 1 == l->n)
			continue;
		infos[i].first_seq = infos[i + 1].first_seq;
		infos[i].wall_ns = infos[i + 1].wall_ns;
	}
	*ret = steal_ptr(infos);
	return 0;
}

/* What follows the last valid frame goes, if there is room to keep it. */
static int cut_torn_end(struct job *j, struct last *l, int fd)
{
	const struct torn_tail tail = {
		.number = l->number,
		.end = l->end,
		.size = l->size,
		.from = l->scan.fd,
	};
	int r = cut_tail(&j->cuts, &tail, fd);

	if (r > 0)
		l->size = l->end;
	return r;
}

/*
 * A clean run goes on in the segment of the one before, or a journal that is
 * opened often would be many small segments and reach its bound in number
 * long before it reaches it in size.
 */
static bool has_room(const struct job *j, const struct last *l)
{
	return l->size < j->settings->segment_size / 2;
}

/*
 * Make the last segment durable and finished, and take the SHA of its last
 * link. A clean one, or one whose tail must stay, is not written to.
 */
static int finish_last(struct job *j, struct last *l, bool clean)
{
	struct segment seg = { .fd = -1 };
	struct segment_place place;
	char name[SEGMENT_NAME_MAX];
	bool is_fixed = false;
	int fd, r;

	fd = openat(j->dirfd, segment_name(l->number, "seg", name),
		    O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == EPERM) {
		/* Made immutable: left as it is, another goes on behind it. */
		fd = openat(j->dirfd, name,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		is_fixed = true;
	}
	if (fd < 0)
		return fail(j, -errno, name);
	if (l->end < l->size && !is_fixed) {
		r = cut_torn_end(j, l, fd);
		if (r < 0) {
			(void)close(fd);
			return r;
		}
	}
	place = (struct segment_place){ l->seal_off, l->size, l->times };
	r = segment_init(&seg, j->settings->io);
	if (r >= 0)
		r = segment_adopt(&seg, fd, &place);
	if (r < 0) {
		(void)close(fd);
		segment_done(&seg);
		return fail(j, r, name);
	}
	if (!clean && !is_fixed)
		r = segment_sync(&seg);
	if (r >= 0 && !is_fixed && !l->ends_in_seal && l->end == l->size) {
		r = segment_seal(&seg, l->next_seq - 1,
				 JOURNAL_SEAL_RECOVERED | JOURNAL_SEAL_END,
				 l->wall_ns);
		if (r >= 0)
			r = segment_sync(&seg);
	}
	sha_end(seg.sha, j->out->previous_sha);
	segment_done(&seg);
	l->is_fixed = is_fixed;
	return r < 0 ? fail(j, r, name) : 0;
}

/*
 * A frame says that `first` comes now, and `end` after it. What skips is taken
 * back once something follows that has one of the numbers between: it lied, and
 * to go on behind it would make a hole of all of them.
 */
static void note_number(struct last *l, uint64_t first, uint64_t end)
{
	if (first >= l->skip_from && first < l->skip_to)
		l->next_seq = first;
	if (first > l->next_seq) {
		l->skip_from = l->next_seq;
		l->skip_to = first;
	}
	if (end > l->next_seq && end - l->next_seq <= JOURNAL_SEQ_LEAP)
		l->next_seq = end;
}

static void note_frame(struct last *l, const struct frame *f)
{
	uint64_t number = f->seq;

	if (f->type == JOURNAL_GAP)
		number = f->seq_end;
	/* Numbers before a seal may be damaged; they are given. */
	if (f->type == JOURNAL_SEAL)
		number = frame_seal(f).last_seq + 1;
	if (number)
		note_number(l, number, number > f->seq ? number : f->seq_end);
}

static int walk_last(struct last *l)
{
	struct scan_hit hit;
	uint64_t rest;
	int r;

	l->next_seq = l->skip_to = l->scan.header.first_seq;
	l->wall_ns = l->scan.header.wall_ns;
	l->end = l->scan.off;
	while ((r = scan_next(&l->scan, &hit)) > 0) {
		l->ends_in_seal = hit.frame.type == JOURNAL_SEAL;
		if (l->ends_in_seal) {
			l->seal = frame_seal(&hit.frame);
			l->seal_off = hit.off;
		} else if (hit.frame.seq) {
			segment_times_add(&l->times, hit.frame.wall_ns);
		}
		note_frame(l, &hit.frame);
		l->wall_ns = hit.frame.wall_ns;
		l->end = l->scan.off;
	}
	if (r < 0)
		return r;
	r = scan_rest(&l->scan, &rest);
	l->size = l->end + (r < 0 ? 0 : rest);
	return r;
}

/*
 * Open the youngest segment that can be read. 1: *l is it; 0: there is none.
 */
static int find_last(struct job *j, struct last *l)
{
	size_t i;
	int r;

	for (i = j->list.n; i-- > 0;) {
		l->number = j->list.numbers[i];
		r = scan_open(&l->scan, j->dirfd, l->number);
		if (r >= 0 && identity_takes(&j->list.whose, &l->scan.header))
			return 1;
		if (r < 0 && r != -EBADMSG) {
			(void)snprintf(j->what, 256,
				       r == -ENOTSUP
					       ? "segment %" PRIu64
						 ": written by a later version"
					       : "segment %" PRIu64
						 ": cannot open",
				       l->number);
			return r;
		}
		r = cut_segment(&j->cuts, l->number);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool was_clean(const struct job *j, const struct last *l)
{
	return j->has_state && j->state.clean &&
	       j->state.segment == l->number &&
	       l->number == j->list.numbers[j->list.n - 1] &&
	       j->state.epoch == l->scan.header.epoch && l->ends_in_seal &&
	       l->end == l->size && l->seal.flags & JOURNAL_SEAL_CLEAN &&
	       l->seal.last_seq + 1 == j->state.seq &&
	       l->next_seq == j->state.seq;
}

/* The newest epoch that anything in the directory belongs to. */
static int newest_epoch(struct job *j, uint32_t *ret)
{
	struct scan scan = SCAN_INIT;
	uint32_t epoch = j->has_state ? j->state.epoch : 0;
	size_t i;

	for (i = 0; i < j->list.n; i++) {
		if (scan_open(&scan, j->dirfd, j->list.numbers[i]) < 0)
			continue;
		if (identity_takes(&j->list.whose, &scan.header) &&
		    scan.header.epoch > epoch)
			epoch = scan.header.epoch;
	}
	scan_close(&scan);
	/* A segment that cannot be read, and no state: anything may be. */
	*ret = epoch + (j->has_state ? 0 : EPOCHS_UNKNOWN);
	return 0;
}

static int begin_new(struct job *j)
{
	struct journal_opening *o = &j->out->opening;

	o->created = true;
	o->epoch = 1;
	o->next_seq = 1;
	j->out->next_segment = 1;
	if (getrandom(o->id, sizeof(o->id), 0) != (ssize_t)sizeof(o->id))
		return fail(j, -EIO, "getrandom");
	return 0;
}

/*
 * The highest number in use. A name far above all that is known was not given
 * by counting, and believed it would leave none to go on with.
 */
static uint64_t youngest_number(const struct job *j, uint64_t known)
{
	const struct identity *o = &j->list.whose;

	if (j->has_state && j->state.segment > known)
		known = j->state.segment;
	return dir_list_youngest(&j->list, known,
				 o->segment_most ? o->segment_most
						 : JOURNAL_SEGMENT_LEAP);
}

static int go_on(struct job *j, struct last *l)
{
	struct journal_opening *o = &j->out->opening;
	uint64_t youngest;
	bool clean = false;
	int r;

	r = newest_epoch(j, &o->epoch);
	if (r < 0)
		return fail(j, r, "read segments");
	o->next_seq = 1;
	r = find_last(j, l);
	if (r < 0)
		return r;
	youngest = youngest_number(j, r ? l->number : 0);
	j->out->nothing_left = !r && j->list.n;
	if (r) {
		r = walk_last(l);
		if (r < 0)
			return fail(j, r, "read the last segment");
		clean = was_clean(j, l);
		r = finish_last(j, l, clean);
		if (r < 0)
			return r;
		memcpy(o->id, l->scan.header.id, sizeof(o->id));
		o->next_seq = l->next_seq;
		o->last_wall_ns = l->wall_ns;
	} else if (!j->has_state) {
		/* Neither name nor number is left: another journal begins. */
		j->out->next_segment = youngest + 1;
		o->unclean = true;
		if (getrandom(o->id, sizeof(o->id), 0) !=
		    (ssize_t)sizeof(o->id))
			return fail(j, -EIO, "getrandom");
	}
	if (j->has_state) {
		memcpy(o->id, j->state.id, sizeof(o->id));
		if (j->state.seq > o->next_seq)
			o->next_seq = j->state.seq;
	}
	o->unclean = !clean;
	/* The same run goes on, whatever older segments say. */
	o->epoch = clean ? l->scan.header.epoch : o->epoch + 1;
	j->out->next_segment = youngest + 1;
	if (clean && !l->is_fixed && has_room(j, l)) {
		j->out->goes_on = true;
		j->out->next_segment = l->number;
		j->out->place = (struct segment_place){ l->seal_off, l->size,
							l->times };
	}
	return 0;
}

/*
 * What was removed while nobody wrote is not believed to have gone by the
 * bounds. Where nobody said it before, or one that is still to come, it is what
 * there is; where nothing is, not said before our first segment is there: if
 * its making fails, the next attempt takes another number, and nothing was
 * removed.
 */
static uint64_t oldest_left(const struct job *j)
{
	if (j->out->nothing_left)
		return 0;
	if (j->has_state && j->state.oldest &&
	    j->state.oldest <= j->out->next_segment)
		return j->state.oldest;
	return j->list.n ? j->list.numbers[0] : 0;
}

/*
 * What the state says, if it is one and of the journal that the segments are.
 * *ret_new: there is nothing at all.
 */
static int find_state(struct job *j, bool *ret_new)
{
	int r = state_load(j->dirfd, &j->state), k;

	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return fail(j, r, "read state");
	*ret_new = r == -ENOENT && !j->list.n;
	k = identity_find(j->dirfd, &j->list);
	if (k < 0)
		return fail(j, k, "read segments");
	j->has_state =
		r >= 0 && identity_takes_state(&j->list.whose, &j->state);
	return j->has_state || r == -ENOENT ? 0 : cut_state(&j->cuts);
}

static int recover_with(struct job *j, struct last *l)
{
	struct recovery *out = j->out;
	cleanup_dir_list struct dir_list again = { 0 };
	struct state next;
	bool is_new;
	int r;

	r = find_state(j, &is_new);
	if (r < 0)
		return r;
	if (is_new)
		r = begin_new(j);
	else
		r = go_on(j, l);
	if (r < 0)
		return r;

	next = (struct state){
		.epoch = out->opening.epoch,
		.segment = out->next_segment,
		.seq = out->opening.next_seq,
	};
	next.oldest = oldest_left(j);
	memcpy(next.id, out->opening.id, sizeof(next.id));
	out->state = next;
	r = state_save(j->dirfd, &next, j->settings->file_mode);
	if (r < 0)
		return fail(j, r, "write state");

	r = dir_list(j->dirfd, &again);
	if (r >= 0)
		r = identity_find(j->dirfd, &again);
	if (r >= 0)
		r = recover_infos(j->dirfd, &again, &out->infos);
	if (r < 0)
		return fail(j, r, "list segments");
	out->n_infos = again.n;
	out->cut_bytes = again.cut_bytes;
	return 0;
}

int recover(int dirfd, const struct journal_settings *s, struct recovery *ret,
	    char what[static 256])
{
	struct job j = {
		.dirfd = dirfd, .settings = s, .out = ret, .what = what
	};
	struct last l = { .scan = SCAN_INIT };
	int r;

	*ret = (struct recovery){ 0 };
	j.cuts = (struct cuts){ dirfd, s, &j.list, &ret->opening, what };
	r = dir_remove_unfinished(dirfd);
	if (r >= 0)
		r = dir_list(dirfd, &j.list);
	if (r < 0)
		return fail(&j, r, "list segments");
	r = recover_with(&j, &l);
	scan_close(&l.scan);
	dir_list_done_fn(&j.list);
	return r;
}
