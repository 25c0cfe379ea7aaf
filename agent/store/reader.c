/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a journal. The one idea: the reader knows which number comes next.
 * A frame with that number is handed out, one with a smaller number was seen,
 * one with a greater number means that those between are missing, and they are
 * told as a gap before it. Nothing else (damage, trimming, a writer that died,
 * a directory that was replaced) needs a case of its own.
 *
 * Only a number that skips is doubted (reader_skip.c): one far ahead would make
 * everything behind it seen. What a segment may hold ends where the next one of
 * its epoch begins.
 */
#include "store/reader_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/cursor.h"
#include "store/identity.h"
#include "store/locate.h"

void reader_leave_segment(struct reader *r)
{
	scan_close(&r->at);
	scan_close(&r->ahead);
	r->horizon = 0;
	r->bound = JOURNAL_SEQ_MAX;
	r->finished = false;
	r->has_held = false;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	reader_leave_segment(r);
	watch_close(&r->watch);
	dir_list_done_fn(&r->here);
	if (r->dirfd >= 0)
		(void)close(r->dirfd);
	free(r->dir);
	free(r);
}

/* The last one in the file: a number that is too high hides no later one. */
static void note_seal(struct reader *r, const struct journal_seal *s)
{
	if (s->last_seq < reader_limit(r))
		r->newest = *s;
}

static int make(const char *dir, unsigned flags, struct reader **ret)
{
	struct reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->at = r->ahead = (struct scan)SCAN_INIT;
	r->watch = (struct watch)WATCH_INIT;
	r->flags = flags;
	r->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = r->dirfd < 0 ? -errno : 0;
	r->dir = strdup(dir);
	if (!err && !r->dir)
		err = -ENOMEM;
	if (!err)
		err = watch_open(&r->watch);
	if (err) {
		reader_close(r);
		return err;
	}
	*ret = r;
	return 0;
}

int reader_open(const char *dir, enum reader_from from, uint64_t seq,
		unsigned flags, struct reader **ret)
{
	struct reader *r = NULL;
	int err;

	err = make(dir, flags, &r);
	if (err < 0)
		return err;
	err = reader_look(r);
	if (err >= 0 && from == READER_NOW)
		err = locate_next(r->dirfd, &r->here, &r->next);
	else if (from == READER_SEQ)
		r->next = seq ? seq : 1;
	if (err < 0) {
		reader_close(r);
		return err;
	}
	reader_go_before(r);
	*ret = r;
	return 0;
}

int reader_open_at(const char *dir, const struct reader_place *at,
		   unsigned flags, struct reader **ret)
{
	struct reader *r = NULL;
	int err;

	err = reader_open(dir, READER_SEQ, at->seq, flags, &r);
	if (err < 0)
		return err;
	if (at->off && r->segment + 1 == at->segment)
		r->start = *at;
	*ret = r;
	return 0;
}

int reader_open_cursor(const char *dir, const struct cursor *c, unsigned flags,
		       struct reader **ret)
{
	cleanup_dir_list struct dir_list l = { 0 };
	cleanup_close int dirfd = -1;
	uint64_t seq;
	int err;

	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	err = dir_list(dirfd, &l);
	if (err < 0)
		return err;
	err = identity_find(dirfd, &l);
	if (err < 0)
		return err;
	seq = locate_cursor(&l, c);
	return reader_open(dir, seq ? READER_SEQ : READER_OLDEST, seq, flags,
			   ret);
}

/* Numbers [r->next, end) are missing: say so. */
static int tell_gap(struct reader *r, uint64_t end, uint32_t epoch,
		    int64_t wall_ns, uint32_t reason, struct reader_frame *ret)
{
	if (!r->leapt)
		r->leapt = r->next;
	r->gap = (struct journal_gap){
		.first = r->next,
		.count = end - r->next,
		.reason = reason,
	};
	*ret = (struct reader_frame){
		.type = JOURNAL_GAP,
		.flags = READER_MISSING,
		.epoch = epoch,
		.seq = r->next,
		.seq_end = end,
		.wall_ns = wall_ns,
		.segment = r->segment,
		.payload = slice_of((const char *)&r->gap, sizeof(r->gap)),
	};
	r->next = end;
	return 1;
}

/* Our segment is finished: another one follows it. */
static void finish(struct reader *r)
{
	r->finished = true;
	r->bound = reader_bound(r, r->segment);
}

/*
 * The first frame of another journal, or of another life of this one. Its
 * first number in *ret, or the next one if the header's numbers say nothing.
 */
static void meet_header(struct reader *r, bool in_order, uint64_t *ret)
{
	const struct journal_segment_header *h = &r->at.header;
	uint64_t first = h->first_seq;

	if (r->has_id && memcmp(r->id, h->id, sizeof(r->id))) {
		r->next = 0;
		r->epoch = 0;
		r->newest = (struct journal_seal){ 0 };
	}
	memcpy(r->id, h->id, sizeof(r->id));
	r->has_id = true;
	r->comes = 0;
	if (in_order && first > r->next)
		in_order = !reader_header_lies(r);
	if (!in_order) {
		*ret = r->next;
		return;
	}
	r->comes = first;
	/* What was cut off is given again, under the new epoch's name. */
	if (!r->next || (r->epoch && h->epoch > r->epoch && first < r->next))
		r->next = first;
	/* What we leapt over is here: the leap was a lie. */
	if (r->leapt && first < r->next && reader_goes_back(r))
		r->next = first > r->leapt ? first : r->leapt;
	r->leapt = 0;
	r->epoch = h->epoch;
	*ret = first;
}

/*
 * 1: this one is open; 0: it is as if it were not there, or -errno. One that
 * was another journal's since it was listed is looked at once more.
 */
static int open_segment(struct reader *r, uint64_t number, uint64_t *doubted)
{
	int err = scan_open_of(&r->at, r->dirfd, number, r->here.whose.id);

	if (err >= 0)
		return 1;
	if (err == -ENOENT) /* trimmed meanwhile */
		return 0;
	if (!reader_is_files(err))
		return err;
	if (*doubted == number)
		r->segment = number;
	*doubted = number;
	reader_forget(r);
	return 0;
}

/* 1: a segment is open, or *ret is a gap before it; 0: there is none. */
static int enter_segment(struct reader *r, struct reader_frame *ret,
			 bool *ret_gap)
{
	uint64_t first, doubted = 0;
	uint32_t epoch = r->epoch;
	struct younger y;
	int err;

	*ret_gap = false;
	do {
		err = reader_find_younger(r, &y);
		if (err < 0)
			return err;
		if (!y.number)
			return 0;
		err = open_segment(r, y.number, &doubted);
	} while (!err);
	if (err < 0)
		return err;
	r->segment = y.number;
	meet_header(r, y.in_order, &first);
	if (!epoch || y.is_oldest)
		epoch = r->at.header.epoch;
	/* Listed before it was opened: nothing was written to it since. */
	if (r->has_after)
		finish(r);
	if (r->start.off && y.number == r->start.segment &&
	    r->start.off > r->at.off) {
		r->at.off = r->start.off;
		r->comes = 0;
	}
	r->start.off = 0;
	if (first <= r->next || first > reader_believes(r, r->at.off))
		return 1;
	*ret_gap = true;
	return tell_gap(r, first, epoch, r->at.header.wall_ns,
			y.is_oldest ? JOURNAL_GAP_TRIMMED : JOURNAL_GAP_DAMAGED,
			ret);
}

/* Find seals behind the horizon; how far a sealed-only reader may go. */
static int look_ahead(struct reader *r)
{
	struct journal_seal seal;
	struct scan_hit hit;
	int err;

	if (r->ahead.fd < 0) {
		err = scan_open(&r->ahead, r->dirfd, r->segment);
		/* Trimmed or damaged since: it is read on once finished. */
		if (err < 0)
			return err == -ENOENT || err == -EBADMSG ? 0 : err;
		/* Another file by now: its seals are not ours. */
		if (memcmp(r->ahead.header.salt, r->at.header.salt,
			   sizeof(r->at.header.salt))) {
			scan_close(&r->ahead);
			return 0;
		}
		/* Seals before where we are allow nothing. */
		r->ahead.off = r->at.off;
	}
	while ((err = scan_next(&r->ahead, &hit)) > 0) {
		if (hit.frame.type != JOURNAL_SEAL)
			continue;
		seal = frame_seal(&hit.frame);
		note_seal(r, &seal);
		r->horizon = r->ahead.off;
	}
	return err;
}

static int hand_out(struct reader *r, const struct scan_hit *hit,
		    struct reader_frame *ret)
{
	const struct frame *f = &hit->frame;

	*ret = (struct reader_frame){
		.type = f->type,
		.flags = f->flags & (uint8_t)~READER_MISSING,
		.epoch = f->epoch,
		.seq = f->seq,
		.seq_end = f->seq_end,
		.wall_ns = f->wall_ns,
		.segment = r->segment,
		.payload = f->payload,
	};
	if (!f->seq)
		return 1;
	if (f->type == JOURNAL_GAP)
		reader_clip_gap(r, hit, ret);
	r->next = r->comes = ret->seq_end;
	return 1;
}

/*
 * Does it bring something? *ret: the number that it says comes now. A seal that
 * says too much says nothing: what is missing, the next one tells.
 */
static bool is_news(struct reader *r, const struct scan_hit *hit, uint64_t *ret)
{
	const struct frame *f = &hit->frame;
	uint64_t end = hit->off + hit->size;
	struct journal_seal seal;

	*ret = f->seq;
	if (f->type == JOURNAL_SEAL) {
		seal = frame_seal(f);
		if (r->ahead.fd < 0 || hit->off >= r->ahead.off)
			note_seal(r, &seal);
		*ret = seal.last_seq + 1;
		if (*ret > r->next && *ret > reader_believes(r, end))
			*ret = r->next;
		/* Where a run ended, images are numbered anew: always told. */
		return *ret &&
		       (*ret >= r->next || seal.flags & JOURNAL_SEAL_CLEAN);
	}
	if (!f->seq)
		return f->type == JOURNAL_DESCRIPTION;
	if (f->seq_end > r->next &&
	    (!reader_believes_frame(r, hit) ||
	     (reader_leaps(r, f->seq_end) && !r->finished)))
		return false;
	r->comes = f->seq_end;
	return f->seq_end > r->next;
}

/* 1: *ret is filled in; 0: this one is not handed out. */
static int take(struct reader *r, const struct scan_hit *hit,
		struct reader_frame *ret)
{
	const struct frame *f = &hit->frame;
	uint64_t first;

	if (r->has_held) {
		r->has_held = false;
		return hand_out(r, hit, ret);
	}
	if (f->type > JOURNAL_SEAL || !is_news(r, hit, &first))
		return 0;
	/* No header says where it begins: here. */
	if (!r->next)
		r->next = first;
	if (first <= r->next)
		return hand_out(r, hit, ret);
	r->held = *hit;
	r->has_held = true;
	return tell_gap(r, first, f->epoch, f->wall_ns, JOURNAL_GAP_DAMAGED,
			ret);
}

/* The next frame of the segment that is open: 1, 0 or -errno. */
static int next_here(struct reader *r, struct scan_hit *ret)
{
	bool sealed = r->flags & READER_SEALED_ONLY && !r->finished;
	uint64_t from = r->at.off;
	int err;

	if (sealed && from >= r->horizon) {
		err = look_ahead(r);
		if (err < 0)
			return err;
		if (from >= r->horizon)
			return 0;
	}
	err = scan_next(&r->at, ret);
	if (err > 0 && sealed && r->at.off > r->horizon) {
		/* Only behind damage: not sealed yet. */
		r->at.off = from;
		return 0;
	}
	return err;
}

int reader_next(struct reader *r, struct reader_frame *ret)
{
	struct scan_hit hit;
	struct younger y;
	bool gap;
	int err;

	for (;;) {
		if (r->has_held) {
			hit = r->held;
			return take(r, &hit, ret);
		}
		if (r->at.fd < 0) {
			err = enter_segment(r, ret, &gap);
			if (err > 0 && gap)
				return 1;
			if (err == 0)
				err = reader_follow_directory(r);
			if (err <= 0)
				return err;
			continue;
		}
		err = next_here(r, &hit);
		if (err > 0 && take(r, &hit, ret))
			return 1;
		if (err < 0)
			return err;
		if (err > 0)
			continue;
		if (r->finished) {
			reader_leave_segment(r);
			continue;
		}
		/* Is this its end? Then look once more at the same place. */
		err = reader_find_younger(r, &y);
		if (err < 0)
			return err;
		if (y.number) {
			finish(r);
			continue;
		}
		err = reader_follow_directory(r);
		if (err <= 0)
			return err;
	}
}

bool reader_ends_early(const struct reader *r, uint64_t *ret_first,
		       uint64_t *ret_last)
{
	if (!r->state_seq || !identity_has(&r->here.whose, r->id) ||
	    r->next >= r->state_seq || r->state_seq <= 1)
		return false;
	*ret_first = r->next ? r->next : 1;
	*ret_last = r->state_seq - 1;
	return true;
}

int reader_fd(struct reader *r)
{
	/*
	 * Not before it is asked for: most readers never wait, and closing an
	 * inotify descriptor takes the kernel 10 ms and more.
	 */
	if (!r->is_watched) {
		watch_set(&r->watch, r->dir);
		watch_now(&r->watch);
		r->is_watched = true;
	}
	return r->watch.fd;
}

void reader_clear(struct reader *r)
{
	watch_clear(&r->watch);
}

bool reader_found_any(const struct reader *r)
{
	return r->here.n > 0;
}

const uint8_t *reader_journal_id(const struct reader *r)
{
	return r->id;
}

void reader_seal(const struct reader *r, uint64_t *ret_seq,
		 uint8_t ret_sha256[static 32])
{
	*ret_seq = r->newest.last_seq;
	memcpy(ret_sha256, r->newest.sha, JOURNAL_SHA_SIZE);
}
