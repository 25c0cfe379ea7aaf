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
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "store/reader.h"

/* One turn: about a millisecond of the daemon's time. */
#define FRAMES_PER_TURN 128
#define FINISH_MS	1000
/* Should the news of more journal be lost, it is found this late. */
#define BACKSTOP_MS	1000

struct tail_view {
	struct tail_lines *lines;
	struct tail_source src;
	struct loop_timer *again; /* the turn was over before the journal */
	unsigned long bad;
	bool watches_out;
	bool out_waits;
	bool ended;
};

/* 1: a turn's worth was read and there may be more; 0: the end; -errno. */
static int read_turn(struct tail_lines *lines, struct reader *r, int frames,
		     unsigned long *bad)
{
	struct reader_frame f;
	int k;

	while (frames-- && !tail_lines_full(lines)) {
		k = reader_next(r, &f);
		if (k <= 0)
			return k;
		k = tail_lines_take(lines, reader_journal_id(r), &f);
		if (k == -EBADMSG)
			(*bad)++;
		else if (k < 0)
			return k;
	}
	return 1;
}

static void unwatch(struct tail_view *t)
{
	loop_remove(t->src.loop, reader_fd(t->src.reader));
	if (t->watches_out)
		loop_remove(t->src.loop, tail_lines_fd(t->lines));
	t->watches_out = false;
}

static int end(struct tail_view *t, int error)
{
	if (t->ended)
		return 0;
	t->ended = true;
	unwatch(t);
	return t->src.ended ? t->src.ended(t->src.arg, error) : 0;
}

static int turn(struct tail_view *t)
{
	int more, r;

	if (t->ended || t->out_waits)
		return 0;
	more = read_turn(t->lines, t->src.reader, FRAMES_PER_TURN, &t->bad);
	if (more < 0)
		return end(t, more);
	r = tail_lines_flush(t->lines);
	if (r < 0)
		return end(t, r);
	if (r > 0) {
		t->out_waits = true;
		r = loop_modify(t->src.loop, tail_lines_fd(t->lines), EPOLLOUT);
		return r < 0 ? end(t, r) : 0;
	}
	return loop_timer_arm(t->again, more ? 0 : BACKSTOP_MS);
}

static int on_again(void *arg)
{
	return turn(arg);
}

static int on_journal(int fd, uint32_t events, void *arg)
{
	struct tail_view *t = arg;

	(void)fd;
	(void)events;
	reader_clear(t->src.reader);
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
	r = loop_modify(t->src.loop, fd, 0);
	return r < 0 ? end(t, r) : turn(t);
}

int tail_view_open(const struct tail_settings *s, const struct tail_source *src,
		   struct tail_view **ret)
{
	struct tail_view *t;
	int r;

	t = calloc(1, sizeof(*t));
	if (!t) {
		reader_close(src->reader);
		return -ENOMEM;
	}
	t->src = *src;
	r = tail_lines_new(s, &t->lines);
	if (r < 0)
		goto fail;
	r = loop_timer_new(src->loop, 0, on_again, t, &t->again);
	if (r < 0)
		goto fail;
	r = loop_add(src->loop, tail_lines_fd(t->lines), 0, on_output, t);
	/* A regular file cannot be waited for, and never needs to be. */
	if (r < 0 && r != -EPERM)
		goto fail;
	t->watches_out = r >= 0;
	r = loop_add(src->loop, reader_fd(src->reader), EPOLLIN, on_journal, t);
	if (r < 0)
		goto fail;
	/* What is there already is told of by no one. */
	r = loop_timer_arm(t->again, 0);
	if (r < 0)
		goto fail;
	*ret = t;
	return 0;
fail:
	tail_view_free(t);
	return r;
}

int tail_view_new(const char *journal_dir, struct loop *l,
		  struct tail_view **ret)
{
	const struct tail_settings s = {
		.fd = STDOUT_FILENO,
		.kinds = TAIL_DEFAULT_TEXT,
	};
	struct tail_source src = { .loop = l };
	int r;

	r = reader_open(journal_dir, READER_NOW, 0, 0, &src.reader);
	if (r < 0)
		return r;
	return tail_view_open(&s, &src, ret);
}

void tail_view_free(struct tail_view *t)
{
	if (!t)
		return;
	if (t->lines && !t->ended)
		unwatch(t);
	/* The timer is the loop's and stays; it must find nothing to do. */
	reader_close(t->src.reader);
	tail_lines_free(t->lines);
	free(t);
}

void tail_view_poke(struct tail_view *t)
{
	if (!t->ended)
		(void)loop_timer_arm(t->again, 0);
}

unsigned long tail_view_bad(const struct tail_view *t)
{
	return t->bad;
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

void tail_view_finish(struct tail_view *t)
{
	uint64_t deadline_ns = clock_mono_ns() + FINISH_MS * NS_PER_MS;
	int more = 1, r;

	if (t->ended)
		return;
	do {
		if (more > 0)
			more = read_turn(t->lines, t->src.reader,
					 FRAMES_PER_TURN, &t->bad);
		while ((r = tail_lines_flush(t->lines)) > 0)
			if (!wait_for_room(t, deadline_ns))
				return;
	} while (more > 0 && r == 0 && clock_mono_ns() < deadline_ns);
}

int tail_drain(struct tail_lines *lines, struct reader *r,
	       unsigned long *ret_bad)
{
	unsigned long bad = 0;
	int more, k;

	do {
		more = read_turn(lines, r, FRAMES_PER_TURN, &bad);
		k = tail_lines_flush(lines);
	} while (more > 0 && k == 0);
	*ret_bad = bad;
	return more < 0 ? more : k;
}
