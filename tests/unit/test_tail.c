// SPDX-License-Identifier: Apache-2.0
/* app/tail_lines, tail_view, line_out: what is shown, and who waits for whom. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/line_out.h"
#include "app/tail_view.h"
#include "base/loop.h"
#include "out_samples.h"
#include "store/journal.h"

/* A reader's end of a pipe and all that came out of it. */
struct pipe {
	int in, out;
	struct buf got;
};

static void pipe_open(struct pipe *p)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	p->in = ends[1];
	p->out = ends[0];
	assert_int_equal(fcntl(p->out, F_SETFL, O_NONBLOCK), 0);
	buf_init(&p->got, 16 << 20);
}

static void pipe_close(struct pipe *p)
{
	(void)close(p->in);
	if (p->out >= 0)
		(void)close(p->out);
	buf_done(&p->got);
}

/* What is in it now, as a string; the buffer keeps growing. */
static const char *pipe_read(struct pipe *p)
{
	static char some[65536];
	ssize_t n;

	while ((n = read(p->out, some, sizeof(some))) > 0)
		buf_add(&p->got, some, (size_t)n);
	buf_add_char(&p->got, '\0');
	p->got.n--;
	return p->got.p;
}

/* By length: strstr would look for the end of megabytes each time. */
static size_t count(const struct buf *b, const char *part)
{
	const char *at = b->p, *end = b->p + b->n;
	size_t n = 0;

	while (at &&
	       (at = memmem(at, (size_t)(end - at), part, strlen(part)))) {
		at += strlen(part);
		n++;
	}
	return n;
}

/* ---- what is shown ------------------------------------------------------ */

static const struct verdict alert = { .answer = ANSWER_DENIED,
				      .alert = true,
				      .severity = SEVERITY_HIGH,
				      .rule = "no" };

static void take(struct tail_lines *t, uint8_t type, uint64_t seq,
		 const struct buf *payload)
{
	const struct reader_frame f = {
		.type = type,
		.epoch = 1,
		.seq = seq,
		.seq_end = seq + 1,
		.wall_ns = SAMPLE_WALL_NS,
		.segment = 1,
		.payload = buf_slice(payload),
	};

	assert_int_equal(tail_lines_take(t, sample_journal, &f), 0);
}

/* One of each: 1 exec, 2 exit, 3 connect, 4 its refusal, 5 write, 6 totals,
 * 7 picket started, 8 loss, 9 denied write, 10 its totals, 11 connected. */
static void take_one_of_each(struct tail_lines *t)
{
	const struct write_totals totals = { .count = 5, .bytes = 77 };
	struct image img = sample_image(5, 4711, "/bin/actor", NULL);
	struct event ev, result = { .kind = EVENT_CONNECT_RESULT };
	struct buf b = BUF_INIT(JOURNAL_PAYLOAD_MAX);

#define TAKE(type, seq, ...)                      \
	do {                                      \
		buf_reset(&b);                    \
		__VA_ARGS__;                      \
		take(t, JOURNAL_##type, seq, &b); \
	} while (0)
	TAKE(DESCRIPTION, 0, record_pack_image(&b, &img));
	ev = sample_event(EVENT_EXEC);
	TAKE(EVENT, 1, record_pack_event(&b, &ev, &img, NULL, 1));
	ev = sample_event(EVENT_EXIT);
	TAKE(EVENT, 2, record_pack_event(&b, &ev, &img, NULL, 1));
	ev = sample_connect(sample_ip4(10, 0, 0, 1), 80);
	TAKE(EVENT, 3, record_pack_event(&b, &ev, &img, NULL, 1));
	result.result.local = result.result.peer = ev.connect.peer.addr;
	result.result.error = ECONNREFUSED;
	TAKE(AMENDMENT, 4, record_pack_connect_result(&b, 1, 3, &result, 1));
	ev = sample_write("/plain", OP_OPEN);
	TAKE(EVENT, 5, record_pack_event(&b, &ev, &img, NULL, 1));
	TAKE(AMENDMENT, 6, record_pack_write_totals(&b, 1, 5, &totals, 1, 1));
	TAKE(EVENT, 7,
	     record_pack_agent(&b, PICKET__V1__AGENT__WHAT__STARTED, "started",
			       NULL, 1, 1));
	TAKE(EVENT, 8,
	     record_pack_agent(&b, PICKET__V1__AGENT__WHAT__LOSS, "lost", NULL,
			       1, 1));
	ev = sample_write("/secret", OP_OPEN);
	TAKE(EVENT, 9, record_pack_event(&b, &ev, &img, &alert, 1));
	TAKE(AMENDMENT, 10, record_pack_write_totals(&b, 1, 9, &totals, 1, 1));
	result.result.error = 0;
	TAKE(AMENDMENT, 11, record_pack_connect_result(&b, 1, 3, &result, 1));
#undef TAKE
	buf_done(&b);
}

struct choice {
	unsigned kinds;
	bool json, alerts;
	const char *want; /* numbers of the records shown */
};

/* What of each record a line of text is known by. */
static const char *const marks[] = {
	NULL,	      " exec ",	     " exit ",	       "tcp 10.0.0.1:80",
	":0 refused", "open /plain", "/plain: 5",      "started",
	"WARN  ",     "HIGH ",	     "/secret: 5 ope", ":0 connected",
};

static void check_choice(const struct choice *c)
{
	struct tail_settings s = { .kinds = c->kinds,
				   .json = c->json,
				   .alerts_only = c->alerts,
				   .patient = true };
	char shown[64] = "", mark[48];
	struct tail_lines *t;
	struct pipe p;
	const char *text;

	pipe_open(&p);
	s.fd = p.in;
	assert_int_equal(tail_lines_new(&s, &t), 0);
	take_one_of_each(t);
	assert_int_equal(tail_lines_flush(t), 0);
	text = pipe_read(&p);
	for (int i = 1; i <= 11; i++) {
		(void)snprintf(mark, sizeof(mark),
			       "\"epoch\":1,\"seq\":%d,\"time", i);
		if (!strstr(text, c->json ? mark : marks[i]))
			continue;
		(void)snprintf(shown + strlen(shown),
			       sizeof(shown) - strlen(shown), "%d ", i);
	}
	if (strcmp(shown, c->want) != 0)
		fail_msg("shown %s, not %s:\n%s", shown, c->want, text);
	tail_lines_free(t);
	pipe_close(&p);
}

static void people_and_programs_see_what_they_asked_for(void **state)
{
	static const struct choice choices[] = {
		/* Ordinary outcomes and totals are silent. */
		{ TAIL_DEFAULT, false, false, "1 3 4 5 7 8 9 10 " },
		{ TAIL_ALL, false, false, "1 2 3 4 5 7 8 9 10 " },
		{ TAIL_ALL, true, false, "1 2 3 4 5 6 7 8 9 10 11 " },
		/* What was lost is told whatever is asked for. */
		{ TAIL_EXEC, false, false, "1 8 " },
		{ TAIL_EXIT, true, false, "2 8 " },
		{ TAIL_CONNECT, false, false, "3 4 8 " },
		{ TAIL_CONNECT, true, false, "3 8 " },
		{ TAIL_WRITE, false, false, "5 8 9 10 " },
		{ TAIL_AGENT, false, false, "7 8 " },
		{ TAIL_AMENDMENT, true, false, "4 6 8 10 11 " },
		{ TAIL_DEFAULT, false, true, "8 9 10 " },
		{ TAIL_ALL, true, true, "8 9 10 " },
		{ TAIL_EXEC, true, true, "8 " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++)
		check_choice(&choices[i]);
}

static void kinds_are_read_strictly(void **state)
{
	static const char *const bad[] = { "",	       "exec,",	     ",exec",
					   "execs",    "exec,,exit", "all",
					   "exec exit" };
	unsigned kinds = 99;

	(void)state;
	assert_int_equal(tail_kinds_parse("exec", &kinds), 0);
	assert_int_equal(kinds, TAIL_EXEC);
	assert_int_equal(
		tail_kinds_parse("exec,connect,write,listen,load,tamper,exit,"
				 "agent,amendment",
				 &kinds),
		0);
	assert_int_equal(kinds, TAIL_ALL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(tail_kinds_parse(bad[i], &kinds), -EINVAL);
	assert_int_equal(kinds, TAIL_ALL);
}

static void no_colours_but_on_a_terminal(void **state)
{
	const struct choice c = { TAIL_DEFAULT, false, false,
				  "1 3 4 5 7 8 9 10 " };
	struct tail_settings s = { .kinds = TAIL_DEFAULT };
	struct tail_lines *t;
	struct pipe p;

	(void)state;
	(void)setenv("TERM", "xterm", 1);
	(void)unsetenv("NO_COLOR");
	check_choice(&c);
	pipe_open(&p);
	s.fd = p.in;
	assert_int_equal(tail_lines_new(&s, &t), 0);
	take_one_of_each(t);
	assert_int_equal(tail_lines_flush(t), 0);
	assert_null(strchr(pipe_read(&p), '\033'));
	tail_lines_free(t);
	pipe_close(&p);
}

static void terminal_gets_colours_unless_told_not_to(void **state)
{
	struct tail_settings s = { .kinds = TAIL_DEFAULT, .patient = true };
	struct pipe p = { .got = BUF_INIT(1 << 20) };
	struct tail_lines *t;

	(void)state;
	p.out = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(p.out >= 0);
	assert_int_equal(grantpt(p.out), 0);
	assert_int_equal(unlockpt(p.out), 0);
	p.in = open(ptsname(p.out), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(p.in >= 0);
	s.fd = p.in;
	(void)setenv("TERM", "xterm", 1);
	for (int no_color = 0; no_color < 2; no_color++) {
		if (no_color)
			(void)setenv("NO_COLOR", "1", 1);
		assert_int_equal(tail_lines_new(&s, &t), 0);
		take_one_of_each(t);
		assert_int_equal(tail_lines_flush(t), 0);
		buf_reset(&p.got);
		assert_int_equal(!!strstr(pipe_read(&p), "\033[1;31mHIGH"),
				 !no_color);
		assert_int_equal(!!strchr(p.got.p, '\033'), !no_color);
		tail_lines_free(t);
	}
	(void)unsetenv("NO_COLOR");
	pipe_close(&p);
}

/* ---- who waits for whom ------------------------------------------------- */

static void impatient_output_skips_counts_and_never_waits(void **state)
{
	char line[1000];
	struct line_out o;
	struct pipe p;
	uint64_t added = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	pipe_open(&p);
	assert_int_equal(line_out_init(&o, p.in, false), 0);
	/* The flag is on a file of its own, not on everyone's. */
	assert_int_equal(fcntl(p.in, F_GETFL) & O_NONBLOCK, 0);
	assert_true(o.own_fd);
	while (line_out_add(&o, slice_of(line, sizeof(line)))) {
		added++;
		assert_true(line_out_flush(&o) >= 0);
	}
	assert_int_equal(line_out_flush(&o), 1);
	assert_int_equal(o.skipped, 1);
	/* A pipe's 64 KiB and our 1 MiB. */
	assert_true(added > 1000 && added < 1200);
	while (line_out_flush(&o) == 1)
		(void)pipe_read(&p);
	(void)pipe_read(&p);
	assert_int_equal(count(&p.got, "\n"), added);
	assert_int_equal(p.got.n, added * (sizeof(line) + 1));
	line_out_done(&o);
	pipe_close(&p);
}

static void impatient_output_to_a_socket_never_waits(void **state)
{
	char line[1000];
	struct line_out o;
	int ends[2], r = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(line_out_init(&o, ends[0], false), 0);
	for (int i = 0; i < 10000 && r == 0; i++) {
		(void)line_out_add(&o, slice_of(line, sizeof(line)));
		r = line_out_flush(&o);
	}
	assert_int_equal(r, 1);
	(void)close(ends[1]);
	assert_int_equal(line_out_flush(&o), -EPIPE);
	line_out_done(&o);
	(void)close(ends[0]);
}

static void skipped_lines_are_told_of(void **state)
{
	struct tail_settings s = { .kinds = TAIL_ALL, .json = true };
	struct tail_lines *t;
	struct pipe p;
	int r;

	(void)state;
	pipe_open(&p);
	s.fd = p.in;
	assert_int_equal(tail_lines_new(&s, &t), 0);
	for (int i = 0; i < 250; i++) {
		take_one_of_each(t);
		r = tail_lines_flush(t);
		assert_true(r >= 0);
	}
	assert_int_equal(r, 1);
	while (tail_lines_flush(t) == 1)
		(void)pipe_read(&p);
	(void)pipe_read(&p);
	assert_int_equal(count(&p.got, "{\"kind\":\"skipped\",\"lines\":"), 1);
	/* The last line, behind whole ones. */
	assert_memory_equal(p.got.p + p.got.n - 2, "}\n", 2);
	assert_true(count(&p.got, "\n") < 250 * 11);
	tail_lines_free(t);
	pipe_close(&p);
}

static void reader_that_is_gone_is_told_apart(void **state)
{
	struct line_out o;
	struct pipe p;

	(void)state;
	for (int patient = 0; patient < 2; patient++) {
		pipe_open(&p);
		assert_int_equal(line_out_init(&o, p.in, patient), 0);
		(void)close(p.out);
		p.out = -1;
		(void)line_out_add(&o, slice_str("for nobody"));
		assert_int_equal(line_out_flush(&o), -EPIPE);
		line_out_done(&o);
		pipe_close(&p);
	}
}

/* ---- a real journal ----------------------------------------------------- */

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
	record_pack_resolution(&place->payload, 1, seq, &res, 1, 1);
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
	assert_int_equal(count(&p.got, "alert: "), 2);
	assert_int_equal(count(&p.got, "actor[4711]"), 2);
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
	assert_int_equal(count(&p.got, " /bin/actor"), 300);
	assert_int_equal(tail_view_bad(t), 0);
	tail_view_free(t);
	reader_close(r);
	pipe_close(&p);
}

struct following {
	struct place *place;
	struct loop *loop;
	struct pipe pipe;
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
		if (count(&f->pipe.got, "\n") >= f->want)
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
	if (count(&f->pipe.got, "alert: ") >= f->want)
		loop_stop(f->loop, 0);
	return f->ticks > 12000 ? -ETIMEDOUT : 0;
}

/* What comes soon after what was just told is told later, but told. */
static void log_of_alerts_goes_at_its_own_pace(void **state)
{
	struct tail_settings s = { .kinds = TAIL_ALL,
				   .alerts_only = true,
				   .as_log = true };
	struct following f = { .place = *state, .want = 40 };
	struct tail_view *t;
	struct reader *r;

	pipe_open(&f.pipe);
	s.fd = f.pipe.in;
	assert_int_equal(loop_new(&f.loop), 0);
	assert_int_equal(reader_open(f.place->dir, READER_NOW, 0, 0, &r), 0);
	assert_int_equal(tail_view_new(&s, &t), 0);
	assert_int_equal(tail_view_attach(t, f.loop, ended, &f), 0);
	assert_int_equal(tail_view_follow(t, r), 0);
	assert_int_equal(loop_timer_new(f.loop, 5, alert_tick, &f, NULL), 0);
	assert_int_equal(loop_run(f.loop), 0);
	assert_int_equal(count(&f.pipe.got, "alert: "), 40);
	assert_int_equal(count(&f.pipe.got, "actor[4711]"), 40);
	assert_int_equal(f.ended, 0);
	tail_view_free(t);
	reader_close(r);
	loop_free(f.loop);
	pipe_close(&f.pipe);
}

static void follow(struct place *place, bool slow)
{
	struct tail_settings s = { .kinds = TAIL_ALL, .json = true };
	struct following f = { .place = place, .want = 5000, .slow = slow };
	struct tail_view *t;
	struct reader *r;

	pipe_open(&f.pipe);
	s.fd = f.pipe.in;
	assert_int_equal(loop_new(&f.loop), 0);
	assert_int_equal(reader_open(place->dir, READER_NOW, 0, 0, &r), 0);
	assert_int_equal(tail_view_new(&s, &t), 0);
	assert_int_equal(tail_view_attach(t, f.loop, ended, &f), 0);
	assert_int_equal(tail_view_follow(t, r), 0);
	assert_int_equal(loop_timer_new(f.loop, 5, tick, &f, NULL), 0);
	assert_int_equal(loop_run(f.loop), 0);
	assert_int_equal(count(&f.pipe.got, "\n"), 5000);
	assert_int_equal(count(&f.pipe.got, "/bin/actor"), 5000);
	assert_null(strstr(f.pipe.got.p, "skipped"));
	assert_int_equal(f.ended, 0);
	tail_view_free(t);
	reader_close(r);
	loop_free(f.loop);
	pipe_close(&f.pipe);
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
	struct tail_view *t;
	struct reader *r;

	pipe_open(&f.pipe);
	s.fd = f.pipe.in;
	assert_int_equal(loop_new(&f.loop), 0);
	assert_int_equal(reader_open(f.place->dir, READER_NOW, 0, 0, &r), 0);
	assert_int_equal(tail_view_new(&s, &t), 0);
	assert_int_equal(tail_view_attach(t, f.loop, ended, &f), 0);
	assert_int_equal(tail_view_follow(t, r), 0);
	(void)close(f.pipe.out);
	f.pipe.out = -1;
	assert_int_equal(loop_run(f.loop), 0);
	/* Nothing had to be written to find that out. */
	assert_int_equal(f.ended, -EPIPE);
	assert_int_equal(tail_view_drain(t, r), 0);
	tail_view_free(t);
	reader_close(r);
	loop_free(f.loop);
	pipe_close(&f.pipe);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_and_programs_see_what_they_asked_for),
		cmocka_unit_test(kinds_are_read_strictly),
		cmocka_unit_test(no_colours_but_on_a_terminal),
		cmocka_unit_test(terminal_gets_colours_unless_told_not_to),
		cmocka_unit_test(impatient_output_skips_counts_and_never_waits),
		cmocka_unit_test(impatient_output_to_a_socket_never_waits),
		cmocka_unit_test(skipped_lines_are_told_of),
		cmocka_unit_test(reader_that_is_gone_is_told_apart),
#define T(name) cmocka_unit_test_setup_teardown(name, place_open, place_close)
		T(log_of_alerts_knows_what_was_pending),
		T(log_of_alerts_goes_at_its_own_pace),
		T(drain_shows_all_there_is),
		T(follower_shows_what_comes),
		T(slow_reader_loses_nothing_and_holds_up_nobody),
		T(output_that_goes_away_ends_it_once),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
