/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal somebody wrote to who knows the format, checksums and all: one
 * number that leaps to the end of all numbers, in a frame, a seal, a gap or a
 * header, must not make what follows look as if it had been seen.
 */
#include "store/reader.h"

#include "store/cursor.h"
#include "store_forge.h"

#define EVENTS 220

/* Several segments, each with a few seals; closed. */
static void begin(struct store_dir *d)
{
	int i;

	store_begin(d);
	d->settings.segment_size = 4096;
	store_open(d);
	for (i = 0; i < EVENTS / 11; i++) {
		store_events(d, 11);
		store_flush(d);
	}
	assert_true(store_stats(d).segments >= 4);
	store_close(d);
}

static void seal_of_all_numbers(struct frame *f, uint8_t *payload)
{
	const uint64_t last = JOURNAL_SEQ_MAX - 1;

	(void)f;
	memcpy(payload + offsetof(struct journal_seal, last_seq), &last,
	       sizeof(last));
}

static void number_at_the_end(struct frame *f, uint8_t *payload)
{
	(void)payload;
	f->seq = JOURNAL_SEQ_MAX - 1;
}

static void gap_of_all_numbers(struct frame *f, uint8_t *payload)
{
	const struct journal_gap gap = {
		.first = f->seq,
		.count = JOURNAL_SEQ_MAX - f->seq,
		.reason = JOURNAL_GAP_OVERFLOW,
	};

	f->type = JOURNAL_GAP;
	memcpy(payload, &gap, sizeof(gap));
	memset(payload + sizeof(gap), 0, f->payload.n - sizeof(gap));
}

static void a_seal_that_leaps_hides_nothing(void **state)
{
	static const unsigned which[] = { 0, 1 };
	struct store_seen seen;
	struct store_dir d;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * 2; i++) {
		begin(&d);
		store_forge(&d, &(struct store_forgery){ 2, JOURNAL_SEAL,
							 which[i % 2],
							 seal_of_all_numbers });
		seen = store_read_from(&d, READER_OLDEST, 0,
				       i / 2 ? READER_SEALED_ONLY : 0);
		/* Behind the seal in its own segment all may be told as lost */
		assert_int_equal(seen.events + seen.missing, EVENTS);
		assert_int_equal(seen.end, EVENTS + 1);
		assert_true(seen.events > EVENTS / 2);
		store_end(&d);
	}
}

static void the_newest_seal_is_not_one_that_leaps(void **state)
{
	uint8_t sha[32];
	struct store_seen seen = { 0 };
	struct reader *r;
	struct store_dir d;
	uint64_t seq;

	(void)state;
	begin(&d);
	store_forge(&d, &(struct store_forgery){ 2, JOURNAL_SEAL, 0,
						 seal_of_all_numbers });
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0,
				     READER_SEALED_ONLY, &r),
			 0);
	store_read_on(r, &seen);
	reader_seal(r, &seq, sha);
	assert_int_equal(seq, EVENTS);
	reader_close(r);
	store_end(&d);
}

static void an_event_that_leaps_costs_itself(void **state)
{
	struct store_seen seen;
	struct store_dir d;

	(void)state;
	begin(&d);
	store_forge(&d, &(struct store_forgery){ 2, JOURNAL_EVENT, 3,
						 number_at_the_end });
	seen = store_read(&d);
	assert_int_equal(seen.events, EVENTS - 1);
	assert_int_equal(seen.missing, 1);
	assert_int_equal(seen.end, EVENTS + 1);
	store_end(&d);
}

static void a_gap_that_leaps_ends_with_its_segment(void **state)
{
	struct store_seen seen;
	struct store_dir d;

	(void)state;
	begin(&d);
	store_forge(&d, &(struct store_forgery){ 2, JOURNAL_EVENT, 3,
						 gap_of_all_numbers });
	seen = store_read(&d);
	assert_int_equal(seen.events + seen.told, EVENTS);
	assert_int_equal(seen.end, EVENTS + 1);
	assert_true(seen.events > EVENTS / 2);
	store_end(&d);
}

static void a_header_that_leaps_hides_nothing(void **state)
{
	const struct store_header leaping = { .first_seq =
						      JOURNAL_SEQ_MAX - 1 };
	struct store_seen seen;
	struct store_dir d;
	uint64_t segment;

	(void)state;
	for (segment = 1; segment <= 3; segment++) {
		begin(&d);
		store_forge_header(&d, segment, &leaping);
		seen = store_read(&d);
		assert_int_equal(seen.end, EVENTS + 1);
		if (segment == 1)
			assert_true(seen.events + seen.first > EVENTS);
		else
			assert_int_equal(seen.events + seen.missing, EVENTS);
		store_end(&d);
	}
}

/* What was the youngest when it was read, and what comes behind it. */
static void a_leap_at_the_end_does_not_hide_what_comes(void **state)
{
	struct reader_frame f;
	struct store_dir d;
	struct reader *r;
	unsigned events = 0;

	(void)state;
	store_begin(&d);
	store_open(&d);
	store_events(&d, 10);
	store_close(&d);
	store_forge(&d, &(struct store_forgery){ 1, JOURNAL_EVENT, 4,
						 number_at_the_end });
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
	while (reader_next(r, &f) == 1)
		;
	/* The writer never saw it: it went on in its memory. */
	d.settings.segment_size = 4096;
	store_open(&d);
	store_events(&d, 100);
	store_flush(&d);
	while (reader_next(r, &f) == 1)
		events += f.type == JOURNAL_EVENT && f.seq < 1000;
	assert_true(events >= 50);
	reader_close(r);
	store_end(&d);
}

/* No next segment says where it ends: no writer leaps so far. */
static void leaps_in_the_last_segment_are_lies(void **state)
{
	static const struct {
		uint8_t type;
		void (*change)(struct frame *f, uint8_t *payload);
	} lies[] = {
		{ JOURNAL_SEAL, seal_of_all_numbers },
		{ JOURNAL_EVENT, number_at_the_end },
		{ JOURNAL_EVENT, gap_of_all_numbers },
	};
	struct cursor c = { .epoch = 1, .seq = EVENTS + 5 };
	struct store_seen seen;
	struct reader *r;
	struct store_dir d;
	uint8_t sha[32];
	uint64_t seq;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin(&d);
		store_forge(&d, &(struct store_forgery){ store_last_segment(&d),
							 lies[i].type, 0,
							 lies[i].change });
		seen = (struct store_seen){ 0 };
		assert_int_equal(reader_open(d.journal, READER_OLDEST, 0,
					     READER_SEALED_ONLY, &r),
				 0);
		store_read_on(r, &seen);
		reader_seal(r, &seq, sha);
		reader_close(r);
		assert_int_equal(seen.end, EVENTS + 1);
		assert_true(seen.events >= EVENTS - 1);
		assert_int_equal(seq, EVENTS);
		/* A place behind all there is stays one. */
		memcpy(c.journal, d.opening.id, sizeof(c.journal));
		assert_int_equal(cursor_is_ahead(d.journal, &c), 1);
		store_open(&d);
		assert_int_equal(d.opening.next_seq, EVENTS + 1);
		store_events(&d, 10);
		store_close(&d);
		seen = store_read(&d);
		assert_int_equal(seen.end, EVENTS + 11);
		store_end(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seal_that_leaps_hides_nothing),
		cmocka_unit_test(the_newest_seal_is_not_one_that_leaps),
		cmocka_unit_test(an_event_that_leaps_costs_itself),
		cmocka_unit_test(a_gap_that_leaps_ends_with_its_segment),
		cmocka_unit_test(a_header_that_leaps_hides_nothing),
		cmocka_unit_test(a_leap_at_the_end_does_not_hide_what_comes),
		cmocka_unit_test(leaps_in_the_last_segment_are_lies),
	};

	return cmocka_run_group_tests_name("reader_forged", tests, NULL, NULL);
}
