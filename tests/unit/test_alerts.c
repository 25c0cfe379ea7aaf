// SPDX-License-Identifier: Apache-2.0
/* Alerts that repeat: which pass, and what is told of the others. */
#include <errno.h>

#include "alerts_fixture.h"
#include "app/alert_known.h"

static void the_first_passes_and_the_rest_are_counted(void **state)
{
	struct fixture f;
	struct told told;
	int i;

	(void)state;
	begin(&f, &usual);
	assert_true(passes(&f));
	for (i = 1; i < 10000; i++)
		assert_false(passes(&f));
	assert_int_equal(alerts_due(f.a, 2 * SECOND_NS), 61 * SECOND_NS);
	assert_int_equal(alerts_due(f.a, 61 * SECOND_NS), 0);
	read_told(&f, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.v[0].seq, 101);
	assert_int_equal(told.v[0].count, 10000);
	assert_int_equal(told.v[0].alerted, 1);
	assert_int_equal(told.v[0].last, 10100);
	assert_string_equal(told.v[0].rule, "cron");
	end(&f);
}

static void other_files_pass_up_to_a_number(void **state)
{
	static const char *const names[] = { "/a", "/b", "/c", "/d", "/e" };
	struct fixture f;
	struct told told;
	int i, passed = 0;

	(void)state;
	begin(&f, &usual);
	for (i = 0; i < 100; i++) {
		f.ev.write.path.path = slice_str(names[i % 5]);
		passed += passes(&f);
	}
	assert_int_equal(passed, 3);
	all_are_over(&f);
	read_told(&f, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.v[0].count, 100);
	assert_int_equal(told.v[0].alerted, 3);
	end(&f);
}

static void another_subject_is_another_alert(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, &usual);
	assert_true(passes(&f));
	assert_true(passes_by(&f, "other"));
	assert_true(passes_by(&f, NULL));
	f.ev.kind = EVENT_EXEC;
	assert_true(passes_by(&f, NULL));
	assert_false(passes_by(&f, NULL));
	f.self.exe_file.ino++;
	assert_true(passes_by(&f, NULL));
	f.self.exe_file.ctime_ns++;
	assert_true(passes_by(&f, NULL));
	f.self.container = slice_str("c");
	assert_true(passes_by(&f, NULL));
	f.shell.exe.path = slice_str("/bin/bash");
	assert_true(passes_by(&f, NULL));
	f.self.script = slice_str("/x.sh");
	assert_true(passes_by(&f, NULL));
	/* Another process of the same program, of the same parent, is not. */
	f.self.id = 77;
	f.self.proc.tgid = 77;
	assert_false(passes_by(&f, NULL));
	end(&f);
}

static void after_its_window_it_alerts_again(void **state)
{
	struct fixture f;
	struct told told;

	(void)state;
	begin(&f, &usual);
	assert_true(passes(&f));
	f.ev.time_ns += 59 * SECOND_NS;
	assert_false(passes(&f));
	f.ev.time_ns += 2 * SECOND_NS;
	/* Nobody has asked alerts_due yet. */
	assert_true(passes(&f));
	read_told(&f, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.v[0].count, 2);
	/* Of one that was not repeated there is nothing to tell. */
	assert_int_equal(alerts_due(f.a, 1000 * SECOND_NS), 0);
	read_told(&f, &told);
	assert_int_equal(told.n, 1);
	end(&f);
}

static void what_gives_way_is_told_and_counted(void **state)
{
	struct alert_stats stats;
	struct fixture f;
	struct told told;
	unsigned i;

	(void)state;
	begin(&f, &usual);
	assert_true(passes(&f));
	assert_false(passes(&f));
	for (i = 0; i < 64; i++) {
		f.self.exe_file.ino = 1000 + i;
		assert_true(passes(&f));
	}
	alerts_stats(f.a, &stats);
	assert_int_equal(stats.evicted, 1);
	assert_int_equal(stats.subjects, 64);
	assert_int_equal(stats.repeated, 1);
	assert_int_equal(stats.summaries, 1);
	read_told(&f, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.v[0].seq, 101);
	end(&f);
}

static void what_the_journal_refused_does_not_stand_for_others(void **state)
{
	struct verdict v = { .alert = true, .rule = "cron" };
	struct fixture f;

	(void)state;
	begin(&f, &usual);
	alerts_judge(f.a, &f.ev, &f.self, &v);
	assert_true(v.alert);
	alerts_kept(f.a, (struct amend_target){ .epoch = 3 });
	assert_true(passes(&f));
	assert_false(passes(&f));
	end(&f);
}

static void without_a_window_all_pass(void **state)
{
	struct alert_limits none = usual;
	struct fixture f;
	int i;

	(void)state;
	none.window_ns = 0;
	begin(&f, &none);
	for (i = 0; i < 10; i++)
		assert_true(passes(&f));
	assert_int_equal(alerts_due(f.a, FAR_NS), 0);
	end(&f);
}

/* ---- programs that no rule lists ----------------------------------------- */

static bool unlisted_passes(struct fixture *f)
{
	struct verdict v = {
		.answer = ANSWER_UNLISTED,
		.alert = true,
		.severity = SEVERITY_MEDIUM,
	};

	alerts_judge(f->a, &f->ev, &f->self, &v);
	assert_int_equal(v.alert, !v.repeated);
	alerts_kept(f->a, (struct amend_target){ .epoch = 3, .seq = ++f->seq });
	return v.alert;
}

static void begin_unlisted(struct fixture *f)
{
	struct alert_limits limits = usual;

	limits.unlisted_ns = 3600 * SECOND_NS;
	begin(f, &limits);
	f->ev.kind = EVENT_EXEC;
	f->self.exe_facts = (struct file_facts){
		.known = true,
		.hash = HASH_DONE,
		.sha256 = { 1, 2, 3 },
	};
}

static void an_unlisted_program_is_told_once_by_its_content(void **state)
{
	struct fixture f;

	(void)state;
	begin_unlisted(&f);
	assert_true(unlisted_passes(&f));
	/* another window, and a copy of it elsewhere */
	f.ev.time_ns += 600 * SECOND_NS;
	f.self.exe.path = slice_str("/opt/y");
	f.self.exe_file.ino = 8;
	assert_false(unlisted_passes(&f));
	/* another content, parent or container */
	f.self.exe_facts.sha256[31] = 1;
	assert_true(unlisted_passes(&f));
	f.shell.exe.path = slice_str("/bin/bash");
	assert_true(unlisted_passes(&f));
	f.self.container = slice_str("abc");
	assert_true(unlisted_passes(&f));
	/* for so long */
	f.ev.time_ns += 3599 * SECOND_NS;
	assert_false(unlisted_passes(&f));
	f.ev.time_ns += 2 * SECOND_NS;
	assert_true(unlisted_passes(&f));
	end(&f);
}

static void a_window_in_which_nothing_was_told_has_no_sum(void **state)
{
	struct alert_stats stats;
	struct fixture f;
	int i;

	(void)state;
	begin_unlisted(&f);
	assert_true(unlisted_passes(&f));
	assert_false(unlisted_passes(&f));
	all_are_over(&f);
	alerts_stats(f.a, &stats);
	assert_int_equal(stats.summaries, 1);
	/* Told once: not each window anew, nor by a picket that ends. */
	for (i = 0; i < 3; i++) {
		f.ev.time_ns += 120 * SECOND_NS;
		assert_false(unlisted_passes(&f));
		assert_false(unlisted_passes(&f));
	}
	alerts_tell_open(f.a, f.ev.time_ns);
	all_are_over(&f);
	alerts_stats(f.a, &stats);
	assert_int_equal(stats.summaries, 1);
	assert_int_equal(stats.repeated, 7);
	end(&f);
}

static void a_script_is_told_by_its_own_content(void **state)
{
	struct fixture f;

	(void)state;
	begin_unlisted(&f);
	f.self.script = slice_str("/opt/x.sh");
	f.self.script_facts = f.self.exe_facts;
	assert_true(unlisted_passes(&f));
	assert_false(unlisted_passes(&f));
	f.self.script_facts.sha256[0] = 9;
	assert_true(unlisted_passes(&f));
	end(&f);
}

static void what_could_not_be_read_is_told_by_the_file(void **state)
{
	struct fixture f;

	(void)state;
	begin_unlisted(&f);
	f.self.exe_facts.hash = HASH_GONE;
	assert_true(unlisted_passes(&f));
	f.ev.time_ns += 600 * SECOND_NS;
	assert_false(unlisted_passes(&f));
	f.self.exe_file.ino = 8;
	assert_true(unlisted_passes(&f));
	end(&f);
}

static const uint8_t journal_id[16] = { 7 };

/* What was written, into a new picket. */
static int take_over(struct fixture *f, struct buf *file)
{
	known_write(alerts_known(f->a), file, journal_id);
	assert_false(file->failed);
	alerts_free(f->a);
	f->a = NULL;
	assert_int_equal(alerts_new(
				 &(struct alert_limits){
					 .window_ns = 60 * SECOND_NS,
					 .subjects = 64,
					 .objects = 8,
					 .unlisted_ns = 3600 * SECOND_NS,
				 },
				 &f->p, &f->a),
			 0);
	return known_read(alerts_known(f->a), buf_slice(file), journal_id);
}

static void the_next_picket_knows_what_was_told(void **state)
{
	struct buf file = BUF_INIT(KNOWN_BYTES_MAX);
	struct fixture f;

	(void)state;
	begin_unlisted(&f);
	assert_true(unlisted_passes(&f));
	f.shell.exe.path = slice_str("/bin/bash");
	assert_true(unlisted_passes(&f));
	assert_true(known_is_new(alerts_known(f.a)));
	assert_int_equal(take_over(&f, &file), 0);
	assert_false(known_is_new(alerts_known(f.a)));
	assert_false(unlisted_passes(&f));
	f.shell.exe.path = slice_str("/bin/sh");
	assert_false(unlisted_passes(&f));
	f.shell.exe.path = slice_str("/bin/zsh");
	assert_true(unlisted_passes(&f));
	buf_done(&file);
	end(&f);
}

/* When it was told is in the file, too. */
static void the_next_picket_knows_it_for_as_long(void **state)
{
	struct buf file = BUF_INIT(KNOWN_BYTES_MAX);
	struct fixture f;

	(void)state;
	begin_unlisted(&f);
	f.ev.time_ns += 5000 * SECOND_NS;
	assert_true(unlisted_passes(&f));
	assert_int_equal(take_over(&f, &file), 0);
	f.ev.time_ns += 3599 * SECOND_NS;
	assert_false(unlisted_passes(&f));
	f.ev.time_ns += 2 * SECOND_NS;
	assert_true(unlisted_passes(&f));
	buf_done(&file);
	end(&f);
}

static void a_file_that_is_not_right_is_not_believed(void **state)
{
	struct buf file = BUF_INIT(KNOWN_BYTES_MAX);
	const uint8_t another[16] = { 8 };
	struct known *k;
	struct fixture f;

	(void)state;
	begin_unlisted(&f);
	assert_true(unlisted_passes(&f));
	k = alerts_known(f.a);
	known_write(k, &file, journal_id);
	assert_int_equal(known_read(k, buf_slice(&file), another), -ESTALE);
	for (size_t n = 0; n < file.n; n++)
		assert_int_equal(known_read(k, slice_of(file.p, n), journal_id),
				 -EBADMSG);
	for (size_t i = 0; i < file.n; i++) {
		file.p[i] ^= 1;
		assert_int_equal(known_read(k, buf_slice(&file), journal_id),
				 -EBADMSG);
		file.p[i] ^= 1;
	}
	assert_int_equal(known_read(k, buf_slice(&file), journal_id), 0);
	buf_done(&file);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_passes_and_the_rest_are_counted),
		cmocka_unit_test(other_files_pass_up_to_a_number),
		cmocka_unit_test(another_subject_is_another_alert),
		cmocka_unit_test(after_its_window_it_alerts_again),
		cmocka_unit_test(what_gives_way_is_told_and_counted),
		cmocka_unit_test(
			what_the_journal_refused_does_not_stand_for_others),
		cmocka_unit_test(without_a_window_all_pass),
		cmocka_unit_test(
			an_unlisted_program_is_told_once_by_its_content),
		cmocka_unit_test(a_window_in_which_nothing_was_told_has_no_sum),
		cmocka_unit_test(a_script_is_told_by_its_own_content),
		cmocka_unit_test(what_could_not_be_read_is_told_by_the_file),
		cmocka_unit_test(the_next_picket_knows_what_was_told),
		cmocka_unit_test(the_next_picket_knows_it_for_as_long),
		cmocka_unit_test(a_file_that_is_not_right_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
