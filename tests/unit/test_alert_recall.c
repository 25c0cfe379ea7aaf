// SPDX-License-Identifier: Apache-2.0
/* Windows of alerts, as the end of a killed picket's journal tells of them. */
#include "app/alert_recall.h"
#include "app/alerts.h"
#include "dead_journal.h"

static const struct verdict alert = {
	.answer = ANSWER_DENIED,
	.severity = SEVERITY_HIGH,
	.alert = true,
	.rule = "bad",
	.tag = "T1",
};
static const struct verdict repeated = {
	.answer = ANSWER_DENIED,
	.severity = SEVERITY_HIGH,
	.repeated = true,
	.rule = "bad",
	.tag = "T1",
};

static const struct alert_limits limits = {
	.window_ns = 1ull << 40,
	.subjects = 64,
	.objects = 8,
};

static void begin(struct dead *d)
{
	dead_begin(d);
	dead_describe(d);
	assert_int_equal(pipeline_init(&d->a.pipeline), 0);
	assert_int_equal(
		alerts_new(&limits, &d->a.pipeline, &d->a.pipeline.alerts), 0);
}

static void end(struct dead *d)
{
	alerts_free(d->a.pipeline.alerts);
	pipeline_done(&d->a.pipeline);
	store_end(&d->dir);
}

static void recall(struct dead *d, uint64_t as_of)
{
	dead_dies(d, 1);
	assert_int_equal(alert_recall(&d->a, as_of), 0);
}

/* What the next match is, and what is told of its window at the end. */
static bool passes(struct dead *d)
{
	const struct event ev = { .kind = EVENT_EXEC,
				  .time_ns = clock_boot_ns() };
	struct verdict v = alert;

	alerts_judge(d->a.pipeline.alerts, &ev, &d->img, &v);
	alerts_kept(d->a.pipeline.alerts,
		    (struct amend_target){ .epoch = 9, .seq = 999 });
	return v.alert;
}

static Picket__V1__Amendment *told(struct dead *d)
{
	Picket__V1__Amendment *m = NULL;
	struct reader_frame frame;
	struct reader *r;

	while (alerts_due(d->a.pipeline.alerts,
			  clock_boot_ns() + limits.window_ns))
		;
	assert_int_equal(journal_flush(d->dir.j, 60000), 0);
	assert_int_equal(reader_open(d->dir.journal, READER_SEQ,
				     d->a.opening.next_seq, 0, &r),
			 0);
	while (reader_next(r, &frame) == 1) {
		if (frame.type != JOURNAL_AMENDMENT ||
		    frame.seq < d->a.opening.next_seq)
			continue;
		assert_null(m);
		m = picket__v1__amendment__unpack(
			NULL, frame.payload.n,
			(const uint8_t *)frame.payload.p);
		assert_non_null(m);
		assert_non_null(m->repeats);
	}
	reader_close(r);
	return m;
}

static void is_told(struct dead *d, uint64_t first, uint64_t count)
{
	Picket__V1__Amendment *m = told(d);

	assert_non_null(m);
	assert_int_equal(m->seq, first);
	assert_int_equal(m->repeats->count, count);
	assert_int_equal(m->repeats->alerted, 1);
	assert_string_equal(m->repeats->rule, "bad");
	assert_string_equal(m->repeats->tag, "T1");
	assert_int_equal(m->repeats->severity, SEVERITY_HIGH);
	picket__v1__amendment__free_unpacked(m, NULL);
}

static void alerts_and_their_repeats_are_found_again(void **state)
{
	struct dead d;
	uint64_t first;

	(void)state;
	begin(&d);
	first = dead_exec(&d, &alert, false);
	(void)dead_exec(&d, &repeated, false);
	(void)dead_exec(&d, &repeated, true); /* the canary's */
	recall(&d, 0);
	assert_false(passes(&d));
	is_told(&d, first, 3);
	end(&d);
}

static void what_the_file_has_is_not_counted_again(void **state)
{
	struct alert_stats stats;
	struct dead d;

	(void)state;
	begin(&d);
	(void)dead_exec(&d, &alert, false);
	recall(&d, dead_exec(&d, &repeated, false));
	alerts_stats(d.a.pipeline.alerts, &stats);
	assert_int_equal(stats.subjects, 0);
	end(&d);
}

/* Pending when the file was written, and settled since. */
static void verdicts_are_what_they_became_and_when(void **state)
{
	uint64_t before, first, second, as_of;
	struct dead d;

	(void)state;
	begin(&d);
	before = dead_pending(&d);
	first = dead_pending(&d);
	second = dead_pending(&d);
	(void)dead_pending(&d); /* one that nobody settled */
	dead_settled(&d, d.dir.opening.epoch, before, &repeated);
	as_of = dead_exec(&d, &repeated, false);
	dead_settled(&d, d.dir.opening.epoch, first, &alert);
	dead_settled(&d, d.dir.opening.epoch, second, &repeated);
	recall(&d, as_of);
	assert_false(passes(&d));
	is_told(&d, first, 3);
	end(&d);
}

static void a_window_that_was_told_of_is_over(void **state)
{
	struct alert_repeats repeats = { .count = 2, .alerted = 1 };
	struct buf out = BUF_INIT(PICKET_RECORD_MAX);
	struct alert_stats stats;
	struct dead d;

	(void)state;
	begin(&d);
	repeats.last_epoch = d.dir.opening.epoch;
	repeats.last_seq = dead_exec(&d, &alert, false);
	(void)dead_exec(&d, &repeated, false);
	record_pack_alert_repeats(
		&out,
		&(struct record_amends){ d.dir.opening.epoch, repeats.last_seq,
					 1, RECORD_WALL_OF_FRAME },
		&repeats);
	(void)dead_append(&d, JOURNAL_AMENDMENT, &out);
	recall(&d, 0);
	alerts_stats(d.a.pipeline.alerts, &stats);
	assert_int_equal(stats.subjects, 0);
	assert_null(told(&d));
	assert_true(passes(&d));
	end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alerts_and_their_repeats_are_found_again),
		cmocka_unit_test(what_the_file_has_is_not_counted_again),
		cmocka_unit_test(verdicts_are_what_they_became_and_when),
		cmocka_unit_test(a_window_that_was_told_of_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
