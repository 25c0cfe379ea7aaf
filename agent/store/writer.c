/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's thread: out of the ring, into segments, durable, sealed. The
 * one idea: the ring keeps everything behind the last seal, so a step that
 * fails, whichever, is answered in one way: forget how far we were, wait, and
 * begin again behind the last seal.
 *
 * Steps, in order of need: write what waited long enough (one call for all of
 * it), turn to the next segment where the ring says so, sync and seal. What was
 * written in haste is sealed before anything else is: else what comes faster
 * than a write takes would put off the seal until the ring is full.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/journal_parts.h"

/* Obstructed names that are passed over at most. */
#define NAMES_TRIED 64

enum step {
	STEP_WAIT,
	STEP_RETRY,
	STEP_CHECK,
	STEP_WRITE,
	STEP_TURN,
	STEP_SEAL,
	STEP_FINISH
};

/* Up to here the ring belongs to the segment that is open. Under lock. */
static uint64_t limit(const struct journal *j)
{
	return j->n_turns ? j->turns[0].pos : j->ring.head;
}

/*
 * What comes alone waits for what comes with it; what comes soon after a write,
 * only for the rest of that time: then nobody needs to tell of it.
 */
static uint64_t write_at(const struct journal *j)
{
	uint64_t next_ns = j->wrote_ns + WRITE_DELAY_NS;

	return next_ns > j->unwritten_ns ? next_ns
					 : j->unwritten_ns + WRITE_DELAY_NS;
}

static bool write_due(const struct journal *j, uint64_t now)
{
	return j->stop || j->n_turns || j->urgent_pos > j->written ||
	       now >= write_at(j) || ring_used(&j->ring) > j->ring.size / 2;
}

static bool seal_due(const struct journal *j, uint64_t now)
{
	uint64_t interval_ns = j->settings.sync_interval_ms * NS_PER_MS;

	return j->stop || j->urgent_pos > j->ring.tail ||
	       now >= j->unsealed_ns + interval_ns ||
	       ring_used(&j->ring) > j->ring.size / 2;
}

static void sooner(uint64_t *wake, uint64_t when)
{
	if (when < *wake)
		*wake = when;
}

/* What to do now, or until when to wait. Under lock. */
static enum step next_step(const struct journal *j, uint64_t now,
			   uint64_t *ret_wake)
{
	uint64_t wake = j->checked_ns + CHECK_INTERVAL_NS;

	if (j->retry_ns && now < j->retry_ns) {
		*ret_wake = j->retry_ns;
		return STEP_WAIT;
	}
	if (j->adrift)
		return STEP_RETRY;
	if (now >= wake)
		return STEP_CHECK;
	if (j->seal_first && j->ring.tail < j->written && !j->n_turns)
		return STEP_SEAL;
	if (j->written < limit(j)) {
		if (write_due(j, now))
			return STEP_WRITE;
		sooner(&wake, write_at(j));
	} else if (j->n_turns) {
		return STEP_TURN;
	} else if (now < j->wrote_ns + WRITE_DELAY_NS) {
		sooner(&wake, j->wrote_ns + WRITE_DELAY_NS);
	}
	if (j->ring.tail < j->written) {
		if (seal_due(j, now))
			return STEP_SEAL;
		sooner(&wake, j->unsealed_ns +
				      j->settings.sync_interval_ms * NS_PER_MS);
	}
	if (j->stop && j->ring.tail == j->ring.head)
		return STEP_FINISH;
	*ret_wake = wake;
	return STEP_WAIT;
}

static void wait_until(struct journal *j, uint64_t wake)
{
	struct timespec t = { .tv_sec = (time_t)(wake / NS_PER_S),
			      .tv_nsec = (long)(wake % NS_PER_S) };

	j->is_watching = wake <= j->wrote_ns + WRITE_DELAY_NS;
	(void)pthread_cond_timedwait(&j->work, &j->lock, &t);
	j->is_watching = false;
}

/* Names that something else than a file of ours has are passed over. */
static uint64_t free_number(struct journal *j, uint64_t number)
{
	char name[SEGMENT_NAME_MAX];
	unsigned tries = NAMES_TRIED;
	struct stat st;

	for (; tries; tries--, number++) {
		segment_name(number, "seg", name);
		if (!fstatat(j->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISDIR(st.st_mode))
			continue;
		segment_name(number, "new", name);
		if (unlinkat(j->dirfd, name, 0) == 0 ||
		    (errno != EISDIR && errno != EPERM))
			break;
	}
	return number;
}

int writer_create(struct journal *j, const struct segment_plan *plan)
{
	struct segment_plan p = *plan;
	struct seg_info *grown;
	int r;

	memcpy(p.id, j->id, sizeof(p.id));
	p.number = free_number(j, p.number);
	p.epoch = j->epoch;
	p.mode = j->settings.file_mode;
	p.compatible = j->has_sections ? JOURNAL_DESCRIBED_NEAR : 0;
	p.incompatible = JOURNAL_DESCRIBED_LIKE;
	j->what = "memory";
	(void)pthread_mutex_lock(&j->lock);
	grown = reallocarray(j->infos, j->n_infos + 1, sizeof(*grown));
	if (grown)
		j->infos = grown;
	(void)pthread_mutex_unlock(&j->lock);
	if (!grown)
		return -ENOMEM;
	r = segment_create(&j->seg, j->dirfd, &p, &j->what);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&j->lock);
	j->infos[j->n_infos++] = (struct seg_info){
		.number = p.number,
		.first_seq = p.first_seq,
		.bytes = j->seg.off,
		.wall_ns = p.wall_ns,
	};
	(void)pthread_mutex_unlock(&j->lock);
	j->ended = false;
	j->shift += p.number - plan->number;
	return 0;
}

int writer_begin(struct journal *j, uint64_t number,
		 const uint8_t previous_sha[JOURNAL_SHA_SIZE],
		 const uint8_t salt[16])
{
	struct segment_plan plan = {
		.number = number,
		.first_seq = j->next_seq,
		.wall_ns = clock_wall_ns(),
	};
	int r;

	memcpy(plan.salt, salt, sizeof(plan.salt));
	memcpy(plan.previous_sha, previous_sha, sizeof(plan.previous_sha));
	r = trim(j, JOURNAL_HEADER_AREA);
	if (r >= 0)
		r = writer_create(j, &plan);
	if (r < 0)
		return r;
	j->number = number;
	j->key = j->seg.key;
	j->checked_ns = clock_mono_ns();
	return 0;
}

int writer_go_on(struct journal *j, uint64_t number,
		 const struct segment_place *at)
{
	char name[SEGMENT_NAME_MAX];
	int fd, r;

	j->what = "open segment";
	fd = openat(j->dirfd, segment_name(number, "seg", name),
		    O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = segment_adopt(&j->seg, fd, at);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	j->number = number;
	j->key = j->seg.key;
	j->segment_bytes = at->off - JOURNAL_HEADER_AREA;
	/* What its header promises is kept. */
	if (j->seg.header.compatible & JOURNAL_DESCRIBED_NEAR)
		j->has_sections = true;
	/* An earlier writer's: a reader of its time would misread what comes. */
	if (!(j->seg.header.incompatible & JOURNAL_DESCRIBED_LIKE))
		j->turn_wanted = true;
	j->checked_ns = clock_mono_ns();
	return trim(j, 0);
}

void writer_note_oldest(struct journal *j)
{
	j->saved.oldest = j->infos[0].number;
	(void)state_save(j->dirfd, &j->saved, j->settings.file_mode);
}

static void note_size(struct journal *j)
{
	(void)pthread_mutex_lock(&j->lock);
	j->infos[j->n_infos - 1].bytes = j->seg.off;
	(void)pthread_mutex_unlock(&j->lock);
}

/* Everything that the ring has for this segment, in one call. */
static int do_write(struct journal *j)
{
	struct iovec v[2];
	uint64_t to, seq;
	bool in_haste;
	int n, r;

	(void)pthread_mutex_lock(&j->lock);
	to = limit(j);
	seq = (j->n_turns ? j->turns[0].first_seq : journal_next_unput(j)) - 1;
	if (!j->n_turns)
		j->unwritten_ns = 0;
	n = ring_pieces(&j->ring, j->written, to, v);
	in_haste = j->urgent_pos > j->ring.tail ||
		   ring_used(&j->ring) > j->ring.size / 2;
	(void)pthread_mutex_unlock(&j->lock);

	r = trim(j, to - j->written);
	if (r < 0)
		return r;
	j->what = "write";
	r = segment_write(&j->seg, v, n);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&j->lock);
	j->written = to;
	j->written_seq = seq;
	j->seal_first = in_haste;
	j->wrote_ns = clock_mono_ns();
	(void)pthread_mutex_unlock(&j->lock);
	note_size(j);
	return 0;
}

static int do_seal(struct journal *j, uint32_t flags)
{
	uint64_t now;
	int r;

	/* Durable in a file that nobody can find is not durable. */
	r = reopen_check(j);
	if (r < 0)
		return r;
	j->what = "fdatasync";
	r = segment_sync(&j->seg);
	if (r < 0)
		return r;
	j->what = "write seal";
	r = segment_seal(&j->seg, j->written_seq, flags, clock_wall_ns());
	if (r < 0)
		return r;
	note_size(j);
	now = clock_mono_ns();
	(void)pthread_mutex_lock(&j->lock);
	ring_drop(&j->ring, j->written);
	j->sealed_seq = j->written_seq;
	j->stats.syncs++;
	/* Whatever is left came after what was just sealed. */
	j->unsealed_ns = j->ring.tail == j->ring.head ? 0
			 : j->unwritten_ns	      ? j->unwritten_ns
						      : now;
	journal_put_overflow(j, now);
	(void)pthread_cond_broadcast(&j->done);
	(void)pthread_mutex_unlock(&j->lock);
	return 0;
}

/* Seal that nothing follows in this segment, durable itself. */
static int do_end(struct journal *j, uint32_t flags)
{
	int r;

	if (!j->ended) {
		r = do_seal(j, flags | JOURNAL_SEAL_END);
		if (r < 0)
			return r;
		j->ended = true;
	}
	j->what = "fdatasync";
	return segment_sync(&j->seg);
}

static int save_state(struct journal *j, bool clean)
{
	struct state st = {
		.epoch = j->epoch,
		.segment = j->seg.header.number,
		.seq = j->sealed_seq + 1,
		.oldest = j->saved.oldest,
		.clean = clean,
	};

	memcpy(st.id, j->id, sizeof(st.id));
	j->saved = st;
	j->what = "write state";
	return state_save(j->dirfd, &st, j->settings.file_mode);
}

/* The open segment is written: go on in the next. */
static int do_turn(struct journal *j)
{
	struct segment_plan plan = { 0 };
	struct turn t;
	int r;

	r = do_end(j, 0);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&j->lock);
	t = j->turns[0];
	(void)pthread_mutex_unlock(&j->lock);
	plan.number = t.number + j->shift;
	plan.first_seq = t.first_seq;
	plan.wall_ns = t.wall_ns;
	memcpy(plan.salt, t.salt, sizeof(plan.salt));
	segment_final_sha(&j->seg, plan.previous_sha);
	r = trim(j, JOURNAL_HEADER_AREA);
	if (r >= 0)
		r = writer_create(j, &plan);
	if (r < 0)
		return r;
	j->number = t.number;
	(void)pthread_mutex_lock(&j->lock);
	j->n_turns--;
	memmove(j->turns, j->turns + 1, j->n_turns * sizeof(t));
	if (j->written == j->ring.head)
		j->unwritten_ns = 0;
	(void)pthread_mutex_unlock(&j->lock);
	/* Not needed to go on: it tells the next start where we were. */
	return save_state(j, false);
}

/* Writing may fail because there is no place any more. */
static bool is_adrift(struct journal *j)
{
	const char *what = j->what;
	int r = reopen_check(j);

	j->what = what;
	return r < 0;
}

static int do_check(struct journal *j)
{
	int64_t age_ns = clock_wall_ns() - j->seg.header.wall_ns;
	int r;

	j->checked_ns = clock_mono_ns();
	r = reopen_check(j);
	if (r < 0) {
		j->adrift = true;
		return r;
	}
	/* Only whole segments grow old: do not let one last for ever. */
	if (j->settings.max_age_ms && age_ns > 0 &&
	    (uint64_t)age_ns / NS_PER_MS > j->settings.max_age_ms / 4) {
		(void)pthread_mutex_lock(&j->lock);
		if (j->segment_bytes)
			j->turn_wanted = true;
		(void)pthread_mutex_unlock(&j->lock);
	}
	return trim(j, 0);
}

static int do_finish(struct journal *j)
{
	int r;

	r = do_end(j, JOURNAL_SEAL_CLEAN);
	if (r >= 0)
		r = save_state(j, true);
	return r;
}

static int do_step(struct journal *j, enum step step)
{
	int r = 0;

	switch (step) {
	case STEP_WAIT:
		break;
	case STEP_RETRY:
		r = reopen(j);
		if (r >= 0)
			j->adrift = false;
		break;
	case STEP_CHECK:
		r = do_check(j);
		break;
	case STEP_WRITE:
		r = do_write(j);
		break;
	case STEP_TURN:
		r = do_turn(j);
		break;
	case STEP_SEAL:
		r = do_seal(j, 0);
		break;
	case STEP_FINISH:
		r = do_finish(j);
		break;
	}
	return r;
}

/* Under lock. */
static void failed(struct journal *j, enum step step, int r)
{
	uint64_t now = clock_mono_ns();

	j->stats.error = -r;
	(void)snprintf(j->stats.error_what, sizeof(j->stats.error_what), "%s",
		       j->what);
	j->failed_step = (int)step;
	j->pause_ns = j->pause_ns ? j->pause_ns * 2 : RETRY_FIRST_NS;
	if (j->pause_ns > RETRY_MOST_NS)
		j->pause_ns = RETRY_MOST_NS;
	if (j->stop && j->pause_ns > RETRY_FIRST_NS)
		j->pause_ns = RETRY_FIRST_NS;
	j->retry_ns = now + j->pause_ns;
	/* Behind the last seal again. */
	segment_rewind(&j->seg);
	j->written = j->ring.tail;
	j->written_seq = j->sealed_seq;
	j->unwritten_ns = j->ring.tail < j->ring.head ? now : 0;
}

/*
 * Under lock. Only what failed, or more, proves that it works again: a disk
 * that takes writes and fails syncs is still failing.
 */
static void succeeded(struct journal *j, enum step step)
{
	if (!j->retry_ns)
		return;
	if (step != STEP_SEAL && step != STEP_TURN && step != STEP_FINISH &&
	    (int)step != j->failed_step)
		return;
	j->retry_ns = j->pause_ns = 0;
	j->stats.error = 0;
	j->stats.error_what[0] = '\0';
}

void *writer_main(void *arg)
{
	struct journal *j = arg;
	enum step step = STEP_WAIT;
	uint64_t now, wake = 0;
	int r;

	(void)pthread_mutex_lock(&j->lock);
	for (;;) {
		now = clock_mono_ns();
		if (j->stop && j->retry_ns &&
		    now > j->stop_ns + CLOSE_PATIENCE_NS)
			break;
		step = next_step(j, now, &wake);
		if (step == STEP_WAIT) {
			wait_until(j, wake);
			continue;
		}
		(void)pthread_mutex_unlock(&j->lock);
		r = do_step(j, step);
		if (r < 0 && !j->adrift)
			j->adrift = is_adrift(j);
		(void)pthread_mutex_lock(&j->lock);
		if (r < 0)
			failed(j, step, r);
		else
			succeeded(j, step);
		if (r >= 0 && step == STEP_FINISH)
			break;
	}
	(void)pthread_cond_broadcast(&j->done);
	(void)pthread_mutex_unlock(&j->lock);
	return NULL;
}
