/* SPDX-License-Identifier: Apache-2.0 */
/* What `picket coverage` makes of lives too long to be lived in a test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "app/announce.h"
#include "base/clock.h"
#include "cmd/coverage_answer.h"
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

static void ask(struct life *l, int minute, const char *kind,
		struct coverage_answer *ret)
{
	struct coverage c;

	assert_int_equal(journal_flush(l->dir.j, 10000), 0);
	assert_int_equal(coverage_read(l->dir.journal, at(l, minute), &c), 0);
	assert_int_equal(c.bad, 0);
	coverage_answer(&c, kind, ret);
	coverage_done(&c);
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
	char from[24], until[24];
	const struct record_fact facts[] = {
		{ "family", "exec" }, { "count", "7" },	     { "cpu", "0" },
		{ "from_ns", from },  { "until_ns", until }, { NULL, NULL },
	};

	/* Times of one boot: announced with what the clock says now. */
	(void)snprintf(from, sizeof(from), "%" PRIu64,
		       clock_boot_ns() - (uint64_t)(58 * MINUTE));
	(void)snprintf(until, sizeof(until), "%" PRIu64, clock_boot_ns());
	start(l, 0, false);
	start(l, 60, true);
	lose(l, 60, facts);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_loss_told_late_is_a_loss_then,
						begin, end),
		cmocka_unit_test_setup_teardown(
			records_that_nobody_could_read_are_of_each_kind, begin,
			end),
	};

	return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}
