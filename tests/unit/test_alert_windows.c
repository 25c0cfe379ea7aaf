// SPDX-License-Identifier: Apache-2.0
/* Windows of alerts over a kill: from their file, and from the journal. */
#include <errno.h>

#include "alerts_fixture.h"

static const uint8_t journal_id[16] = { 7 };

static struct windows_file windows_head(const struct fixture *f)
{
	struct windows_file head = {
		.as_of = 1000,
		.wall_offset_ns = f->p.wall_offset_ns,
		.now_ns = f->ev.time_ns,
	};

	memcpy(head.journal, journal_id, sizeof(head.journal));
	return head;
}

/* A new picket, with the windows of the one before; boottime began anew. */
static void go_on(struct fixture *f, const struct alert_limits *limits,
		  int64_t clock_moved_ns)
{
	struct buf file = BUF_INIT(WINDOWS_BYTES_MAX);
	struct windows_file head = windows_head(f);

	head.as_of = 500;
	alerts_write(f->a, &file, &head);
	assert_false(file.failed);
	assert_false(alerts_have_changed(f->a));
	alerts_free(f->a);
	assert_int_equal(alerts_new(limits, &f->p, &f->a), 0);
	f->p.wall_offset_ns += clock_moved_ns;
	head = windows_head(f);
	assert_int_equal(alerts_read(f->a, buf_slice(&file), &head), 0);
	assert_int_equal(head.as_of, 500);
	buf_done(&file);
}

static void windows_go_on_as_they_were(void **state)
{
	struct fixture f;
	struct told told;

	(void)state;
	begin(&f, &usual);
	assert_true(passes(&f));
	assert_true(alerts_have_changed(f.a));
	assert_false(passes(&f));
	f.ev.write.path.path = slice_str("/b");
	assert_true(passes(&f));
	go_on(&f, &usual, 0);
	assert_false(passes(&f));
	f.ev.write.path.path = slice_str("/c");
	assert_true(passes(&f));
	f.ev.write.path.path = slice_str("/d");
	assert_false(passes(&f));
	f.ev.time_ns += 61 * SECOND_NS;
	assert_true(passes(&f));
	read_told(&f, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.v[0].seq, 101);
	assert_int_equal(told.v[0].count, 6);
	assert_int_equal(told.v[0].alerted, 3);
	assert_int_equal(told.v[0].last, 106);
	assert_string_equal(told.v[0].rule, "cron");
	end(&f);
}

/* Boottime begins anew: a window may have begun before that. */
static void a_stop_tells_what_there_was_and_ends_no_window(void **state)
{
	struct fixture f;
	struct told told;

	(void)state;
	begin(&f, &usual);
	assert_true(passes(&f));
	assert_true(passes_by(&f, "not repeated"));
	assert_false(passes(&f));
	assert_false(passes(&f));
	f.ev.time_ns += SECOND_NS;
	alerts_tell_open(f.a, f.ev.time_ns);
	go_on(&f, &usual, 0);
	assert_false(passes(&f));
	assert_false(passes_by(&f, "not repeated"));
	/* What the first told is not told by the second, nor by the end. */
	alerts_tell_open(f.a, f.ev.time_ns);
	alerts_tell_open(f.a, f.ev.time_ns);
	go_on(&f, &usual, 0);
	assert_false(passes(&f));
	all_are_over(&f);
	read_told(&f, &told);
	assert_int_equal(told.n, 4);
	assert_int_equal(told.v[0].seq, 101);
	assert_int_equal(told.v[0].count, 3);
	assert_int_equal(told.v[0].alerted, 1);
	assert_int_equal(told.v[0].last, 104);
	assert_int_equal(told.v[0].until_wall_ns - told.v[0].since_wall_ns,
			 SECOND_NS);
	assert_int_equal(told.v[1].count, 1);
	assert_int_equal(told.v[1].alerted, 0);
	assert_int_equal(told.v[2].seq, 102);
	assert_int_equal(told.v[2].count, 2);
	assert_int_equal(told.v[2].alerted, 1);
	assert_int_equal(told.v[3].seq, 101);
	assert_int_equal(told.v[3].count, 1);
	assert_int_equal(told.v[3].alerted, 0);
	assert_int_equal(told.v[3].last, 107);
	end(&f);
}

static void a_window_goes_on_over_a_reboot(void **state)
{
	struct fixture f;
	struct told told;

	(void)state;
	begin(&f, &usual);
	f.ev.time_ns = 5000 * SECOND_NS;
	f.p.wall_offset_ns = 100;
	assert_true(passes(&f));
	/* 20 s later the clock stands at 2 s. */
	go_on(&f, &usual, 5018 * (int64_t)SECOND_NS);
	f.ev.time_ns = 2 * SECOND_NS;
	assert_false(passes(&f));
	assert_int_equal(alerts_due(f.a, 39 * SECOND_NS), 42 * SECOND_NS);
	assert_int_equal(alerts_due(f.a, 42 * SECOND_NS), 0);
	read_told(&f, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.v[0].count, 2);
	assert_int_equal(told.v[0].since_ns, 0);
	assert_int_equal(told.v[0].since_wall_ns, 5000 * SECOND_NS + 100);
	assert_int_equal(told.v[0].until_wall_ns, 5060 * SECOND_NS + 100);
	end(&f);
}

/* Nobody was there: it is told with the end that it had, not when it is told. */
static void a_window_that_was_over_long_ago_ended_then(void **state)
{
	struct fixture f;
	struct told told;

	(void)state;
	begin(&f, &usual);
	f.ev.time_ns = 5000 * SECOND_NS;
	assert_true(passes(&f));
	assert_false(passes(&f));
	/* Days later. */
	go_on(&f, &usual, 500000 * (int64_t)SECOND_NS);
	assert_int_equal(alerts_due(f.a, SECOND_NS), 0);
	read_told(&f, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.v[0].count, 2);
	assert_int_equal(told.v[0].since_wall_ns, 5000 * SECOND_NS);
	assert_int_equal(told.v[0].until_wall_ns, 5060 * SECOND_NS);
	end(&f);
}

/* It would be open for as long as the clock was set back. */
static void a_clock_that_was_set_back_keeps_no_window_open(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, &usual);
	f.ev.time_ns = 5000 * SECOND_NS;
	f.p.wall_offset_ns = 200000 * (int64_t)SECOND_NS;
	assert_true(passes(&f));
	go_on(&f, &usual, -100000 * (int64_t)SECOND_NS);
	assert_false(passes(&f));
	f.ev.time_ns += 60 * SECOND_NS;
	assert_true(passes(&f));
	end(&f);
}

static void more_windows_than_there_is_room_for_now(void **state)
{
	struct alert_limits few = usual;
	struct alert_stats stats;
	struct fixture f;

	(void)state;
	begin(&f, &usual);
	for (unsigned i = 0; i < 64; i++) {
		f.self.exe_file.ino = 1000 + i;
		assert_true(passes(&f));
	}
	few.subjects = 8;
	go_on(&f, &few, 0);
	alerts_stats(f.a, &stats);
	assert_int_equal(stats.subjects, 8);
	assert_false(passes(&f));
	f.self.exe_file.ino = 1056;
	assert_false(passes(&f));
	f.self.exe_file.ino = 1055;
	assert_true(passes(&f));
	end(&f);
}

static void a_windows_file_that_is_not_right_is_not_believed(void **state)
{
	struct buf file = BUF_INIT(WINDOWS_BYTES_MAX);
	struct windows_file head;
	struct alert_stats stats;
	struct fixture f;

	(void)state;
	begin(&f, &usual);
	assert_true(passes(&f));
	head = windows_head(&f);
	alerts_write(f.a, &file, &head);
	alerts_free(f.a);
	assert_int_equal(alerts_new(&usual, &f.p, &f.a), 0);
	head.as_of = 999;
	assert_int_equal(alerts_read(f.a, buf_slice(&file), &head), -ESTALE);
	head = windows_head(&f);
	head.journal[3] ^= 1;
	assert_int_equal(alerts_read(f.a, buf_slice(&file), &head), -ESTALE);
	head = windows_head(&f);
	for (size_t n = 0; n < file.n; n++)
		assert_int_equal(alerts_read(f.a, slice_of(file.p, n), &head),
				 -EBADMSG);
	for (size_t i = 0; i < file.n; i++) {
		file.p[i] ^= 1;
		assert_int_equal(alerts_read(f.a, buf_slice(&file), &head),
				 -EBADMSG);
		file.p[i] ^= 1;
	}
	alerts_stats(f.a, &stats);
	assert_int_equal(stats.subjects, 0);
	assert_int_equal(alerts_read(f.a, buf_slice(&file), &head), 0);
	alerts_stats(f.a, &stats);
	assert_int_equal(stats.subjects, 1);
	buf_done(&file);
	end(&f);
}

/* As the journal tells it: was it an alert? */
static void recall_one(struct fixture *f, const char *rule, bool alert)
{
	const struct recalled_alert was = {
		.verdict = {
			.answer = ANSWER_DENIED,
			.alert = alert,
			.repeated = !alert,
			.severity = SEVERITY_HIGH,
			.rule = rule,
		},
		.target = { .epoch = 3, .seq = ++f->seq },
	};

	alerts_recall(f->a, &f->ev, &f->self, &was);
}

static void the_journal_tells_what_the_file_has_not(void **state)
{
	struct alert_stats stats;
	struct fixture f;
	struct told told;

	(void)state;
	begin(&f, &usual);
	/* One that was pending settled later, as one of many. */
	recall_one(&f, "cron", false);
	recall_one(&f, "cron", true);
	recall_one(&f, "cron", false);
	alerts_stats(f.a, &stats);
	assert_int_equal(stats.repeated, 0);
	assert_false(passes(&f));
	all_are_over(&f);
	read_told(&f, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.v[0].seq, 102);
	assert_int_equal(told.v[0].count, 4);
	assert_int_equal(told.v[0].alerted, 1);
	assert_int_equal(told.v[0].last, 104);
	end(&f);
}

static void what_was_told_is_not_told_again(void **state)
{
	struct alert_stats stats;
	struct fixture f;
	struct told told;

	(void)state;
	begin(&f, &usual);
	recall_one(&f, "one", true); /* 101: ended, with nothing to tell */
	recall_one(&f, "two", true); /* 102 */
	recall_one(&f, "two", false);
	recall_one(&f, "three", true); /* 104 */
	recall_one(&f, "three", false);
	alerts_recall_end(f.a, (struct amend_target){ .epoch = 3, .seq = 90 });
	alerts_stats(f.a, &stats);
	assert_int_equal(stats.subjects, 3);
	alerts_recall_end(f.a, (struct amend_target){ .epoch = 3, .seq = 102 });
	alerts_stats(f.a, &stats);
	assert_int_equal(stats.subjects, 1);
	assert_true(passes_by(&f, "two"));
	assert_false(passes_by(&f, "three"));
	all_are_over(&f);
	read_told(&f, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.v[0].seq, 104);
	assert_int_equal(told.v[0].count, 3);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_go_on_as_they_were),
		cmocka_unit_test(
			a_stop_tells_what_there_was_and_ends_no_window),
		cmocka_unit_test(a_window_goes_on_over_a_reboot),
		cmocka_unit_test(a_window_that_was_over_long_ago_ended_then),
		cmocka_unit_test(
			a_clock_that_was_set_back_keeps_no_window_open),
		cmocka_unit_test(more_windows_than_there_is_room_for_now),
		cmocka_unit_test(
			a_windows_file_that_is_not_right_is_not_believed),
		cmocka_unit_test(the_journal_tells_what_the_file_has_not),
		cmocka_unit_test(what_was_told_is_not_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
