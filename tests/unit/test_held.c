/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that wait: in order, bounded, each with its amendments. */
#include "cmd/held.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void add(struct held *h, uint32_t epoch, uint64_t seq, const char *text)
{
	struct held_line l = { .epoch = epoch, .seq = seq };

	assert_int_equal(held_add(h, &l, slice_str(text)), 0);
}

static void expect(struct held *h, const char *text)
{
	const struct held_line *l = held_oldest(h);

	assert_non_null(l);
	assert_int_equal(l->n, strlen(text));
	assert_memory_equal(l->text, text, l->n);
	held_drop_oldest(h);
}

static void amendments_of_text_stand_below(void **state)
{
	struct held h;

	(void)state;
	held_init(&h, false, 1000000);
	add(&h, 1, 7, "seven");
	add(&h, 1, 9, "nine");
	assert_true(held_has(&h, 1, 7));
	assert_true(held_has(&h, 1, 9));
	assert_false(held_has(&h, 1, 8));
	assert_false(held_has(&h, 2, 7));
	assert_false(held_has(&h, 1, 10));
	assert_int_equal(held_amend(&h, 1, 7, slice_str("more")), 0);
	assert_int_equal(held_amend(&h, 1, 7, slice_str("again")), 0);
	/* Of records that are not here: nothing happens. */
	assert_int_equal(held_amend(&h, 1, 8, slice_str("x")), 0);
	assert_int_equal(held_amend(&h, 2, 7, slice_str("x")), 0);
	assert_int_equal(held_amend(&h, 1, 10, slice_str("x")), 0);
	expect(&h, "seven\nmore\nagain");
	expect(&h, "nine");
	assert_null(held_oldest(&h));
	assert_false(held_has(&h, 1, 9));
	assert_int_equal(h.bytes, 0);
	held_done(&h);
}

static void one_that_waits_is_settled_once(void **state)
{
	struct held_line l = { .epoch = 1, .seq = 7, .waits = true };
	struct held h;

	(void)state;
	held_init(&h, false, 1000000);
	assert_int_equal(held_add(&h, &l, slice_str("seven")), 0);
	add(&h, 1, 9, "nine");
	assert_null(held_settle(&h, 1, 8));
	assert_null(held_settle(&h, 1, 9));
	assert_true(held_oldest(&h)->waits);
	assert_ptr_equal(held_settle(&h, 1, 7), held_oldest(&h));
	assert_false(held_oldest(&h)->waits);
	assert_null(held_settle(&h, 1, 7));
	held_done(&h);
}

/* A record made at 0 whose verdict is pending. */
static void begin_pending(struct held *h)
{
	struct held_line l = { .epoch = 1, .seq = 7, .pending = true };

	held_init(h, false, 1000000);
	assert_int_equal(held_add(h, &l, slice_str("seven")), 0);
}

static void a_verdict_is_waited_for_so_long(void **state)
{
	struct held h;

	(void)state;
	begin_pending(&h);
	assert_false(held_is_due(&h, HELD_NS - 1));
	/* The last moment. */
	held_resolve(&h, 1, 8);
	assert_int_equal(held_amend(&h, 1, 7, slice_str("denied")), 0);
	held_resolve(&h, 1, 7);
	assert_true(held_is_due(&h, HELD_NS));
	assert_int_equal(held_oldest(&h)->n, strlen("seven\ndenied"));
	held_release(&h, HELD_NS);
	assert_null(held_oldest(&h));
	assert_false(held_is_due(&h, INT64_MAX));
	assert_int_equal(h.unsettled, 0);
	assert_int_equal(h.hasty, 0);
	held_done(&h);
}

static void one_that_comes_later_is_missed_and_counted(void **state)
{
	struct held h;

	(void)state;
	begin_pending(&h);
	assert_true(held_is_due(&h, HELD_NS));
	held_release(&h, HELD_NS);
	assert_int_equal(h.unsettled, 1);
	assert_false(held_has(&h, 1, 7));
	assert_int_equal(held_amend(&h, 1, 7, slice_str("denied")), 0);
	held_resolve(&h, 1, 7);
	held_done(&h);
	/* One that may still be settled, at the journal's end. */
	begin_pending(&h);
	held_release(&h, HELD_NS - 1);
	assert_int_equal(h.unsettled, 0);
	held_done(&h);
	/* And one that has nothing to wait for. */
	held_init(&h, false, 1000000);
	add(&h, 1, 7, "seven");
	held_release(&h, 2 * HELD_NS);
	assert_int_equal(h.unsettled, 0);
	held_done(&h);
}

static void without_room_it_goes_early_and_is_counted(void **state)
{
	struct held h;

	(void)state;
	begin_pending(&h);
	assert_false(held_is_due(&h, HELD_SOON_NS - 1));
	h.bytes_max = 1;
	assert_true(held_is_due(&h, HELD_SOON_NS - 1));
	held_release(&h, HELD_SOON_NS - 1);
	assert_int_equal(h.hasty, 1);
	add(&h, 1, 8, "eight");
	held_release(&h, HELD_SOON_NS);
	assert_int_equal(h.hasty, 1);
	assert_int_equal(h.unsettled, 0);
	held_done(&h);
}

static void amendments_of_objects_are_a_list_in_them(void **state)
{
	struct held h;

	(void)state;
	held_init(&h, true, 1000000);
	add(&h, 1, 7, "{\"seq\":7}");
	add(&h, 2, 7, "{\"seq\":7}");
	assert_int_equal(held_amend(&h, 2, 7, slice_str("{\"a\":1}")), 0);
	assert_int_equal(held_amend(&h, 2, 7, slice_str("{\"b\":[2]}")), 0);
	expect(&h, "{\"seq\":7}");
	expect(&h, "{\"seq\":7,\"amendments\":[{\"a\":1},{\"b\":[2]}]}");
	assert_int_equal(h.bytes, 0);
	held_done(&h);
}

static void many_pass_through_in_order_and_bytes_are_bounded(void **state)
{
	struct held h;
	char text[32];
	uint64_t in = 0, out = 0;

	(void)state;
	held_init(&h, false, 50000);
	for (in = 1; in <= 20000; in++) {
		(void)snprintf(text, sizeof(text), "line %" PRIu64, in);
		add(&h, 1 + (uint32_t)(in / 8000), in, text);
		/* Whoever is still here can be amended. */
		if (in > 20 && in % 3 == 0)
			assert_int_equal(
				held_amend(&h, 1 + (uint32_t)((in - 20) / 8000),
					   in - 20, slice_str("+")),
				0);
		while (held_full(&h)) {
			const struct held_line *l = held_oldest(&h);

			assert_int_equal(l->seq, ++out);
			assert_int_equal(l->amendments,
					 out > 0 && (out + 20) % 3 == 0);
			held_drop_oldest(&h);
		}
		assert_true(h.bytes <= 50000);
	}
	assert_true(out > 19000);
	held_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_waits_is_settled_once),
		cmocka_unit_test(a_verdict_is_waited_for_so_long),
		cmocka_unit_test(one_that_comes_later_is_missed_and_counted),
		cmocka_unit_test(without_room_it_goes_early_and_is_counted),
		cmocka_unit_test(amendments_of_text_stand_below),
		cmocka_unit_test(amendments_of_objects_are_a_list_in_them),
		cmocka_unit_test(
			many_pass_through_in_order_and_bytes_are_bounded),
	};

	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
