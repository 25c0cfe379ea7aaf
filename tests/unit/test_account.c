/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the next agent goes on: behind the journal's last record, however far
 * the last one had read, and however much was written over since.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sense/account.h"

#define CPUS 2

static const uint8_t journal[16] = "this journal";
static const uint8_t other[16] = "another journal";

static int setup(void **state)
{
	struct account *a = calloc(1, account_bytes(CPUS));

	*state = a;
	if (a)
		account_begin(a, journal, 0, 1000);
	return a ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* Records of 100 bytes, each an event: numbers from 1, behind it 1100 … */
static void make_steps(struct account *a, uint64_t n)
{
	uint64_t i;

	for (i = 1; i <= n; i++)
		account_step(a, (struct account_step){ .seq = i,
						       .at = 1000 + 100 * i,
						       .epoch = 3 });
}

static void assert_resume(const struct account *a, uint64_t last_seq,
			  uint64_t oldest, struct account_resume want)
{
	uint64_t consumed = 1000 + 100 * a->steps + 30;
	struct account_resume r = account_resume(a, last_seq, consumed, oldest);

	assert_int_equal(r.at, want.at ? want.at : consumed);
	assert_int_equal(r.missing, want.missing);
}

static void what_the_journal_has_is_not_read_again(void **state)
{
	struct account *a = *state;

	assert_resume(a, 0, 0, (struct account_resume){ 0 });
	make_steps(a, 10);
	assert_resume(a, 10, 0, (struct account_resume){ 0 });
	/* What picket said of itself has numbers too. */
	assert_resume(a, 12, 0, (struct account_resume){ 0 });
}

static void reading_goes_on_behind_the_last_record_that_was_kept(void **state)
{
	struct account *a = *state;

	make_steps(a, 10);
	assert_resume(a, 9, 0, (struct account_resume){ .at = 1900 });
	assert_resume(a, 1, 0, (struct account_resume){ .at = 1100 });
	assert_resume(a, 0, 0, (struct account_resume){ .at = 1000 });
}

static void what_was_written_over_is_missing(void **state)
{
	struct account *a = *state;

	make_steps(a, 10);
	/* Behind 2 is gone, behind 5 is the first that is whole. */
	assert_resume(a, 2, 1450,
		      (struct account_resume){ .at = 1500, .missing = 3 });
	/* All of it: what was consumed last is at least not ahead. */
	assert_resume(a, 2, 2010,
		      (struct account_resume){ .at = 0, .missing = 8 });
}

static void trail_that_is_too_short_is_missing(void **state)
{
	struct account *a = *state;
	uint64_t n = ACCOUNT_TRAIL + 100;

	make_steps(a, n);
	assert_int_equal(account_oldest_step(a), 100);
	/* The oldest step there is was made by event 101. */
	assert_resume(a, 50, 0,
		      (struct account_resume){ .at = 1000 + 100 * 101,
					       .missing = 51 });
}

static void steps_of_lost_frames_go_and_the_others_stay(void **state)
{
	struct account *a = *state;
	const struct account_step *s;
	uint64_t n;

	make_steps(a, 10);
	account_begin(a, journal, 7, 1700);
	assert_int_equal(a->steps, 7);
	n = account_oldest_step(a);
	s = account_step_at(a, 1650, &n);
	assert_non_null(s);
	assert_int_equal(s->seq, 7);
	assert_int_equal(s->epoch, 3);
	assert_null(account_step_at(a, 1701, &n));
	/* Nothing of another journal's is of use. */
	account_begin(a, other, 7, 1700);
	assert_int_equal(a->steps, 0);
	assert_int_equal(a->first, 1700);
}

static void trail_that_went_round_keeps_its_order_when_cut(void **state)
{
	struct account *a = *state;
	const struct account_step *s;
	uint64_t n, at = 0;

	make_steps(a, ACCOUNT_TRAIL + 1000);
	account_begin(a, journal, ACCOUNT_TRAIL + 500, 0);
	make_steps(a, 1);
	for (n = account_oldest_step(a); n + 1 < a->steps; n++) {
		s = account_step_at(a, 0, &n);
		assert_true(s->at > at);
		at = s->at;
	}
	assert_int_equal(n, ACCOUNT_TRAIL + 500);
}

static void loss_told_by_an_event_that_is_gone_is_told_again(void **state)
{
	struct account *a = *state;

	a->told[0] = (struct account_told){ .lost = 9, .before = 4, .seq = 20 };
	a->told[1] = (struct account_told){ .lost = 7, .before = 2, .seq = 21 };
	account_untell(a, CPUS, 20);
	assert_int_equal(a->told[0].lost, 9);
	assert_int_equal(a->told[1].lost, 2);
	/* Once. */
	account_untell(a, CPUS, 5);
	assert_int_equal(a->told[0].lost, 9);
	assert_int_equal(a->told[1].lost, 2);
}

#define WITH_ACCOUNT(test) \
	cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ACCOUNT(what_the_journal_has_is_not_read_again),
		WITH_ACCOUNT(
			reading_goes_on_behind_the_last_record_that_was_kept),
		WITH_ACCOUNT(what_was_written_over_is_missing),
		WITH_ACCOUNT(trail_that_is_too_short_is_missing),
		WITH_ACCOUNT(steps_of_lost_frames_go_and_the_others_stay),
		WITH_ACCOUNT(trail_that_went_round_keeps_its_order_when_cut),
		WITH_ACCOUNT(loss_told_by_an_event_that_is_gone_is_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
