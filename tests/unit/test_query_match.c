/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions of a query against records, and the look at packed bytes that
 * goes before: it may say yes too often, and never no to what matches.
 */
#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "app/query_match.h"
#include "app/tail_lines.h"
#include "out_samples.h"

typedef int (*add_fn)(struct query_match *m, const char *value);

struct row {
	add_fn add;
	const char *value;
	/* Which of the events below are found: bit i is the i-th. */
	unsigned found;
};

enum { EXEC, WRITE, RENAME, CUT, HOSTED, V4, V6, UNIX, EVENTS };

static struct event make(struct sample *s, int i)
{
	static char cut[] = "ut/of/it/file.txt";
	struct event ev = sample_event(EVENT_EXEC);

	(void)s;
	switch (i) {
	case WRITE:
		ev = sample_write("/etc/cron.d/job", OP_OPEN);
		break;
	case RENAME:
		ev = sample_write("/tmp/a", OP_RENAME);
		ev.write.new_path = sample_path("/etc/cron.d/b");
		break;
	case CUT:
		ev = sample_write("/x", OP_OPEN);
		ev.write.path = sample_path(cut);
		ev.write.path.flags |= PATH_F_TRUNCATED;
		break;
	case HOSTED:
		ev = sample_write("/data/f", OP_OPEN);
		ev.write.path.host_path = slice_str("/var/lib/vol/f");
		break;
	case V4:
		ev = sample_connect(sample_ip4(10, 0, 0, 7), 443);
		break;
	case V6:
		ev = sample_connect(sample_ip6(), 443);
		break;
	case UNIX:
		ev = sample_connect((struct ip_addr){ 0 }, 0);
		ev.connect.peer.family = AF_UNIX;
		break;
	default:
		break;
	}
	return ev;
}

#define ALL    ((1u << EVENTS) - 1)
#define BIT(x) (1u << (x))

static const struct row rows[] = {
	{ query_match_pid, "4711", ALL },
	{ query_match_pid, "471", 0 },
	{ query_match_exe, "/usr/bin/curl", ALL },
	{ query_match_exe, "curl", ALL },
	{ query_match_exe, "url", 0 },
	{ query_match_exe, "/usr/*", 0 },
	{ query_match_exe, "/usr/**", ALL },
	{ query_match_unit, "ssh.service", ALL },
	{ query_match_unit, "ssh*", ALL },
	{ query_match_unit, "ssh", 0 },
	{ query_match_container, "abc", ALL },
	{ query_match_container, "abcd1234*", ALL },
	{ query_match_container, "bcd", 0 },
	{ query_match_path, "/etc/cron.d/**", BIT(WRITE) | BIT(RENAME) },
	{ query_match_path, "/tmp/a", BIT(RENAME) },
	{ query_match_path, "b", BIT(RENAME) },
	/* Of a path whose front was cut, the end. */
	{ query_match_path, "/of/it/file.txt", BIT(CUT) },
	{ query_match_path, "file.txt", BIT(CUT) },
	{ query_match_path, "/data/f", BIT(HOSTED) },
	{ query_match_path, "/var/lib/vol/*", BIT(HOSTED) },
	{ query_match_dest, "10.0.0.0/8", BIT(V4) },
	{ query_match_dest, "10.0.0.7", BIT(V4) },
	{ query_match_dest, "10.0.0.7:443", BIT(V4) },
	{ query_match_dest, "10.0.0.0/8:443", BIT(V4) },
	{ query_match_dest, "10.0.0.7:80", 0 },
	{ query_match_dest, "::/0", BIT(V6) },
	{ query_match_dest, "2001:db8::1", BIT(V6) },
	{ query_match_dest, "[2001:db8::1]:443", BIT(V6) },
	{ query_match_dest, "[2001:db8::1]:80", 0 },
	{ query_match_verdict, "denied", ALL },
	{ query_match_verdict, "alert", ALL },
	{ query_match_verdict, "allowed, unlisted", 0 },
	{ query_match_verdict, "allowed,denied", ALL },
};

static void each_condition_finds_what_it_should(void **state)
{
	struct verdict v = { .answer = ANSWER_DENIED, .alert = true };
	struct query_match m;
	struct sample s;
	size_t i;
	int k;

	(void)state;
	sample_begin(&s);
	s.shell.container = slice_str("abcd1234ef");
	s.segment = 2; /* where it is described again */
	assert_int_equal(sample_describe(&s, &s.shell), 0);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		m = (struct query_match){ 0 };
		assert_int_equal(rows[i].add(&m, rows[i].value), 0);
		for (k = 0; k < EVENTS; k++) {
			struct event ev = make(&s, k);
			bool want = rows[i].found >> k & 1;

			assert_int_equal(sample_take(&s, &ev, &s.shell, &v), 1);
			if ((query_matches(&m, &s.view) == QUERY_YES) != want)
				fail_msg("'%s' and event %d", rows[i].value, k);
			if (want && !query_may_match(&m, s.images,
						     buf_slice(&s.payload)))
				fail_msg("'%s' may not match event %d",
					 rows[i].value, k);
		}
		query_match_done(&m);
	}
	sample_end(&s);
}

static void a_pending_verdict_may_become_what_is_asked_for(void **state)
{
	struct verdict v = { .answer = ANSWER_PENDING };
	struct query_match m = { 0 };
	struct sample s;
	struct event ev;

	(void)state;
	sample_begin(&s);
	ev = make(&s, WRITE);
	assert_int_equal(sample_take(&s, &ev, &s.shell, &v), 1);
	assert_int_equal(query_match_verdict(&m, "denied"), 0);
	assert_true(query_may_match(&m, s.images, buf_slice(&s.payload)));
	assert_int_equal(query_matches(&m, &s.view), QUERY_IF_SETTLED);
	/* All else must hold at once. */
	m.kinds = TAIL_EXEC;
	assert_int_equal(query_matches(&m, &s.view), QUERY_NO);
	m.kinds = 0;
	assert_int_equal(query_match_verdict(&m, "pending"), 0);
	assert_int_equal(query_matches(&m, &s.view), QUERY_YES);
	query_match_done(&m);
	sample_end(&s);
}

static void conditions_must_all_hold_and_values_are_a_choice(void **state)
{
	struct event ev;
	struct query_match m = { .kinds = TAIL_WRITE };
	struct sample s;

	(void)state;
	sample_begin(&s);
	ev = make(&s, WRITE);
	assert_int_equal(sample_take(&s, &ev, &s.shell, NULL), 1);
	assert_int_equal(query_matches(&m, &s.view), QUERY_YES);
	assert_int_equal(query_match_pid(&m, "1"), 0);
	assert_int_equal(query_matches(&m, &s.view), QUERY_NO);
	assert_false(query_may_match(&m, s.images, buf_slice(&s.payload)));
	assert_int_equal(query_match_pid(&m, "4711"), 0);
	assert_int_equal(query_matches(&m, &s.view), QUERY_YES);
	/* Nothing was asked of it by any rule. */
	assert_int_equal(query_match_verdict(&m, "allowed"), 0);
	assert_int_equal(query_matches(&m, &s.view), QUERY_NO);
	m.verdicts = 0;
	m.kinds = TAIL_EXEC | TAIL_CONNECT;
	assert_int_equal(query_matches(&m, &s.view), QUERY_NO);
	assert_false(query_may_match(&m, s.images, buf_slice(&s.payload)));
	query_match_done(&m);
	sample_end(&s);
}

static void record_without_a_process_has_no_executable(void **state)
{
	struct query_match m = { 0 };
	struct event ev;
	struct sample s;

	(void)state;
	sample_begin(&s);
	ev = make(&s, EXEC);
	s.segment = 2; /* where nothing is described */
	assert_int_equal(sample_take(&s, &ev, &s.shell, NULL), 1);
	assert_int_equal(query_matches(&m, &s.view), QUERY_YES);
	assert_int_equal(query_match_exe(&m, "/**"), 0);
	assert_int_equal(query_matches(&m, &s.view), QUERY_NO);
	query_match_done(&m);
	sample_end(&s);
}

static void values_that_are_none_are_refused(void **state)
{
	static const struct {
		add_fn add;
		const char *value;
	} bad[] = {
		{ query_match_pid, "" },
		{ query_match_pid, "0" },
		{ query_match_pid, "-1" },
		{ query_match_pid, "4294967296" },
		{ query_match_exe, "" },
		{ query_match_exe, "/a/[" },
		{ query_match_exe, "/a//b" },
		{ query_match_unit, "" },
		{ query_match_container, "" },
		{ query_match_container, "[" },
		{ query_match_path, "/a/../b" },
		{ query_match_dest, "" },
		{ query_match_dest, ":80" },
		{ query_match_dest, "[::1]" },
		{ query_match_dest, "[::1]80" },
		{ query_match_dest, "]:80" },
		{ query_match_dest, "[" },
		{ query_match_dest, "example.org" },
		{ query_match_dest, "10.0.0.1:65536" },
		{ query_match_dest, "10.0.0.1:" },
		{ query_match_verdict, "" },
		{ query_match_verdict, "denied," },
		{ query_match_verdict, "Denied" },
	};
	struct query_match m = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (bad[i].add(&m, bad[i].value) != -EINVAL)
			fail_msg("'%s' is taken", bad[i].value);
	for (i = 0; i < QUERY_CHOICES_MAX; i++) {
		assert_int_equal(query_match_pid(&m, "1"), 0);
		assert_int_equal(query_match_exe(&m, "/a"), 0);
		assert_int_equal(query_match_path(&m, "/a"), 0);
		assert_int_equal(query_match_dest(&m, "::1"), 0);
	}
	assert_int_equal(query_match_pid(&m, "1"), -E2BIG);
	assert_int_equal(query_match_exe(&m, "/a"), -E2BIG);
	assert_int_equal(query_match_path(&m, "/a"), -E2BIG);
	assert_int_equal(query_match_dest(&m, "::1"), -E2BIG);
	query_match_done(&m);
}

static void packed_bytes_that_are_nonsense_are_looked_at_safely(void **state)
{
	struct query_match m = { .kinds = TAIL_EXEC };
	struct sample s;
	struct event ev;
	size_t i, n;

	(void)state;
	sample_begin(&s);
	assert_int_equal(query_match_verdict(&m, "denied"), 0);
	assert_int_equal(query_match_exe(&m, "curl"), 0);
	ev = make(&s, EXEC);
	assert_int_equal(sample_take(&s, &ev, &s.shell, NULL), 1);
	n = s.payload.n;
	/* Cut and flipped anywhere: an answer, whatever it is. */
	for (i = 0; i < n; i++) {
		(void)query_may_match(&m, s.images, slice_of(s.payload.p, i));
		s.payload.p[i] = (char)(s.payload.p[i] ^ 0xff);
		(void)query_may_match(&m, s.images, buf_slice(&s.payload));
		s.payload.p[i] = (char)(s.payload.p[i] ^ 0xff);
	}
	query_match_done(&m);
	sample_end(&s);
}

static void whom_and_what_packed_bytes_are_about(void **state)
{
	struct event result = { .kind = EVENT_CONNECT_RESULT }, ev;
	uint32_t epoch = 0;
	uint64_t seq = 0;
	struct sample s;
	size_t i, n;

	(void)state;
	sample_begin(&s);
	ev = make(&s, WRITE);
	assert_int_equal(sample_take(&s, &ev, &s.shell, NULL), 1);
	assert_ptr_equal(query_actor(s.images, buf_slice(&s.payload)),
			 view_image(s.images, s.shell.id));
	assert_null(query_actor(s.images, slice_of(s.payload.p, 0)));
	result.result.local.family = result.result.peer.family = AF_INET;
	buf_reset(&s.payload);
	record_pack_connect_result(
		&s.payload,
		&(struct record_amends){ 7, 1ull << 40, result.time_ns, 1 },
		&result.result);
	assert_int_equal(query_amended(buf_slice(&s.payload), &epoch, &seq), 0);
	assert_int_equal(epoch, 7);
	assert_true(seq == 1ull << 40);
	n = s.payload.n;
	for (i = 0; i < n; i++) {
		s.payload.p[i] = (char)(s.payload.p[i] ^ 0xff);
		(void)query_amended(buf_slice(&s.payload), &epoch, &seq);
		s.payload.p[i] = (char)(s.payload.p[i] ^ 0xff);
		(void)query_amended(slice_of(s.payload.p, i), &epoch, &seq);
	}
	assert_int_equal(
		query_amended(slice_of(s.payload.p, n - 1), &epoch, &seq),
		-EBADMSG);
	sample_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_pending_verdict_may_become_what_is_asked_for),
		cmocka_unit_test(each_condition_finds_what_it_should),
		cmocka_unit_test(
			conditions_must_all_hold_and_values_are_a_choice),
		cmocka_unit_test(record_without_a_process_has_no_executable),
		cmocka_unit_test(values_that_are_none_are_refused),
		cmocka_unit_test(
			packed_bytes_that_are_nonsense_are_looked_at_safely),
		cmocka_unit_test(whom_and_what_packed_bytes_are_about),
	};

	return cmocka_run_group_tests_name("query_match", tests, NULL, NULL);
}
