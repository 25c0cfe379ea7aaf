// SPDX-License-Identifier: Apache-2.0
/* What was pending when picket died, as its journal has it, is settled. */
#include <errno.h>
#include <sys/mman.h>

#include "app/alerts.h"
#include "app/orphans.h"
#include "app/pending.h"
#include "app/trust_run.h"
#include "dead_journal.h"
#include "rules/rules.h"
#include "trust/trust.h"

/* As ORPHANS_MAX in orphans.c. */
#define MOST	 (4 * PENDING_MAX)
#define LATER_NS 6000000000ull

static const char rules[] = "[deny unproved]\nevent = exec\n"
			    "not-trust = package\nseverity = high\n";

static const struct verdict allowed = { .answer = ANSWER_ALLOWED };
static const struct verdict waits = { .answer = ANSWER_PENDING };

struct fixture {
	struct dead d;
	struct trust *trust; /* without a database: it never knows */
	int root_fd;
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
	struct pipeline *p = &f->d.a.pipeline;
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
	dead_begin(&f->d);
}

static void end(struct fixture *f)
{
	pending_free(f->d.a.pipeline.pending);
	alerts_free(f->d.a.pipeline.alerts);
	trust_free(f->trust);
	rule_set_free(f->d.a.pipeline.rules);
	pipeline_done(&f->d.a.pipeline);
	store_end(&f->d.dir);
	(void)close(f->root_fd);
	(void)close(f->log_fd);
	(void)close(f->stderr_fd);
}

/* ---- the next one --------------------------------------------------------- */

static void die_and_adopt(struct fixture *f, uint32_t epochs)
{
	dead_dies(&f->d, epochs);
	begin_judging(f);
	(void)dup2(f->log_fd, STDERR_FILENO);
	orphans_adopt(&f->d.a);
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
	(void)pending_settle(f->d.a.pipeline.pending, &f->d.a.pipeline,
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

	assert_int_equal(journal_flush(f->d.dir.j, 60000), 0);
	assert_int_equal(reader_open(f->d.dir.journal, READER_SEQ,
				     f->d.a.opening.next_seq, 0, &r),
			 0);
	while (reader_next(r, &frame) == 1) {
		Picket__V1__Amendment *m;

		if (frame.type != JOURNAL_AMENDMENT ||
		    frame.seq < f->d.a.opening.next_seq)
			continue;
		m = picket__v1__amendment__unpack(
			NULL, frame.payload.n,
			(const uint8_t *)frame.payload.p);
		assert_non_null(m);
		assert_non_null(m->resolution);
		assert_int_equal(m->epoch, f->d.dir.opening.epoch);
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
	dead_describe(&f.d);
	seq = dead_pending(&f.d);
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
	dead_describe(&f.d);
	first = dead_pending(&f.d);
	last = dead_pending(&f.d);
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
	dead_describe(&f.d);
	seq = dead_pending(&f.d);
	(void)dead_exec(&f.d, &waits, true);
	dead_settled(&f.d, f.d.dir.opening.epoch, seq, &allowed);
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
	dead_describe(&f.d);
	first = dead_pending(&f.d);
	dead_settled(&f.d, f.d.dir.opening.epoch + 1, first, &allowed);
	dead_settled(&f.d, f.d.dir.opening.epoch - 1, first, &allowed);
	/* Itself, and the event after it. */
	dead_settled(&f.d, f.d.dir.opening.epoch, first + 3, &allowed);
	dead_settled(&f.d, f.d.dir.opening.epoch, first + 5, &allowed);
	assert_int_equal(dead_pending(&f.d), first + 5);
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
	dead_describe(&f.d);
	for (size_t i = 0; i < 6; i++)
		seqs[i] = dead_pending(&f.d);
	dead_settled(&f.d, f.d.dir.opening.epoch, seqs[4], &allowed);
	dead_settled(&f.d, f.d.dir.opening.epoch, seqs[0], &allowed);
	dead_settled(&f.d, f.d.dir.opening.epoch, seqs[2], &allowed);
	dead_settled(&f.d, f.d.dir.opening.epoch, seqs[2], &allowed);
	dead_settled(&f.d, f.d.dir.opening.epoch, seqs[5], &allowed);
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
	dead_describe(&f.d);
	(void)dead_pending(&f.d);
	die_and_adopt(&f, 2);
	assert_int_equal(what_is_told(&f).n, 1);
	end(&f);
}

static void without_who_did_it_it_is_judged_all_the_same(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	(void)dead_pending(&f.d);
	die_and_adopt(&f, 1);
	time_is_over(&f);
	assert_int_equal(f.d.a.pipeline.counts.amended, 1);
	end(&f);
}

static void who_closed_the_journal_left_none(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	dead_describe(&f.d);
	(void)dead_pending(&f.d);
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
	dead_describe(&f.d);
	first = dead_pending(&f.d);
	for (unsigned i = 1; i < PENDING_MAX; i++)
		(void)dead_pending(&f.d);
	dead_settled(&f.d, f.d.dir.opening.epoch, dead_pending(&f.d), &allowed);
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
	f.d.dir.settings.segment_size = 16u << 20;
	dead_describe(&f.d);
	first = dead_pending(&f.d);
	for (unsigned i = 1; i < MOST + 3; i++)
		(void)dead_pending(&f.d);
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
