/* SPDX-License-Identifier: Apache-2.0 */
/* What `picket coverage` makes of lives too long to be lived in a test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/announce.h"
#include "base/clock.h"
#include "cmd/coverage_answer.h"
#include "cmd/coverage_clock.h"
#include "cmd/coverage_read.h"
#include "event.pb-c.h"
#include "out/record.h"
#include "store_dir.h"

#define MINUTE (60 * (int64_t)NS_PER_S)

/* A journal that is written as of any minute of its life. */
struct life {
	struct store_dir dir;
	struct announcer announcer;
	int64_t began_ns;
};

static int begin(void **state)
{
	static struct life life;

	store_begin(&life.dir);
	store_open(&life.dir);
	life.began_ns = clock_wall_ns() - 600 * MINUTE;
	life.announcer = (struct announcer){ .journal = life.dir.j };
	*state = &life;
	return 0;
}

static int end(void **state)
{
	struct life *l = *state;

	store_end(&l->dir);
	return 0;
}

static int64_t at(const struct life *l, int minute)
{
	return l->began_ns + minute * MINUTE;
}

static void go_to(struct life *l, int minute)
{
	int64_t ago_ns = clock_wall_ns() - at(l, minute);

	/* As if the machine had been up for so much less, and so much ago. */
	l->announcer.wall_offset_ns = clock_offset_ns() - ago_ns;
}

static void start(struct life *l, int minute, bool went_on)
{
	static const struct record_coverage rows[] = {
		{ .family = "exec",
		  .way = "a",
		  .backend = "b",
		  .active = true },
		{ .family = "write",
		  .way = "c",
		  .backend = "d",
		  .active = true },
	};
	static const struct record_coverage_table table = { rows, 2 };
	static const struct record_fact facts[] = {
		{ "kernel_side", "went on" },
		{ NULL, NULL },
	};

	go_to(l, minute);
	assert_true(announce(&l->announcer, PICKET__V1__AGENT__WHAT__STARTED,
			     went_on ? facts : NULL, "started"));
	announce_coverage(&l->announcer, &table);
}

static void lose(struct life *l, int minute, const struct record_fact *facts)
{
	go_to(l, minute);
	assert_true(announce(&l->announcer, PICKET__V1__AGENT__WHAT__LOSS,
			     facts, "lost"));
}

/* Told at that minute: of so many minutes until then. */
static void lose_since(struct life *l, int minute, int minutes)
{
	char from[24], until[24];
	const struct record_fact facts[] = {
		{ "family", "exec" }, { "count", "7" },	     { "cpu", "0" },
		{ "from_ns", from },  { "until_ns", until }, { NULL, NULL },
	};

	/* Times of one boot: announced with what the clock says now. */
	(void)snprintf(from, sizeof(from), "%" PRIu64,
		       clock_boot_ns() - (uint64_t)(minutes * MINUTE));
	(void)snprintf(until, sizeof(until), "%" PRIu64, clock_boot_ns());
	lose(l, minute, facts);
}

static void ask_era(struct life *l, int minute, size_t era, const char *kind,
		    struct coverage_answer *ret)
{
	struct coverage c;

	assert_int_equal(journal_flush(l->dir.j, 10000), 0);
	assert_int_equal(coverage_read(l->dir.journal, at(l, minute), era, &c),
			 0);
	assert_int_equal(c.bad, 0);
	coverage_answer(&c, kind, ret);
	coverage_done(&c);
}

static void ask(struct life *l, int minute, const char *kind,
		struct coverage_answer *ret)
{
	ask_era(l, minute, 0, kind, ret);
}

/* Why it was partly; "" when it was seen. */
static const char *reason(struct life *l, int minute, const char *kind)
{
	static struct coverage_answer y;

	ask(l, minute, kind, &y);
	if (y.word == COVERAGE_YES)
		return "";
	assert_int_equal(y.word, COVERAGE_PARTLY);
	assert_int_equal(y.n, 1);
	assert_string_equal(y.because[0].what, "lost");
	assert_int_equal(y.because[0].count, 7);
	return y.because[0].reason;
}

/* Stopped, or dead while the programs ran on: for far more than minutes. */
static void a_loss_told_late_is_a_loss_then(void **state)
{
	struct life *l = *state;
	start(l, 0, false);
	start(l, 60, true);
	lose_since(l, 60, 58);
	start(l, 61, true);
	assert_string_equal(reason(l, 30, "exec"), "no room in the ring");
	assert_string_equal(reason(l, 30, "write"), "");
	assert_string_equal(reason(l, 1, "exec"), "");
}

/* It cannot be said of which kind they were: so of any. */
static void records_that_nobody_could_read_are_of_each_kind(void **state)
{
	static const struct record_fact facts[] = {
		{ "family", "records" },
		{ "count", "7" },
		{ NULL, NULL },
	};
	struct life *l = *state;

	start(l, 0, false);
	start(l, 5, true);
	start(l, 15, true);
	lose(l, 15, facts);
	assert_non_null(strstr(reason(l, 10, "exec"), "could not be read"));
	assert_non_null(strstr(reason(l, 10, "write"), "could not be read"));
	/* Since the run before it, and not the one before that. */
	assert_string_equal(reason(l, 4, "exec"), "");
}

/* ---- a clock that is set ------------------------------------------------- */

/* Seen by picket at that minute of the clock as it is since. */
static void set_clock(struct life *l, int minute, int by_minutes)
{
	char by[24];
	const struct record_fact facts[] = { { "moved_ns", by },
					     { NULL, NULL } };

	(void)snprintf(by, sizeof(by), "%" PRId64, by_minutes * MINUTE);
	go_to(l, minute);
	assert_true(announce(&l->announcer, PICKET__V1__AGENT__WHAT__CLOCK,
			     facts, "stepped"));
}

static void stop(struct life *l, int minute)
{
	go_to(l, minute);
	assert_true(announce(&l->announcer, PICKET__V1__AGENT__WHAT__STOPPED,
			     NULL, "stopped"));
}

static void assert_eras(struct life *l, int minute, size_t n, size_t first)
{
	struct coverage_eras eras;

	assert_int_equal(journal_flush(l->dir.j, 10000), 0);
	assert_int_equal(coverage_eras_of(l->dir.journal, at(l, minute), &eras),
			 0);
	assert_int_equal(eras.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(eras.numbers[i], first + i);
}

static int word(struct life *l, int minute, size_t era)
{
	struct coverage_answer y;

	ask_era(l, minute, era, "exec", &y);
	return (int)y.word;
}

static void a_time_that_was_twice_has_two_answers(void **state)
{
	struct life *l = *state;
	start(l, 0, false);
	/* At the sixtieth minute, to the tenth. */
	set_clock(l, 10, -50);
	/* Of what was lost in the two minutes before that, and after it. */
	lose_since(l, 12, 4);
	stop(l, 30);
	assert_eras(l, 5, 1, 0);
	assert_eras(l, 15, 2, 0);
	assert_eras(l, 50, 1, 0);
	assert_int_equal(word(l, 9, 0), COVERAGE_YES);
	assert_int_equal(word(l, 11, 0), COVERAGE_YES);
	assert_int_equal(word(l, 50, 0), COVERAGE_YES);
	assert_int_equal(word(l, 59, 0), COVERAGE_PARTLY);
	assert_int_equal(word(l, 11, 1), COVERAGE_PARTLY);
	assert_int_equal(word(l, 20, 1), COVERAGE_YES);
	assert_int_equal(word(l, 35, 1), COVERAGE_NO);
}

/* As on a machine that keeps no time while it is off. */
static void a_start_before_the_last_record_is_an_era(void **state)
{
	struct life *l = *state;

	start(l, 100, false);
	stop(l, 160);
	start(l, 0, false);
	set_clock(l, 200, 195);
	stop(l, 210);
	assert_eras(l, 130, 1, 0);
	assert_eras(l, 3, 1, 1);
	assert_eras(l, 205, 1, 2);
	assert_int_equal(word(l, 130, 0), COVERAGE_YES);
	assert_int_equal(word(l, 3, 1), COVERAGE_YES);
	assert_int_equal(word(l, 205, 2), COVERAGE_YES);
	assert_int_equal(word(l, 215, 2), COVERAGE_NO);
}

/* ---- records that are gone ----------------------------------------------- */

static const char *segment(struct life *l, unsigned n)
{
	static char path[160];

	(void)snprintf(path, sizeof(path), "%s/%016x.seg", l->dir.journal, n);
	return path;
}

/* With records that say nothing, until the n-th segment is begun. */
static void fill(struct life *l, int minute, unsigned n)
{
	static char text[400];

	memset(text, 'x', sizeof(text) - 1);
	go_to(l, minute);
	while (access(segment(l, n), F_OK) < 0) {
		for (int i = 0; i < 100; i++)
			assert_true(announce(&l->announcer,
					     PICKET__V1__AGENT__WHAT__CANARY,
					     NULL, "%s", text));
		assert_int_equal(journal_flush(l->dir.j, 10000), 0);
	}
}

static void what_is_gone_later_was_there_before(void **state)
{
	struct life *l = *state;

	start(l, 0, false);
	fill(l, 20, 2);
	fill(l, 30, 3);
	fill(l, 40, 4);
	assert_int_equal(unlink(segment(l, 2)), 0);
	assert_int_equal(word(l, 10, 0), COVERAGE_YES);
	assert_int_equal(word(l, 30, 0), COVERAGE_PARTLY);
	assert_int_equal(word(l, 41, 0), COVERAGE_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_loss_told_late_is_a_loss_then,
						begin, end),
		cmocka_unit_test_setup_teardown(
			records_that_nobody_could_read_are_of_each_kind, begin,
			end),
		cmocka_unit_test_setup_teardown(
			a_time_that_was_twice_has_two_answers, begin, end),
		cmocka_unit_test_setup_teardown(
			a_start_before_the_last_record_is_an_era, begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_gone_later_was_there_before, begin, end),
	};

	return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}
