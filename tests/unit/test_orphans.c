// SPDX-License-Identifier: Apache-2.0
/* What was pending when picket died, as its journal has it, is settled. */
#include <errno.h>
#include <sys/mman.h>

#include "app/agent.h"
#include "app/alerts.h"
#include "app/orphans.h"
#include "app/pending.h"
#include "app/trust_run.h"
#include "no_sensor.h"
#include "out/record.h"
#include "out/view.h"
#include "rules/rules.h"
#include "store_dir.h"
#include "trust/trust.h"

/* As ORPHANS_MAX in orphans.c. */
#define MOST	 (4 * PENDING_MAX)
#define LATER_NS 6000000000ull

static const char rules[] = "[deny unproved]\nevent = exec\n"
			    "not-trust = package\nseverity = high\n";

struct fixture {
	struct store_dir dir;
	struct daemon_settings settings;
	struct agent a;
	struct trust *trust; /* without a database: it never knows */
	int root_fd;
	struct image img;
	int log_fd, stderr_fd;
};

/* In place of the daemon's: who has not waited long enough goes on waiting. */
void trust_run_settle(struct agent *a, bool last)
{
	(void)pending_settle(a->pipeline.pending, &a->pipeline,
			     last ? UINT64_MAX : clock_boot_ns());
}

static void begin_judging(struct fixture *f)
{
	const struct rule_options opt = { .now_wall_ns = 1 };
	const struct alert_limits limits = { .window_ns = 1ull << 40,
					     .subjects = 64,
					     .objects = 8 };
	struct pipeline *p = &f->a.pipeline;
	struct rule_error err;

	assert_int_equal(pipeline_init(p), 0);
	assert_int_equal(rule_set_load_text("test.ini", slice_str(rules), &opt,
					    &p->rules, &err),
			 0);
	assert_int_equal(trust_new(
				 &(struct trust_settings){
					 .sources = { f->root_fd, -1, -1 },
					 .mountinfo = "/proc/self/mountinfo",
				 },
				 &f->trust),
			 0);
	assert_int_equal(pending_new(f->trust, &p->pending), 0);
	assert_int_equal(alerts_new(&limits, p, &p->alerts), 0);
}

static void begin(struct fixture *f)
{
	*f = (struct fixture){ .root_fd = open("/", O_PATH | O_CLOEXEC) };
	f->log_fd = memfd_create("log", MFD_CLOEXEC);
	f->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	store_begin(&f->dir);
	store_open(&f->dir);
	f->settings.journal_dir = f->dir.journal;
	f->a.s = &f->settings;
	f->img.id = 1;
	f->img.exe.path = slice_str("/nowhere/program");
	f->img.exe_file =
		(struct file_id){ .known = true, .ino = 7, .nlink = 1 };
}

static void end(struct fixture *f)
{
	pending_free(f->a.pipeline.pending);
	alerts_free(f->a.pipeline.alerts);
	trust_free(f->trust);
	rule_set_free(f->a.pipeline.rules);
	pipeline_done(&f->a.pipeline);
	store_end(&f->dir);
	(void)close(f->root_fd);
	(void)close(f->log_fd);
	(void)close(f->stderr_fd);
}

/* ---- what the dead one wrote --------------------------------------------- */

static uint64_t append(struct fixture *f, uint8_t type, struct buf *payload)
{
	uint64_t seq;

	assert_false(payload->failed);
	while (journal_append(f->dir.j, type, 0, clock_wall_ns(),
			      buf_slice(payload), &seq) == -ENOBUFS)
		assert_int_equal(journal_flush(f->dir.j, 60000), 0);
	buf_done(payload);
	return seq;
}

static void describe(struct fixture *f)
{
	struct buf out = BUF_INIT(PICKET_RECORD_MAX);

	(void)journal_segment(f->dir.j);
	record_pack_image(&out, &f->img);
	(void)append(f, JOURNAL_DESCRIPTION, &out);
}

static uint64_t exec_event(struct fixture *f, bool canary)
{
	const struct verdict v = { .answer = ANSWER_PENDING };
	struct buf out = BUF_INIT(PICKET_RECORD_MAX);
	const struct event ev = { .kind = EVENT_EXEC, .canary = canary };

	record_pack_event(&out, &ev, &f->img, &v, RECORD_WALL_OF_FRAME);
	return append(f, JOURNAL_EVENT, &out);
}

static uint64_t pending_event(struct fixture *f)
{
	return exec_event(f, false);
}

static void settled(struct fixture *f, uint32_t epoch, uint64_t seq)
{
	const struct verdict v = { .answer = ANSWER_ALLOWED };
	const struct resolution r = {
		.verdict = &v,
		.exe_package = "",
		.script_package = "",
	};
	struct buf out = BUF_INIT(PICKET_RECORD_MAX);

	record_pack_resolution(&out, epoch, seq, &r, 1, RECORD_WALL_OF_FRAME);
	(void)append(f, JOURNAL_AMENDMENT, &out);
}

/* ---- the next one --------------------------------------------------------- */

static void die_and_adopt(struct fixture *f, uint32_t epochs)
{
	struct journal_stats now;

	assert_int_equal(journal_flush(f->dir.j, 60000), 0);
	journal_stats(f->dir.j, &now);
	f->a.opening = f->dir.opening;
	f->a.opening.created = false;
	f->a.opening.unclean = epochs > 0;
	f->a.opening.epoch += epochs;
	f->a.opening.next_seq = now.next_seq;
	f->a.journal = f->dir.j;
	f->a.pipeline.journal = f->dir.j;
	f->a.pipeline.wall_offset_ns = clock_offset_ns();
	begin_judging(f);
	(void)dup2(f->log_fd, STDERR_FILENO);
	orphans_adopt(&f->a);
	(void)dup2(f->stderr_fd, STDERR_FILENO);
}

static void log_says(struct fixture *f, const char *what)
{
	char text[4096];
	ssize_t n = pread(f->log_fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	if (what ? !strstr(text, what) : n > 0)
		fail_msg("the log: %s", text);
}

static void time_is_over(struct fixture *f)
{
	(void)pending_settle(f->a.pipeline.pending, &f->a.pipeline,
			     clock_boot_ns() + LATER_NS);
}

struct told {
	size_t n, alerts, repeated;
	uint64_t first, last; /* of the events, by number */
	bool timed_out;
};

/* What stands in the journal since it was opened anew. */
static struct told what_is_told(struct fixture *f)
{
	struct told told = { 0 };
	struct reader_frame frame;
	struct reader *r;

	assert_int_equal(journal_flush(f->dir.j, 60000), 0);
	assert_int_equal(reader_open(f->dir.journal, READER_SEQ,
				     f->a.opening.next_seq, 0, &r),
			 0);
	while (reader_next(r, &frame) == 1) {
		Picket__V1__Amendment *m;

		if (frame.type != JOURNAL_AMENDMENT ||
		    frame.seq < f->a.opening.next_seq)
			continue;
		m = picket__v1__amendment__unpack(
			NULL, frame.payload.n,
			(const uint8_t *)frame.payload.p);
		assert_non_null(m);
		assert_non_null(m->resolution);
		assert_int_equal(m->epoch, f->dir.opening.epoch);
		assert_int_equal(m->resolution->verdict->answer,
				 PICKET__V1__ANSWER__ANSWER_DENIED);
		if (!told.n++ || m->seq < told.first)
			told.first = m->seq;
		if (m->seq > told.last)
			told.last = m->seq;
		told.alerts += m->resolution->verdict->alert;
		told.repeated += m->resolution->verdict->repeated;
		told.timed_out = m->resolution->timed_out;
		picket__v1__amendment__free_unpacked(m, NULL);
	}
	reader_close(r);
	return told;
}

/* ---- tests ---------------------------------------------------------------- */

static void one_that_was_pending_waits_and_is_settled(void **state)
{
	struct fixture f;
	struct told told;
	uint64_t seq;

	(void)state;
	begin(&f);
	describe(&f);
	seq = pending_event(&f);
	die_and_adopt(&f, 1);
	log_says(&f, "1 verdicts that were pending when the last picket died "
		     "are given now");
	assert_int_equal(what_is_told(&f).n, 0);
	time_is_over(&f);
	told = what_is_told(&f);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.first, seq);
	assert_int_equal(told.alerts, 1);
	assert_true(told.timed_out);
	end(&f);
}

static void two_of_one_subject_are_one_alert(void **state)
{
	struct fixture f;
	struct told told;
	uint64_t first, last;

	(void)state;
	begin(&f);
	describe(&f);
	first = pending_event(&f);
	last = pending_event(&f);
	die_and_adopt(&f, 1);
	time_is_over(&f);
	told = what_is_told(&f);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.first, first);
	assert_int_equal(told.last, last);
	assert_int_equal(told.alerts, 1);
	assert_int_equal(told.repeated, 1);
	end(&f);
}

static void what_is_settled_or_nobodys_is_left_alone(void **state)
{
	struct fixture f;
	uint64_t seq;

	(void)state;
	begin(&f);
	describe(&f);
	seq = pending_event(&f);
	(void)exec_event(&f, true);
	settled(&f, f.dir.opening.epoch, seq);
	die_and_adopt(&f, 1);
	time_is_over(&f);
	assert_int_equal(what_is_told(&f).n, 0);
	log_says(&f, NULL);
	end(&f);
}

/* Of a number that was given again after a cut, or that is yet to come. */
static void only_its_own_verdict_settles_it(void **state)
{
	struct fixture f;
	struct told told;
	uint64_t first;

	(void)state;
	begin(&f);
	describe(&f);
	first = pending_event(&f);
	settled(&f, f.dir.opening.epoch + 1, first);
	settled(&f, f.dir.opening.epoch - 1, first);
	/* Itself, and the event after it. */
	settled(&f, f.dir.opening.epoch, first + 3);
	settled(&f, f.dir.opening.epoch, first + 5);
	assert_int_equal(pending_event(&f), first + 5);
	die_and_adopt(&f, 1);
	time_is_over(&f);
	told = what_is_told(&f);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.first, first);
	assert_int_equal(told.last, first + 5);
	end(&f);
}

static void settled_out_of_order_the_right_ones_are_left(void **state)
{
	struct fixture f;
	struct told told;
	uint64_t seqs[6];

	(void)state;
	begin(&f);
	describe(&f);
	for (size_t i = 0; i < 6; i++)
		seqs[i] = pending_event(&f);
	settled(&f, f.dir.opening.epoch, seqs[4]);
	settled(&f, f.dir.opening.epoch, seqs[0]);
	settled(&f, f.dir.opening.epoch, seqs[2]);
	settled(&f, f.dir.opening.epoch, seqs[2]);
	settled(&f, f.dir.opening.epoch, seqs[5]);
	die_and_adopt(&f, 1);
	time_is_over(&f);
	told = what_is_told(&f);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.first, seqs[1]);
	assert_int_equal(told.last, seqs[3]);
	end(&f);
}

/* Its images' numbers are another's now: what is known has to do. */
static void of_a_picket_before_the_last_it_is_judged_at_once(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	describe(&f);
	(void)pending_event(&f);
	die_and_adopt(&f, 2);
	assert_int_equal(what_is_told(&f).n, 1);
	end(&f);
}

static void without_who_did_it_it_is_judged_all_the_same(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	(void)pending_event(&f);
	die_and_adopt(&f, 1);
	time_is_over(&f);
	assert_int_equal(f.a.pipeline.counts.amended, 1);
	end(&f);
}

static void who_closed_the_journal_left_none(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	describe(&f);
	(void)pending_event(&f);
	die_and_adopt(&f, 0);
	time_is_over(&f);
	assert_int_equal(what_is_told(&f).n, 0);
	end(&f);
}

/* All that one may have, and one more that is about to be settled. */
static void as_many_as_wait_and_one_more_are_all_kept(void **state)
{
	struct fixture f;
	struct told told;
	uint64_t first;

	(void)state;
	begin(&f);
	describe(&f);
	first = pending_event(&f);
	for (unsigned i = 1; i < PENDING_MAX; i++)
		(void)pending_event(&f);
	settled(&f, f.dir.opening.epoch, pending_event(&f));
	die_and_adopt(&f, 1);
	time_is_over(&f);
	told = what_is_told(&f);
	assert_int_equal(told.n, PENDING_MAX);
	assert_int_equal(told.first, first);
	end(&f);
}

static void more_than_are_taken_up_are_counted_and_told(void **state)
{
	struct fixture f;
	struct told told;
	uint64_t first;

	(void)state;
	begin(&f);
	f.dir.settings.segment_size = 16u << 20;
	describe(&f);
	first = pending_event(&f);
	for (unsigned i = 1; i < MOST + 3; i++)
		(void)pending_event(&f);
	die_and_adopt(&f, 1);
	log_says(&f, "3 verdicts that were pending when the last picket died "
		     "may stay so");
	time_is_over(&f);
	told = what_is_told(&f);
	assert_int_equal(told.n, MOST);
	assert_int_equal(told.alerts, 1);
	/* The oldest give way. */
	assert_int_equal(told.first, first + 3);
	assert_int_equal(told.last, first + MOST + 2);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_was_pending_waits_and_is_settled),
		cmocka_unit_test(two_of_one_subject_are_one_alert),
		cmocka_unit_test(what_is_settled_or_nobodys_is_left_alone),
		cmocka_unit_test(only_its_own_verdict_settles_it),
		cmocka_unit_test(settled_out_of_order_the_right_ones_are_left),
		cmocka_unit_test(
			of_a_picket_before_the_last_it_is_judged_at_once),
		cmocka_unit_test(without_who_did_it_it_is_judged_all_the_same),
		cmocka_unit_test(who_closed_the_journal_left_none),
		cmocka_unit_test(as_many_as_wait_and_one_more_are_all_kept),
		cmocka_unit_test(more_than_are_taken_up_are_counted_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
