/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appending side of the journal. The one idea: an append ends in memory.
 * It numbers the frame, checks that the ring has room, and leaves; a number
 * that found no room is remembered in a range, and the range becomes a frame
 * as soon as one fits, before anything else does. So readers see every number
 * once, as itself or in a gap, in order.
 */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "limits.h"
#include "store/journal_parts.h"
#include "store/lock.h"

#define GAP_SIZE      (FRAME_HEADER + sizeof(struct journal_gap))
/* At least a few of the largest frames, or nothing large ever fits. */
#define BUFFER_LEAST  (4 * FRAME_MAX)
#define SEGMENT_LEAST 4096
/* No segment larger than this part of the whole, so trimming has steps. */
#define SEGMENT_SHARE 4

/*
 * Between two calls of journal_segment an event is put with, at most, a line of
 * images: what refers to a description is no farther from it than a section
 * and that. Smaller segments are not worth a description more.
 */
#define SECTION_SIZE  (4u << 20)
#define SECTION_SHIFT 48
#define SECTIONS_FROM (2ull * JOURNAL_NEAR)
_Static_assert(SECTION_SIZE + (PICKET_ANCESTORS_MAX + 2) * FRAME_MAX <=
		       JOURNAL_NEAR,
	       "descriptions stand near");

static int say(char what[static 256], const char *name, int r)
{
	(void)snprintf(what, 256, "%s: %s", name, strerror(-r));
	return r;
}

static struct journal_settings sane(const struct journal_settings *s)
{
	struct journal_settings n = *s;

	if (n.buffer_size < BUFFER_LEAST)
		n.buffer_size = BUFFER_LEAST;
	if (n.max_size && n.segment_size > n.max_size / SEGMENT_SHARE)
		n.segment_size = n.max_size / SEGMENT_SHARE;
	if (n.segment_size < SEGMENT_LEAST)
		n.segment_size = SEGMENT_LEAST;
	if (!n.file_mode)
		n.file_mode = 0640;
	if (!n.io)
		n.io = &store_io_real;
	return n;
}

/* The directory, made if only it is missing. Who may read files may list. */
static int open_dir(const char *dir, mode_t file_mode, int *ret_fd)
{
	mode_t mode = (file_mode | (file_mode & 0444) >> 2) | 0700;
	cleanup_close int fd = -1, parent = -1;
	bool made = false;

	if (mkdir(dir, 0700) == 0)
		made = true;
	else if (errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (made) {
		if (fchmod(fd, mode) < 0)
			return -errno;
		parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0 || fsync(parent) < 0)
			return -errno;
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int init_threads(struct journal *j)
{
	pthread_condattr_t attr;
	int r;

	r = pthread_condattr_init(&attr);
	if (r)
		return -r;
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&j->lock, NULL);
	(void)pthread_cond_init(&j->work, &attr);
	(void)pthread_cond_init(&j->done, &attr);
	(void)pthread_condattr_destroy(&attr);
	return 0;
}

static void free_journal(struct journal *j)
{
	segment_done(&j->seg);
	ring_done(&j->ring);
	if (j->dirfd >= 0)
		(void)close(j->dirfd);
	if (j->lockfd >= 0)
		(void)close(j->lockfd);
	(void)pthread_cond_destroy(&j->work);
	(void)pthread_cond_destroy(&j->done);
	(void)pthread_mutex_destroy(&j->lock);
	free(j->infos);
	free(j->dir);
	free(j);
}

static int start_thread(struct journal *j)
{
	sigset_t all, before;
	int r;

	/* Signals are for the thread that runs the loop. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&j->thread, NULL, writer_main, j);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r)
		(void)pthread_setname_np(j->thread, "journal");
	return -r;
}

/* With the lock held: what recovery found, and a segment of our own. */
static int begin(struct journal *j, struct journal_opening *ret,
		 char what[static 256])
{
	struct recovery rec;
	uint8_t salt[16];
	int r;

	r = recover(j->dirfd, &j->settings, &rec, what);
	if (r < 0) {
		free(rec.infos);
		return r;
	}
	/* One more for the segment to come; bounded by trimming. */
	j->infos = rec.infos;
	j->n_infos = rec.n_infos;
	j->cut_bytes = rec.cut_bytes;
	memcpy(j->id, rec.opening.id, sizeof(j->id));
	j->epoch = rec.opening.epoch;
	j->saved = rec.state;
	j->next_seq = rec.opening.next_seq;
	j->sealed_seq = j->written_seq = j->next_seq - 1;
	j->segment = rec.next_segment;
	j->has_sections = j->settings.segment_size > SECTIONS_FROM;
	if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return say(what, "getrandom", -EIO);
	r = rec.goes_on
		    ? writer_go_on(j, rec.next_segment, &rec.place)
		    : writer_begin(j, rec.next_segment, rec.previous_sha, salt);
	if (r >= 0 && !j->saved.oldest)
		writer_note_oldest(j);
	if (r < 0)
		return say(what, j->what, r);
	*ret = rec.opening;
	return 0;
}

int journal_open(const struct journal_settings *s, struct journal **ret,
		 struct journal_opening *ret_opening, int *ret_holder,
		 char what[static 256])
{
	struct journal_opening opening;
	struct journal *j;
	char aside[64];
	int r;

	j = calloc(1, sizeof(*j));
	if (!j)
		return say(what, "memory", -ENOMEM);
	j->settings = sane(s);
	j->dirfd = j->lockfd = -1;
	r = init_threads(j);
	if (r < 0) {
		free(j);
		return say(what, "threads", r);
	}
	j->dir = strdup(s->dir);
	r = j->dir ? segment_init(&j->seg, j->settings.io) : -ENOMEM;
	if (r >= 0)
		r = ring_init(&j->ring, j->settings.buffer_size);
	if (r < 0) {
		(void)say(what, "memory", r);
		goto fail;
	}
	j->settings.dir = j->dir;
	r = open_dir(j->dir, j->settings.file_mode, &j->dirfd);
	if (r < 0) {
		(void)say(what, j->dir, r);
		goto fail;
	}
	r = lock_take(j->dirfd, &j->lockfd, ret_holder, aside);
	if (r < 0) {
		(void)say(what, "lock", r);
		goto fail;
	}
	r = begin(j, &opening, what);
	if (r < 0)
		goto fail;
	r = start_thread(j);
	if (r < 0) {
		(void)say(what, "thread", r);
		goto fail;
	}
	if (!*opening.cut_file)
		memcpy(opening.cut_file, aside, sizeof(aside));
	*ret_opening = opening;
	*ret = j;
	return 0;
fail:
	free_journal(j);
	return r;
}

uint64_t journal_next_unput(const struct journal *j)
{
	return j->overflow.count ? j->overflow.first : j->next_seq;
}

uint64_t journal_segment(struct journal *j)
{
	uint8_t salt[16];
	uint64_t number;
	struct turn *t;

	(void)pthread_mutex_lock(&j->lock);
	if ((j->segment_bytes >= j->settings.segment_size || j->turn_wanted) &&
	    j->n_turns < TURNS_MAX &&
	    getrandom(salt, sizeof(salt), 0) == (ssize_t)sizeof(salt)) {
		struct journal_segment_header h = { .epoch = j->epoch };

		t = &j->turns[j->n_turns++];
		*t = (struct turn){
			.pos = j->ring.head,
			.number = ++j->segment,
			.first_seq = journal_next_unput(j),
			.wall_ns = clock_wall_ns(),
		};
		memcpy(t->salt, salt, sizeof(salt));
		memcpy(h.salt, salt, sizeof(salt));
		j->key = frame_key_of(&h);
		j->segment_bytes = 0;
		j->section = j->section_bytes = 0;
		j->turn_wanted = false;
	}
	if (j->has_sections && j->section_bytes >= SECTION_SIZE) {
		j->section++;
		j->section_bytes = 0;
	}
	number = j->segment | j->section << SECTION_SHIFT;
	(void)pthread_mutex_unlock(&j->lock);
	return number;
}

/* Under lock, and there is room. */
static void put(struct journal *j, const struct frame *f, uint64_t now_ns)
{
	struct journal_frame_header h;

	frame_encode(j->key, f, &h);
	ring_put(&j->ring, &h, sizeof(h));
	ring_put(&j->ring, f->payload.p, f->payload.n);
	j->segment_bytes += sizeof(h) + f->payload.n;
	j->section_bytes += sizeof(h) + f->payload.n;
	if (!j->unwritten_ns) {
		j->unwritten_ns = now_ns ? now_ns : clock_mono_ns();
		j->has_news = !j->is_watching;
	}
	if (!j->unsealed_ns)
		j->unsealed_ns = j->unwritten_ns;
}

void journal_put_overflow(struct journal *j, uint64_t now_ns)
{
	struct overflow *o = &j->overflow;
	struct journal_gap gap = {
		.first = o->first,
		.count = o->count,
		.reason = JOURNAL_GAP_OVERFLOW,
	};
	struct frame f = {
		.type = JOURNAL_GAP,
		.seq = o->first,
		.wall_ns = o->wall_ns,
		.payload = slice_of((const char *)&gap, sizeof(gap)),
	};

	if (!o->count || ring_room(&j->ring) < GAP_SIZE)
		return;
	put(j, &f, now_ns);
	*o = (struct overflow){ 0 };
}

/* Under lock. A number that found no room is used up all the same. */
static void overflow(struct journal *j, int64_t wall_ns)
{
	if (!j->overflow.count)
		j->overflow = (struct overflow){ .first = j->next_seq,
						 .wall_ns = wall_ns };
	j->overflow.count++;
	j->stats.dropped++;
}

int journal_append(struct journal *j, uint8_t type, unsigned flags,
		   int64_t wall_ns, struct slice payload, uint64_t *ret_seq)
{
	bool numbered = type == JOURNAL_EVENT || type == JOURNAL_AMENDMENT;
	struct frame f = {
		.type = type,
		.flags = flags & JOURNAL_URGENT ? JOURNAL_FRAME_URGENT : 0,
		.wall_ns = wall_ns,
		.payload = payload,
	};
	uint64_t need = FRAME_HEADER + payload.n;
	bool has_news;
	int r = 0;

	if (!numbered && type != JOURNAL_DESCRIPTION)
		return -EINVAL;
	if (payload.n > JOURNAL_PAYLOAD_MAX)
		return -EMSGSIZE;
	(void)pthread_mutex_lock(&j->lock);
	if (j->overflow.count)
		need += GAP_SIZE;
	/* What the writer needs to say that something was lost is kept free. */
	if (ring_room(&j->ring) < need + GAP_SIZE) {
		if (numbered)
			overflow(j, wall_ns);
		r = -ENOBUFS;
	} else {
		journal_put_overflow(j, 0);
		f.seq = numbered ? j->next_seq : 0;
		put(j, &f, 0);
		if (numbered)
			j->stats.appended++;
	}
	if (numbered)
		*ret_seq = j->next_seq++;
	else
		*ret_seq = 0;
	has_news = j->has_news;
	j->has_news = false;
	if (r == 0 && flags & JOURNAL_URGENT) {
		j->urgent_pos = j->ring.head;
		has_news = true;
	} else if (ring_used(&j->ring) > j->ring.size / 2) {
		has_news = true;
	}
	(void)pthread_mutex_unlock(&j->lock);
	/* Not before: the writer would wake to wait for the lock. */
	if (has_news)
		(void)pthread_cond_signal(&j->work);
	return r;
}

int journal_set_cursor(struct journal *j, uint64_t seq)
{
	(void)pthread_mutex_lock(&j->lock);
	j->cursor = seq;
	j->has_cursor = true;
	(void)pthread_mutex_unlock(&j->lock);
	return 0;
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
				  .tv_nsec = (long)(ns % NS_PER_S) };
}

int journal_flush(struct journal *j, uint32_t timeout_ms)
{
	uint64_t deadline = clock_mono_ns() + timeout_ms * NS_PER_MS;
	struct timespec until = timespec_of(deadline);
	uint64_t pos, seq;
	int r = 0;

	(void)pthread_mutex_lock(&j->lock);
	pos = j->ring.head;
	seq = j->next_seq - 1;
	if (j->urgent_pos < pos)
		j->urgent_pos = pos;
	(void)pthread_cond_signal(&j->work);
	while (j->ring.tail < pos || j->sealed_seq < seq) {
		/* Numbers in a range that was not put yet: once it is. */
		if (j->urgent_pos < j->ring.head) {
			j->urgent_pos = j->ring.head;
			(void)pthread_cond_signal(&j->work);
		}
		r = -pthread_cond_timedwait(&j->done, &j->lock, &until);
		if (r < 0)
			break;
	}
	(void)pthread_mutex_unlock(&j->lock);
	return r;
}

void journal_stats(struct journal *j, struct journal_stats *ret)
{
	(void)pthread_mutex_lock(&j->lock);
	*ret = j->stats;
	ret->epoch = j->epoch;
	ret->first_seq = j->n_infos ? j->infos[0].first_seq : 0;
	ret->next_seq = j->next_seq;
	if (ret->first_seq == ret->next_seq)
		ret->first_seq = 0;
	ret->sealed_seq = j->sealed_seq;
	/* What overflowed has numbers too, and is counted as dropped. */
	ret->waiting = j->next_seq - 1 - j->sealed_seq - j->overflow.count;
	ret->bytes = trim_total(j);
	ret->segments = j->n_infos;
	(void)pthread_mutex_unlock(&j->lock);
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	(void)pthread_mutex_lock(&j->lock);
	j->stop = true;
	j->stop_ns = clock_mono_ns();
	(void)pthread_cond_signal(&j->work);
	(void)pthread_mutex_unlock(&j->lock);
	(void)pthread_join(j->thread, NULL);
	free_journal(j);
}
