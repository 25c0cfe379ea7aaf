// SPDX-License-Identifier: Apache-2.0
/* app/tail_lines, line_out: what is shown, and who waits for whom. */
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
#include "app/tail_lines.h"
#include "out_samples.h"
#include "tail_pipe.h"

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
	TAKE(AMENDMENT, 4,
	     record_pack_connect_result(
		     &b, &(struct record_amends){ 1, 3, result.time_ns, 1 },
		     &result.result));
	ev = sample_write("/plain", OP_OPEN);
	TAKE(EVENT, 5, record_pack_event(&b, &ev, &img, NULL, 1));
	TAKE(AMENDMENT, 6,
	     record_pack_write_totals(&b, &(struct record_amends){ 1, 5, 1, 1 },
				      &totals));
	TAKE(EVENT, 7,
	     record_pack_agent(
		     &b,
		     &(struct record_agent){ PICKET__V1__AGENT__WHAT__STARTED,
					     "started", NULL },
		     (struct record_time){ 1, 1 }));
	TAKE(EVENT, 8,
	     record_pack_agent(
		     &b,
		     &(struct record_agent){ PICKET__V1__AGENT__WHAT__LOSS,
					     "lost", NULL },
		     (struct record_time){ 1, 1 }));
	ev = sample_write("/secret", OP_OPEN);
	TAKE(EVENT, 9, record_pack_event(&b, &ev, &img, &alert, 1));
	TAKE(AMENDMENT, 10,
	     record_pack_write_totals(&b, &(struct record_amends){ 1, 9, 1, 1 },
				      &totals));
	result.result.error = 0;
	TAKE(AMENDMENT, 11,
	     record_pack_connect_result(
		     &b, &(struct record_amends){ 1, 3, result.time_ns, 1 },
		     &result.result));
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
	assert_int_equal(tail_kinds_parse("exec", TAIL_KINDS, &kinds), 0);
	assert_int_equal(kinds, TAIL_EXEC);
	assert_int_equal(
		tail_kinds_parse("exec,connect,write,listen,load,tamper,exit,"
				 "agent,amendment",
				 TAIL_KINDS, &kinds),
		0);
	assert_int_equal(kinds, TAIL_ALL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(tail_kinds_parse(bad[i], TAIL_KINDS, &kinds),
				 -EINVAL);
	assert_int_equal(
		tail_kinds_parse("exec,amendment", TAIL_KINDS_EVENT, &kinds),
		-EINVAL);
	assert_int_equal(tail_kinds_parse("agent", TAIL_KINDS_SEEN, &kinds),
			 -EINVAL);
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
	assert_int_equal(pipe_count(&p.got, "\n"), added);
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
	assert_int_equal(pipe_count(&p.got, "{\"kind\":\"skipped\",\"lines\":"),
			 1);
	/* The last line, behind whole ones. */
	assert_memory_equal(p.got.p + p.got.n - 2, "}\n", 2);
	assert_true(pipe_count(&p.got, "\n") < 250 * 11);
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
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("tail", tests, NULL, NULL);
}
