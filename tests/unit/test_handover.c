/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While programs are replaced both rings get what happens: the same record
 * within the same moment is told once, anything else always.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sense/handover.h"
#include "wire.h"

#define MOMENT_NS 5000000000ull
#define MS	  1000000ull

static struct handover_twin twins[HANDOVER_TWINS_MAX];
static struct handover h;

static int begin(void **state)
{
	(void)state;
	h = (struct handover){
		.from_ns = MOMENT_NS,
		.until_ns = MOMENT_NS + HANDOVER_US * 1000,
		.twins = twins,
	};
	return 0;
}

static struct wire_exit record(uint64_t time_ns, uint32_t tgid)
{
	return (struct wire_exit){
		.hdr = { .size = sizeof(struct wire_exit),
			 .type = WIRE_EXIT,
			 .time_ns = time_ns,
			 .tgid = tgid },
	};
}

static void note(uint64_t time_ns, uint32_t tgid)
{
	struct wire_exit r = record(time_ns, tgid);

	handover_note(&h, &r, sizeof(r));
}

static bool is_twin(uint64_t time_ns, uint32_t tgid)
{
	struct wire_exit r = record(time_ns, tgid);

	return handover_is_twin(&h, &r, sizeof(r));
}

static void same_record_of_the_same_moment_is_told_once(void **state)
{
	(void)state;
	note(MOMENT_NS + 10, 7);
	assert_true(is_twin(MOMENT_NS + 900, 7));
	/* Each for one. */
	assert_false(is_twin(MOMENT_NS + 950, 7));
	note(MOMENT_NS + 2000, 7);
	note(MOMENT_NS + 2010, 7);
	assert_true(is_twin(MOMENT_NS + 2100, 7));
	assert_true(is_twin(MOMENT_NS + 2110, 7));
	assert_false(is_twin(MOMENT_NS + 2120, 7));
}

static void another_record_is_always_told(void **state)
{
	struct wire_exit r = record(MOMENT_NS, 7);

	(void)state;
	note(MOMENT_NS, 7);
	assert_false(is_twin(MOMENT_NS, 8));
	r.status = 1;
	assert_false(handover_is_twin(&h, &r, sizeof(r)));
	/* Alike, and too far apart for two programs at one hook. */
	assert_false(is_twin(MOMENT_NS + 2 * MS, 7));
	assert_true(is_twin(MOMENT_NS, 7));
}

static void only_the_moment_is_in_doubt(void **state)
{
	(void)state;
	note(MOMENT_NS - 10 * MS, 7);
	assert_false(is_twin(MOMENT_NS - 10 * MS, 7));
	note(MOMENT_NS + 20 * MS, 7);
	assert_false(is_twin(MOMENT_NS + 20 * MS, 7));
	h.from_ns = 0;
	note(MOMENT_NS, 7);
	assert_false(is_twin(MOMENT_NS, 7));
}

static void what_lies_behind_a_record_does_not_count(void **state)
{
	struct {
		struct wire_exit r;
		char stale[16];
	} a = { .r = record(MOMENT_NS, 7), .stale = "aaaa" },
	  b = { .r = record(MOMENT_NS, 7), .stale = "bbbb" };

	(void)state;
	handover_note(&h, &a, sizeof(a));
	assert_true(handover_is_twin(&h, &b, sizeof(b)));
	/* Too short to be one: told, whatever it is. */
	handover_note(&h, &a, 8);
	assert_false(handover_is_twin(&h, &b, 8));
}

static void more_than_fit_are_told_twice_and_not_lost(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < HANDOVER_TWINS_MAX + 10; i++)
		note(MOMENT_NS, i);
	assert_true(is_twin(MOMENT_NS, 0));
	assert_false(is_twin(MOMENT_NS, HANDOVER_TWINS_MAX + 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			same_record_of_the_same_moment_is_told_once, begin),
		cmocka_unit_test_setup(another_record_is_always_told, begin),
		cmocka_unit_test_setup(only_the_moment_is_in_doubt, begin),
		cmocka_unit_test_setup(what_lies_behind_a_record_does_not_count,
				       begin),
		cmocka_unit_test_setup(
			more_than_fit_are_told_twice_and_not_lost, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
