/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a journal that say what nobody got by counting, with right
 * checksums: an epoch, a segment's number or a sequence at the end of all there
 * are. They are set aside and told, and the writer goes on with numbers that
 * every reader reads.
 */
#include "store/reader.h"

#include "store/dir.h"
#include "store_forge.h"
#include "verify_check.h"

#define EVENTS 220

static void forge_state(const struct store_dir *d, const struct state *with)
{
	int fd = open(d->journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct state st;

	assert_true(fd >= 0);
	assert_int_equal(state_load(fd, &st), 0);
	if (with->epoch)
		st.epoch = with->epoch;
	if (with->segment)
		st.segment = with->segment;
	if (with->seq)
		st.seq = with->seq;
	if (with->oldest)
		st.oldest = with->oldest;
	assert_int_equal(state_save(fd, &st, 0640), 0);
	(void)close(fd);
}

/* It is told, and what comes now is read by both readers. */
static void goes_on(struct store_dir *d)
{
	struct store_report report;
	struct store_seen seen;
	char path[256];

	store_open(d);
	assert_true(*d->opening.cut_file);
	assert_int_equal(access(store_path(d, d->opening.cut_file, path), F_OK),
			 0);
	assert_true(d->opening.epoch > 1 && d->opening.epoch < 1000);
	assert_int_equal(d->opening.next_seq, EVENTS + 1);
	store_events(d, 100);
	store_close(d);
	seen = store_read(d);
	assert_int_equal(seen.end, EVENTS + 101);
	assert_int_equal(seen.events + seen.missing, EVENTS + 100);
	assert_true(seen.events > EVENTS / 2);
	assert_true(store_last_segment(d) < 100);
	store_ask(d->journal, &report);
	assert_int_equal(store_answer(&report, "next"), EVENTS + 101);
}

static void a_state_that_says_the_largest_is_not_believed(void **state)
{
	static const struct state lies[] = {
		{ .epoch = UINT32_MAX },
		{ .epoch = JOURNAL_EPOCH_MAX - 1 },
		{ .epoch = 2 + JOURNAL_EPOCH_LEAP },
		{ .segment = UINT64_MAX },
		{ .segment = JOURNAL_SEGMENT_MAX - 1 },
		{ .segment = 100 + JOURNAL_SEGMENT_LEAP },
		{ .seq = JOURNAL_SEQ_MAX },
		{ .seq = JOURNAL_SEQ_MAX / 2 - 1 },
		{ .seq = 1000 + JOURNAL_SEQ_LEAP },
		{ .oldest = UINT64_MAX },
		{ .oldest = JOURNAL_SEGMENT_MAX - 1 },
		{ .oldest = 100 + JOURNAL_SEGMENT_LEAP },
	};
	struct verify_result v;
	struct store_dir d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		begin(&d);
		forge_state(&d, &lies[i]);
		v = check(&d, NULL);
		expect(&v, VERIFY_EDITED, 0);
		goes_on(&d);
		v = check(&d, NULL);
		assert_int_equal(v.n_findings, 0);
		store_end(&d);
	}
}

static void a_last_segment_that_does_is_set_aside(void **state)
{
	static const struct store_header lies[] = {
		{ .epoch = UINT32_MAX },
		{ .epoch = JOURNAL_EPOCH_MAX - 1 },
		{ .epoch = 2 + JOURNAL_EPOCH_LEAP },
		{ .first_seq = JOURNAL_SEQ_MAX },
		{ .first_seq = JOURNAL_SEQ_MAX / 2 - 1 },
		{ .first_seq = 1000 + JOURNAL_SEQ_LEAP },
	};
	struct verify_result v;
	struct store_seen seen;
	struct store_dir d;
	uint64_t last;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		begin(&d);
		last = store_last_segment(&d);
		store_forge_header(&d, last, &lies[i]);
		v = check(&d, NULL);
		expect(&v, VERIFY_EDITED, last);
		seen = store_read(&d);
		assert_true(seen.end <= EVENTS + 1);
		goes_on(&d);
		store_end(&d);
	}
}

static void so_is_one_more_with_the_largest_number(void **state)
{
	static const uint64_t numbers[] = { 9999999999999999,
					    JOURNAL_SEGMENT_MAX,
					    JOURNAL_SEGMENT_MAX - 1,
					    100 + JOURNAL_SEGMENT_LEAP };
	struct verify_result v;
	struct store_seen seen;
	struct store_dir d;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		begin(&d);
		store_forge_header(
			&d, 2, &(struct store_header){ .number = numbers[i] });
		v = check(&d, NULL);
		expect(&v, VERIFY_EDITED, numbers[i]);
		seen = store_read(&d);
		assert_int_equal(seen.events, EVENTS);
		goes_on(&d);
		assert_int_equal(store_read(&d).events, EVENTS + 100);
		store_end(&d);
	}
}

/* Nobody who waits behind it is led astray by one that is put there later. */
static void one_that_comes_while_it_is_written_is_passed_by(void **state)
{
	const struct store_header far = { .number =
						  100 + JOURNAL_SEGMENT_LEAP };
	struct reader_frame f;
	struct store_dir d;
	struct reader *r;
	unsigned events = 0;

	(void)state;
	begin(&d);
	store_open(&d);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
	while (reader_next(r, &f) == 1)
		;
	store_forge_header(&d, 2, &far);
	assert_int_equal(reader_next(r, &f), 0);
	store_events(&d, 200);
	store_flush(&d);
	while (reader_next(r, &f) == 1) {
		assert_false(f.flags & READER_MISSING);
		events += f.type == JOURNAL_EVENT;
	}
	assert_int_equal(events, 200);
	reader_close(r);
	store_end(&d);
}

/* Those of the middle stay, and nothing behind them is lost. */
static void one_in_the_middle_costs_itself(void **state)
{
	static const struct store_header lies[] = {
		{ .epoch = JOURNAL_EPOCH_MAX - 1 },
		{ .epoch = UINT32_MAX },
		{ .first_seq = JOURNAL_SEQ_MAX / 2 },
	};
	struct verify_result v;
	struct store_seen seen;
	struct store_dir d;
	size_t i, segment;

	(void)state;
	for (i = 0; i < 3 * 2; i++) {
		segment = 1 + i / 3;
		begin(&d);
		store_forge_header(&d, segment, &lies[i % 3]);
		seen = store_read_from(&d, READER_SEQ, 1, 0);
		assert_int_equal(seen.end, EVENTS + 1);
		assert_int_equal(seen.events + seen.missing, EVENTS);
		assert_true(seen.events > EVENTS / 2);
		v = check(&d, NULL);
		expect(&v, VERIFY_EDITED, segment);
		store_end(&d);
	}
}

/* Frames of another epoch than the header's, or at another place. */
static void a_header_that_is_not_its_frames_is_edited(void **state)
{
	static const struct store_header lies[] = {
		{ .epoch = 5 },
		{ .header_size = 2048 },
	};
	struct verify_result v;
	struct store_dir d;
	uint64_t segment;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * 2; i++) {
		begin(&d);
		segment = i / 2 ? store_last_segment(&d) : 2;
		store_forge_header(&d, segment, &lies[i % 2]);
		v = check(&d, NULL);
		expect(&v, VERIFY_EDITED, segment);
		store_end(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_that_says_the_largest_is_not_believed),
		cmocka_unit_test(a_last_segment_that_does_is_set_aside),
		cmocka_unit_test(so_is_one_more_with_the_largest_number),
		cmocka_unit_test(
			one_that_comes_while_it_is_written_is_passed_by),
		cmocka_unit_test(one_in_the_middle_costs_itself),
		cmocka_unit_test(a_header_that_is_not_its_frames_is_edited),
	};

	return cmocka_run_group_tests_name("forged_files", tests, NULL, NULL);
}
