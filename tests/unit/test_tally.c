// SPDX-License-Identifier: Apache-2.0
/* out/tally: what the journal tells is counted once, over restarts too. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "out/tally.h"

static const uint8_t journal[16] = { 0xab, 1 };
static const uint8_t other[16] = { 2 };
static char dir[64], file[80];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/picket-tally-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(file, sizeof(file), "%s/tally", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(file);
	(void)rmdir(dir);
	return 0;
}

/* An agent event with one fact. */
struct told {
	Picket__V1__Event event;
	Picket__V1__Agent agent;
	Picket__V1__Agent__FactsEntry fact, *facts[1];
};

static struct view tell(struct told *t, int what, const char *key,
			const char *value)
{
	picket__v1__event__init(&t->event);
	picket__v1__agent__init(&t->agent);
	picket__v1__agent__facts_entry__init(&t->fact);
	t->agent.what = (Picket__V1__Agent__What)what;
	t->fact.key = (char *)(uintptr_t)key;
	t->fact.value = (char *)(uintptr_t)value;
	t->facts[0] = &t->fact;
	t->agent.facts = t->facts;
	t->agent.n_facts = 1;
	t->event.agent = &t->agent;
	return (struct view){ .event = &t->event };
}

static bool take(struct tally *t, struct view v, uint32_t epoch, uint64_t seq)
{
	v.epoch = epoch;
	v.seq = seq;
	v.seq_end = v.gap ? seq + v.gap->count : seq + 1;
	return tally_take(t, &v);
}

static bool take_loss(struct tally *t, const char *count, uint64_t seq)
{
	struct told told;

	return take(t,
		    tell(&told, PICKET__V1__AGENT__WHAT__LOSS, "count", count),
		    1, seq);
}

static bool take_policy(struct tally *t, const char *hex, uint64_t seq)
{
	struct told told;

	return take(t,
		    tell(&told, PICKET__V1__AGENT__WHAT__POLICY, "sha256", hex),
		    1, seq);
}

static const char hash[] =
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static void losses_add_up_and_the_last_policy_holds(void **state)
{
	struct tally t = { 0 };
	Picket__V1__Gap gap;

	(void)state;
	picket__v1__gap__init(&gap);
	gap.count = 40;
	assert_true(take_loss(&t, "3", 1));
	assert_true(take_loss(&t, "4", 2));
	assert_true(take_policy(&t, hash, 3));
	assert_true(take(&t, (struct view){ .gap = &gap }, 1, 10));
	assert_int_equal(t.lost_kernel, 7);
	assert_int_equal(t.lost_journal, 40);
	assert_true(t.has_policy);
	assert_int_equal(t.policy[1], 0x11);
	assert_int_equal(t.policy[31], 0xff);
	/* A new epoch begins with numbers that were there before. */
	assert_true(take(&t, (struct view){ .gap = &gap }, 2, 10));
	assert_int_equal(t.lost_journal, 80);
}

static void what_is_no_number_or_hash_is_passed_over(void **state)
{
	struct tally t = { 0 };
	struct told told;

	(void)state;
	assert_false(take_loss(&t, "-3", 1));
	assert_false(take_loss(&t, "99999999999999999999999", 2));
	assert_false(take_policy(&t, "00", 3));
	assert_false(take_policy(&t,
				 "zz112233445566778899aabbccddeeff"
				 "00112233445566778899aabbccddeeff",
				 4));
	assert_false(take(
		&t, tell(&told, PICKET__V1__AGENT__WHAT__STARTED, "count", "9"),
		1, 5));
	assert_false(t.has_policy);
	assert_int_equal(t.lost_kernel, 0);
}

static void what_is_met_again_is_not_counted_again(void **state)
{
	struct tally t, again;

	(void)state;
	assert_int_equal(tally_load(dir, journal, &t), 0);
	assert_memory_equal(t.journal, journal, sizeof(journal));
	assert_true(take_policy(&t, hash, 5));
	assert_true(take_loss(&t, "3", 8));
	assert_int_equal(tally_save(dir, &t), 0);
	/* The cursor was at 6 when the shipper was killed. */
	assert_int_equal(tally_load(dir, journal, &again), 0);
	assert_memory_equal(&t, &again, sizeof(t));
	assert_false(take_loss(&again, "3", 8));
	assert_true(take_loss(&again, "2", 9));
	assert_int_equal(again.lost_kernel, 5);
}

static void another_journal_begins_at_nothing(void **state)
{
	struct tally t;

	(void)state;
	assert_int_equal(tally_load(dir, journal, &t), 0);
	assert_true(take_loss(&t, "3", 8));
	assert_int_equal(tally_save(dir, &t), 0);
	assert_int_equal(tally_load(dir, other, &t), 0);
	assert_int_equal(t.lost_kernel, 0);
	assert_int_equal(t.seq, 0);
	assert_memory_equal(t.journal, other, sizeof(other));
}

static void a_file_that_is_none_is_as_if_not_there(void **state)
{
	static const char *const texts[] = {
		"",
		"picket-tally 1",
		"picket-tally 2 ab010000000000000000000000000000 1 1 - 1 1\n",
		"picket-tally 1 ab010000000000000000000000000000 1 1 - 1 1",
		"picket-tally 1 ab010000000000000000000000000000 1 1 - 1 1 1\n",
		"picket-tally 1 ab010000000000000000000000000000 1 1 ff 1 1\n",
		"picket-tally 1 ab010000000000000000000000000000 1 1 - x 1\n",
	};
	struct tally t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *f = fopen(file, "we");

		assert_non_null(f);
		(void)fputs(texts[i], f);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(tally_load(dir, journal, &t), 0);
		assert_int_equal(t.seq, 0);
		assert_int_equal(t.lost_kernel, 0);
		assert_memory_equal(t.journal, journal, sizeof(journal));
	}
}

static void a_pipe_in_its_place_is_not_waited_for(void **state)
{
	struct tally t;

	(void)state;
	(void)alarm(60);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(tally_load(dir, journal, &t), 0);
	assert_int_equal(tally_save(dir, &t), 0);
	assert_int_equal(tally_load(dir, journal, &t), 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/dev/zero", file), 0);
	assert_int_equal(tally_load(dir, journal, &t), 0);
	(void)alarm(0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(losses_add_up_and_the_last_policy_holds),
		T(what_is_no_number_or_hash_is_passed_over),
		T(what_is_met_again_is_not_counted_again),
		T(another_journal_begins_at_nothing),
		T(a_file_that_is_none_is_as_if_not_there),
		T(a_pipe_in_its_place_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
