// SPDX-License-Identifier: Apache-2.0
/*
 * Following a journal on a loop.
 *
 * The idea: two things can be waited for, more journal and more room for
 * output, and only ever one of them at a time. While output waits, nothing is
 * read, so memory stays bounded and no line has to be thrown away; the only
 * loss possible is that the journal trims what was not shown, and the reader
 * tells of that itself.
 */
#include "app/tail_view.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/loop.h"
#include "store/reader.h"

/* One turn: about a millisecond of the daemon's time. */
#define FRAMES_PER_TURN 128
#define DRAIN_MS	1000
/* Should the news of more journal be lost, it is found this late. */
#define BACKSTOP_MS	1000
/*
 * Nobody waits for a line of a log as one does at a terminal: where the journal
 * is written all the time it reads a few pieces at once, with a tenth of the
 * calls. What comes alone is read at once.
 */
#define LOG_PACE_MS	50

struct tail_view {
	struct tail_lines *lines;
	bool patient;
	uint64_t pace_ns; /* between two turns; 0: none */
	uint64_t turn_ns; /* when the last one was */
	struct loop *loop;
	struct reader *reader;
	tail_ended_fn ended;
	void *arg;
	struct loop_timer *again; /* the turn was over before the journal */
	unsigned long bad;
	bool watches_out;
	bool out_waits;
	bool is_behind; /* the last turn ended before the journal did */
	bool is_early;	/* there is more to read, and it is not time yet */
	bool is_over;
};

int tail_view_new(const struct tail_settings *s, struct tail_view **ret)
{
	struct tail_view *t;
	int r;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->patient = s->patient;
	t->pace_ns = s->as_log ? LOG_PACE_MS * NS_PER_MS : 0;
	r = tail_lines_new(s, &t->lines);
	if (r < 0) {
		free(t);
		return r;
	}
	*ret = t;
	return 0;
}

static void unwatch(struct tail_view *t)
{
	if (t->reader)
		loop_remove(t->loop, reader_fd(t->reader));
	if (t->watches_out)
		loop_remove(t->loop, tail_lines_fd(t->lines));
	t->watches_out = false;
}

void tail_view_free(struct tail_view *t)
{
	if (!t)
		return;
	if (t->loop && !t->is_over)
		unwatch(t);
	tail_lines_free(t->lines);
	free(t);
}

unsigned long tail_view_bad(const struct tail_view *t)
{
	return t->bad;
}

static int end(struct tail_view *t, int error)
{
	if (t->is_over)
		return 0;
	t->is_over = true;
	unwatch(t);
	return t->ended ? t->ended(t->arg, error) : 0;
}

/* 1: a turn's worth was read and there may be more; 0: the end; -errno. */
static int read_turn(struct tail_view *t, struct reader *r)
{
	struct reader_frame f;
	int k;

	for (int n = 0; n < FRAMES_PER_TURN; n++) {
		if (tail_lines_full(t->lines))
			return 1;
		k = reader_next(r, &f);
		if (k <= 0)
			return k;
		k = tail_lines_take(t->lines, reader_journal_id(r), &f);
		if (k == -EBADMSG)
			t->bad++;
		else if (k < 0)
			return k;
	}
	return 1;
}

static int turn(struct tail_view *t)
{
	int more, r;

	if (t->is_over || t->out_waits)
		return 0;
	if (t->pace_ns)
		t->turn_ns = clock_mono_ns();
	more = read_turn(t, t->reader);
	t->is_behind = more > 0;
	r = tail_lines_flush(t->lines);
	if (more < 0 || r < 0)
		return end(t, more < 0 ? more : r);
	if (r > 0) {
		t->out_waits = true;
		r = loop_modify(t->loop, tail_lines_fd(t->lines), EPOLLOUT);
		return r < 0 ? end(t, r) : 0;
	}
	return loop_timer_arm(t->again, more ? 0 : BACKSTOP_MS);
}

static int on_again(void *arg)
{
	struct tail_view *t = arg;
	int r;

	if (t->is_early && !t->is_over) {
		t->is_early = false;
		r = loop_modify(t->loop, reader_fd(t->reader), EPOLLIN);
		if (r < 0)
			return end(t, r);
		reader_clear(t->reader);
	}
	return turn(t);
}

/* Later, and not asked again until then. */
static int put_off(struct tail_view *t, uint64_t left_ns)
{
	int r = loop_modify(t->loop, reader_fd(t->reader), 0);

	if (r < 0)
		return end(t, r);
	t->is_early = true;
	return loop_timer_arm(t->again, left_ns / NS_PER_MS + 1);
}

static int on_journal(int fd, uint32_t events, void *arg)
{
	struct tail_view *t = arg;
	uint64_t due_ns = t->turn_ns + t->pace_ns, now_ns;

	(void)fd;
	(void)events;
	if (t->pace_ns && !t->out_waits && !t->is_behind) {
		now_ns = clock_mono_ns();
		if (now_ns < due_ns)
			return put_off(t, due_ns - now_ns);
	}
	reader_clear(t->reader);
	return turn(t);
}

/* Writable again, or gone: a hang-up is told without being asked for. */
static int on_output(int fd, uint32_t events, void *arg)
{
	struct tail_view *t = arg;
	int r;

	if (events & (EPOLLERR | EPOLLHUP))
		return end(t, -EPIPE);
	r = tail_lines_flush(t->lines);
	if (r < 0)
		return end(t, r);
	if (r > 0)
		return 0;
	t->out_waits = false;
	r = loop_modify(t->loop, fd, 0);
	return r < 0 ? end(t, r) : turn(t);
}

int tail_view_attach(struct tail_view *t, struct loop *l, tail_ended_fn ended,
		     void *arg)
{
	int r;

	r = loop_timer_new(l, 0, on_again, t, &t->again);
	if (r < 0)
		return r;
	r = loop_add(l, tail_lines_fd(t->lines), 0, on_output, t);
	/* A regular file cannot be waited for, and never needs to be. */
	if (r < 0 && r != -EPERM)
		return r;
	t->watches_out = r >= 0;
	t->loop = l;
	t->ended = ended;
	t->arg = arg;
	return 0;
}

int tail_view_follow(struct tail_view *t, struct reader *r)
{
	int k;

	k = loop_add(t->loop, reader_fd(r), EPOLLIN, on_journal, t);
	if (k < 0)
		return k;
	t->reader = r;
	/* What is there already is told of by no one. */
	return loop_timer_arm(t->again, 0);
}

/* Wait for room, but not past the deadline; false: it did not come. */
static bool wait_for_room(const struct tail_view *t, uint64_t deadline_ns)
{
	struct pollfd out = { .fd = tail_lines_fd(t->lines),
			      .events = POLLOUT };
	uint64_t now_ns = clock_mono_ns();

	if (now_ns >= deadline_ns)
		return false;
	return poll(&out, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1) > 0;
}

int tail_view_drain(struct tail_view *t, struct reader *r)
{
	uint64_t deadline_ns = clock_mono_ns() + DRAIN_MS * NS_PER_MS;
	int more, k;

	if (t->is_over)
		return 0;
	do {
		more = read_turn(t, r);
		while ((k = tail_lines_flush(t->lines)) > 0)
			if (!wait_for_room(t, deadline_ns))
				return -ETIMEDOUT;
		if (!t->patient && clock_mono_ns() >= deadline_ns)
			return -ETIMEDOUT;
	} while (more > 0 && k == 0);
	return more < 0 ? more : k;
}
