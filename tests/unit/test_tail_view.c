// SPDX-License-Identifier: Apache-2.0
/* app/tail_view: a real journal, drained and followed beside all else. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/tail_view.h"
#include "base/loop.h"
#include "out_samples.h"
#include "store/journal.h"
#include "tail_pipe.h"

struct place {
	char dir[64];
	struct journal *journal;
	struct buf payload;
	struct image img;
};

static void append_exec(struct place *p)
{
	struct event ev = sample_event(EVENT_EXEC);
	uint64_t seq;

	if (p->img.described_in != journal_segment(p->journal)) {
		buf_reset(&p->payload);
		record_pack_image(&p->payload, &p->img);
		assert_int_equal(journal_append(p->journal, JOURNAL_DESCRIPTION,
						0, SAMPLE_WALL_NS,
						buf_slice(&p->payload), &seq),
				 0);
		p->img.described_in = journal_segment(p->journal);
	}
	buf_reset(&p->payload);
	record_pack_event(&p->payload, &ev, &p->img, NULL, SAMPLE_WALL_NS);
	assert_int_equal(journal_append(p->journal, JOURNAL_EVENT, 0,
					SAMPLE_WALL_NS, buf_slice(&p->payload),
					&seq),
			 0);
}

static int place_open(void **state)
{
	struct journal_settings s = { .max_size = 64 << 20,
				      .segment_size = 1 << 20,
				      .buffer_size = 1 << 20,
				      .sync_interval_ms = 10,
				      .file_mode = 0640 };
	struct place *p = calloc(1, sizeof(*p));
	struct journal_opening opening;
	char what[256];
	int holder;

	(void)strcpy(p->dir, "/tmp/picket-test-tail-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	s.dir = p->dir;
	assert_int_equal(journal_open(&s, &p->journal, &opening, &holder, what),
			 0);
	buf_init(&p->payload, JOURNAL_PAYLOAD_MAX);
	p->img = sample_image(5, 4711, "/bin/actor", NULL);
	*state = p;
	return 0;
}

static uint64_t append_packed(struct place *p, uint8_t type, bool is_urgent)
{
	uint64_t seq = 0;

	assert_int_equal(
		journal_append(p->journal, type, is_urgent ? JOURNAL_URGENT : 0,
			       SAMPLE_WALL_NS, buf_slice(&p->payload), &seq),
		0);
	buf_reset(&p->payload);
	return seq;
}

/*
 * What is no alert is passed over unseen, but what may become one is not: the
 * line of its verdict says who did it.
 */
static void log_of_alerts_knows_what_was_pending(void **state)
{
	struct tail_settings s = { .kinds = TAIL_ALL,
				   .alerts_only = true,
				   .as_log = true };
	const struct verdict pending = { .answer = ANSWER_PENDING };
	const struct verdict denied = { .answer = ANSWER_DENIED,
					.severity = SEVERITY_HIGH,
					.alert = true };
	const struct resolution res = { .verdict = &denied,
					.img = &((struct place *)*state)->img };
	struct event ev = sample_event(EVENT_EXEC);
	struct place *place = *state;
	struct tail_view *t;
	struct reader *r;
	struct pipe p;
	uint64_t seq;

	append_exec(place);
	append_exec(place);
	buf_reset(&place->payload);
	record_pack_event(&place->payload, &ev, &place->img, &pending, 1);
	seq = append_packed(place, JOURNAL_EVENT, false);
	record_pack_resolution(&place->payload,
			       &(struct record_amends){ 1, seq, 1, 1 }, &res);
	(void)append_packed(place, JOURNAL_AMENDMENT, true);
	record_pack_event(&place->payload, &ev, &place->img, &denied, 1);
	(void)append_packed(place, JOURNAL_EVENT, true);
	assert_int_equal(journal_flush(place->journal, 5000), 0);
	pipe_open(&p);
	s.fd = p.in;
	assert_int_equal(reader_open(place->dir, READER_OLDEST, 0, 0, &r), 0);
	assert_int_equal(tail_view_new(&s, &t), 0);
	assert_int_equal(tail_view_drain(t, r), 0);
	(void)pipe_read(&p);
	assert_int_equal(pipe_count(&p.got, "alert: "), 2);
	assert_int_equal(pipe_count(&p.got, "actor[4711]"), 2);
	assert_int_equal(tail_view_bad(t), 0);
	tail_view_free(t);
	reader_close(r);
	pipe_close(&p);
}

static int place_close(void **state)
{
	struct place *p = *state;
	char command[128];

	journal_close(p->journal);
	buf_done(&p->payload);
	(void)snprintf(command, sizeof(command), "rm -r %s", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static void drain_shows_all_there_is(void **state)
{
	struct tail_settings s = { .kinds = TAIL_ALL, .patient = true };
	struct place *place = *state;
	struct tail_view *t;
	struct reader *r;
	struct pipe p;

	for (int i = 0; i < 300; i++)
		append_exec(place);
	assert_int_equal(journal_flush(place->journal, 5000), 0);
	pipe_open(&p);
	s.fd = p.in;
	assert_int_equal(reader_open(place->dir, READER_OLDEST, 0, 0, &r), 0);
	assert_int_equal(tail_view_new(&s, &t), 0);
	assert_int_equal(tail_view_drain(t, r), 0);
	(void)pipe_read(&p);
	assert_int_equal(pipe_count(&p.got, " /bin/actor"), 300);
	assert_int_equal(tail_view_bad(t), 0);
	tail_view_free(t);
	reader_close(r);
	pipe_close(&p);
}

struct following {
	struct place *place;
	struct loop *loop;
	struct pipe pipe;
	struct tail_view *view;
	struct reader *reader;
	size_t want;
	int ticks, ended;
	bool slow; /* take nothing for the first ticks */
};

/* The rest of the daemon: it appends, and goes on whatever the tail does. */
static int tick(void *arg)
{
	struct following *f = arg;

	if (f->ticks++ < 10)
		for (int i = 0; i < 500; i++)
			append_exec(f->place);
	if (f->slow && f->ticks < 30)
		return 0;
	if (f->pipe.out >= 0) {
		(void)pipe_read(&f->pipe);
		if (pipe_count(&f->pipe.got, "\n") >= f->want)
			loop_stop(f->loop, 0);
	}
	return f->ticks > 2000 ? -ETIMEDOUT : 0;
}

static int ended(void *arg, int error)
{
	struct following *f = arg;

	f->ended = error;
	loop_stop(f->loop, 0);
	return 0;
}

/* One alert after the other, among what is none. */
static int alert_tick(void *arg)
{
	static const struct verdict denied = { .answer = ANSWER_DENIED,
					       .alert = true };
	struct event ev = sample_event(EVENT_EXEC);
	struct following *f = arg;

	if (f->ticks++ < 40) {
		append_exec(f->place);
		buf_reset(&f->place->payload);
		record_pack_event(&f->place->payload, &ev, &f->place->img,
				  &denied, 1);
		(void)append_packed(f->place, JOURNAL_EVENT, true);
	}
	(void)pipe_read(&f->pipe);
	if (pipe_count(&f->pipe.got, "alert: ") >= f->want)
		loop_stop(f->loop, 0);
	return f->ticks > 12000 ? -ETIMEDOUT : 0;
}

static void following_begin(struct following *f, struct tail_settings *s)
{
	pipe_open(&f->pipe);
	s->fd = f->pipe.in;
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(
		reader_open(f->place->dir, READER_NOW, 0, 0, &f->reader), 0);
	assert_int_equal(tail_view_new(s, &f->view), 0);
	assert_int_equal(tail_view_attach(f->view, f->loop, ended, f), 0);
	assert_int_equal(tail_view_follow(f->view, f->reader), 0);
}

static void following_end(struct following *f)
{
	tail_view_free(f->view);
	reader_close(f->reader);
	loop_free(f->loop);
	pipe_close(&f->pipe);
}

/* What comes soon after what was just told is told later, but told. */
static void log_of_alerts_goes_at_its_own_pace(void **state)
{
	struct tail_settings s = { .kinds = TAIL_ALL,
				   .alerts_only = true,
				   .as_log = true };
	struct following f = { .place = *state, .want = 40 };

	following_begin(&f, &s);
	assert_int_equal(loop_timer_new(f.loop, 5, alert_tick, &f, NULL), 0);
	assert_int_equal(loop_run(f.loop), 0);
	assert_int_equal(pipe_count(&f.pipe.got, "alert: "), 40);
	assert_int_equal(pipe_count(&f.pipe.got, "actor[4711]"), 40);
	assert_int_equal(f.ended, 0);
	following_end(&f);
}

static void follow(struct place *place, bool slow)
{
	struct tail_settings s = { .kinds = TAIL_ALL, .json = true };
	struct following f = { .place = place, .want = 5000, .slow = slow };

	following_begin(&f, &s);
	assert_int_equal(loop_timer_new(f.loop, 5, tick, &f, NULL), 0);
	assert_int_equal(loop_run(f.loop), 0);
	assert_int_equal(pipe_count(&f.pipe.got, "\n"), 5000);
	assert_int_equal(pipe_count(&f.pipe.got, "/bin/actor"), 5000);
	assert_null(strstr(f.pipe.got.p, "skipped"));
	assert_int_equal(f.ended, 0);
	following_end(&f);
}

static void follower_shows_what_comes(void **state)
{
	follow(*state, false);
}

/* 5 MB of lines are more than a pipe and the buffer hold: it must pause. */
static void slow_reader_loses_nothing_and_holds_up_nobody(void **state)
{
	follow(*state, true);
}

static void output_that_goes_away_ends_it_once(void **state)
{
	struct tail_settings s = { .kinds = TAIL_ALL };
	struct following f = { .place = *state, .want = 1 };

	following_begin(&f, &s);
	(void)close(f.pipe.out);
	f.pipe.out = -1;
	assert_int_equal(loop_run(f.loop), 0);
	/* Nothing had to be written to find that out. */
	assert_int_equal(f.ended, -EPIPE);
	assert_int_equal(tail_view_drain(f.view, f.reader), 0);
	following_end(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, place_open, place_close)
		T(log_of_alerts_knows_what_was_pending),
		T(log_of_alerts_goes_at_its_own_pace),
		T(drain_shows_all_there_is),
		T(follower_shows_what_comes),
		T(slow_reader_loses_nothing_and_holds_up_nobody),
		T(output_that_goes_away_ends_it_once),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("tail view", tests, NULL, NULL);
}
