/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index by time: exactly the segments that hold something of a span are
 * chosen, also where the clock was set back, where the writer died, and of
 * journals whose seals know no times.
 */
#include "store/spans.h"

#include <errno.h>

#include "store/frame.h"
#include "store_dir.h"

#define T 1000000

/* An event at this wall time, in a segment of its own if wanted. */
static void event_at(struct store_dir *d, int64_t wall_ns)
{
	static char payload[4096];
	uint64_t seq;

	memset(payload, '.', sizeof(payload));
	(void)journal_segment(d->j);
	assert_int_equal(journal_append(d->j, JOURNAL_EVENT, 0, wall_ns,
					slice_of(payload, sizeof(payload)),
					&seq),
			 0);
}

static void begin(struct store_dir *d)
{
	store_begin(d);
	d->settings.segment_size = 4096;
	store_open(d);
}

static struct spans find(const struct store_dir *d, int64_t from, int64_t to)
{
	struct span span = { from, to };
	struct spans s;

	assert_int_equal(spans_find(d->journal, &span, &s), 0);
	return s;
}

/* The runs of this span as "1-2 5-5". */
static void expect(const struct store_dir *d, int64_t from, int64_t to,
		   const char *want)
{
	struct spans s = find(d, from, to);
	char got[256] = "";
	size_t i, n = 0;

	for (i = 0; i < s.n; i++)
		n += (size_t)snprintf(got + n, sizeof(got) - n,
				      "%s%" PRIu64 "-%" PRIu64, i ? " " : "",
				      s.runs[i].first_segment,
				      s.runs[i].last_segment);
	assert_string_equal(got, want);
	spans_done(&s);
}

static void only_segments_of_the_span_are_chosen(void **state)
{
	struct store_dir d;
	struct spans s;
	int i;

	(void)state;
	begin(&d);
	/* Segment i holds one event, of time i * T. */
	for (i = 1; i <= 6; i++)
		event_at(&d, i * T);
	store_flush(&d);
	expect(&d, 0, INT64_MAX, "1-6");
	expect(&d, 3 * T, 3 * T, "3-3");
	expect(&d, 3 * T + 1, 4 * T - 1, "");
	expect(&d, 3 * T + 1, 5 * T, "4-5");
	/* The youngest is still written: what it has sealed counts. */
	expect(&d, 6 * T, 6 * T, "6-6");
	expect(&d, 6 * T + 1, INT64_MAX, "");
	s = find(&d, 3 * T, 4 * T);
	assert_int_equal(s.runs[0].first_seq, 3);
	assert_int_equal(s.segments, 6);
	assert_int_equal(s.chosen, 2);
	assert_false(s.trimmed);
	spans_done(&s);
	store_close(&d);
	expect(&d, 6 * T + 1, INT64_MAX, "");
	expect(&d, 6 * T, INT64_MAX, "6-6");
	store_end(&d);
}

static void clock_that_was_set_back_hides_nothing(void **state)
{
	static const int64_t times[] = { 5, 6, 7, 2, 3, 9, 1 };
	struct store_dir d;
	size_t i;

	(void)state;
	begin(&d);
	for (i = 0; i < sizeof(times) / sizeof(*times); i++)
		event_at(&d, times[i] * T);
	store_close(&d);
	expect(&d, 2 * T, 3 * T, "4-5");
	expect(&d, 3 * T, 6 * T, "1-2 5-5");
	expect(&d, T, T, "7-7");
	expect(&d, 8 * T, 9 * T, "6-6");
	store_end(&d);
}

static void times_within_a_segment_are_all_covered(void **state)
{
	struct store_dir d;

	(void)state;
	store_begin(&d);
	store_open(&d);
	event_at(&d, 5 * T);
	store_flush(&d);
	event_at(&d, 2 * T);
	store_flush(&d);
	event_at(&d, 9 * T);
	store_describe(&d, "an image, whose time is 1");
	store_close(&d);
	expect(&d, 2 * T, 2 * T, "1-1");
	expect(&d, 9 * T, 9 * T, "1-1");
	expect(&d, 0, 2 * T - 1, "");
	expect(&d, 9 * T + 1, 10 * T, "");
	store_end(&d);
}

static void recovered_segment_has_its_times(void **state)
{
	struct store_dir d;
	char path[256];
	uint8_t *p;
	size_t n;

	(void)state;
	store_begin(&d);
	store_open(&d);
	event_at(&d, 5 * T);
	event_at(&d, 6 * T);
	store_flush(&d);
	event_at(&d, 7 * T);
	store_flush(&d);
	store_crash(&d, "crashed");
	/* The last seal is torn, and the event before it is whole. */
	p = store_load(store_segment(&d, 1, path), &n);
	store_save(path, p, n - 50);
	free(p);
	store_open(&d);
	event_at(&d, 20 * T);
	store_close(&d);
	expect(&d, 7 * T, 7 * T, "1-1");
	expect(&d, 8 * T, 9 * T, "");
	expect(&d, 20 * T, 20 * T, "2-2");
	store_end(&d);
}

static void what_cannot_be_judged_is_chosen(void **state)
{
	struct store_dir d;
	struct spans s;
	char path[256];
	uint8_t *p;
	size_t n;
	int i;

	(void)state;
	begin(&d);
	for (i = 1; i <= 5; i++)
		event_at(&d, i * T);
	store_close(&d);
	/* Its end is cut, and nobody recovered it. */
	p = store_load(store_segment(&d, 2, path), &n);
	store_save(path, p, n - 1);
	free(p);
	expect(&d, 5 * T, 5 * T, "2-2 5-5");
	/* Nothing of it can be read. */
	store_flip(store_segment(&d, 3, path), 3);
	store_flip(path, 515);
	s = find(&d, 5 * T, 5 * T);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.runs[0].last_segment, 3);
	spans_done(&s);
	s = find(&d, 3 * T, 3 * T);
	spans_done(&s);
	(void)unlink(store_segment(&d, 1, path));
	s = find(&d, T, T);
	assert_true(s.trimmed);
	assert_true(s.begun_ns > 0);
	spans_done(&s);
	store_end(&d);
}

static void seals_without_times_are_read_through(void **state)
{
	struct store_dir d = { .journal = "tests/golden/journal-1" };

	(void)state;
	expect(&d, 0, 1, "1-2");
	/* With times: the clock went back within the first segment. */
	(void)snprintf(d.journal, sizeof(d.journal),
		       "tests/golden/journal-1-times");
	expect(&d, 0, 1, "");
	expect(&d, 1700000000000000000 - 5000, 1700000000000000000 - 5000,
	       "1-1");
	expect(&d, 1700000000000000000 + 30000, INT64_MAX, "2-2");
	assert_int_equal(store_check(d.journal, "events"), 27);
}

static void missing_and_empty_directories_are_told_apart(void **state)
{
	struct span span = { 0, INT64_MAX };
	struct store_dir d;
	struct spans s;

	(void)state;
	assert_int_equal(spans_find("/nonexistent", &span, &s), -ENOENT);
	store_begin(&d);
	assert_int_equal(spans_find(d.base, &span, &s), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(s.begun_ns, 0);
	spans_done(&s);
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_segments_of_the_span_are_chosen),
		cmocka_unit_test(clock_that_was_set_back_hides_nothing),
		cmocka_unit_test(times_within_a_segment_are_all_covered),
		cmocka_unit_test(recovered_segment_has_its_times),
		cmocka_unit_test(what_cannot_be_judged_is_chosen),
		cmocka_unit_test(seals_without_times_are_read_through),
		cmocka_unit_test(missing_and_empty_directories_are_told_apart),
	};

	return cmocka_run_group_tests_name("spans", tests, NULL, NULL);
}
