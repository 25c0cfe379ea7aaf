/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments of another journal in the directory of ours: whoever reads takes
 * them for damaged ones, wherever they stand, and for as long as anything says
 * whose the directory is.
 */
#include "store/reader.h"

#include "store/cursor.h"
#include "store/dir.h"
#include "store/spans.h"
#include "verify_check.h"

#define EVENTS 220
#define FIRST  1
#define MIDDLE 3

/* What the state is made to say. */
enum says { OURS, NOTHING, NOBODYS, OTHERS, SAYS_COUNT };

static uint64_t segments(const struct store_dir *d)
{
	cleanup_dir_list struct dir_list l = { 0 };
	int fd = open(d->journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(dir_list(fd, &l), 0);
	(void)close(fd);
	return l.numbers[l.n - 1];
}

/* A segment of another journal becomes the segment of this number. */
static void put(const struct store_dir *d, const struct store_dir *other,
		uint64_t number)
{
	struct journal_segment_header h;
	char path[256];
	uint8_t *p;
	size_t n;

	p = store_load(store_segment(other, 2, path), &n);
	memcpy(&h, p, sizeof(h));
	h.number = number;
	segment_encode_header(&h, p);
	store_save(store_segment(d, number, path), p, n);
	free(p);
}

static void say(const struct store_dir *d, const struct store_dir *other,
		enum says says)
{
	char path[256];
	uint8_t *p;
	size_t n;

	store_path(d, "state", path);
	if (says == NOTHING)
		assert_int_equal(unlink(path), 0);
	if (says == NOBODYS)
		store_save(path, "?", 1);
	if (says != OTHERS)
		return;
	p = store_load(store_path(other, "state", path), &n);
	store_save(store_path(d, "state", path), p, n);
	free(p);
}

/* Ours and another's, with the other's in ours at `number`. */
static void begin_both(struct store_dir *d, struct store_dir *other,
		       uint64_t number)
{
	begin(d);
	begin(other);
	put(d, other, number ? number : segments(d) + 1);
}

static void end_both(struct store_dir *d, struct store_dir *other)
{
	store_end(other);
	store_end(d);
}

static void none_is_handed_out_and_what_it_replaced_is_missing(void **state)
{
	static const uint64_t at[] = { FIRST, MIDDLE, 0 };
	struct store_dir d, other;
	struct store_seen seen;
	size_t i;

	(void)state;
	/* Whatever the state says, of the other one too: two are not most. */
	for (i = 0; i < 3 * 2 * SAYS_COUNT; i++) {
		begin_both(&d, &other, at[i % 3]);
		say(&d, &other, (enum says)(i / 3 % SAYS_COUNT));
		seen = store_read_from(&d, READER_SEQ, 1,
				       i / 3 / SAYS_COUNT ? READER_SEALED_ONLY
							  : 0);
		assert_int_equal(seen.events + seen.missing, EVENTS);
		assert_int_equal(seen.end, EVENTS + 1);
		assert_int_equal(!seen.missing, !at[i % 3]);
		assert_true(seen.missing < EVENTS / 2);
		end_both(&d, &other);
	}
}

static void a_state_alone_makes_no_journal(void **state)
{
	struct store_dir d, other;
	struct store_seen seen;

	(void)state;
	begin(&d);
	begin(&other);
	say(&d, &other, OTHERS);
	seen = store_read_from(&d, READER_OLDEST, 0, 0);
	assert_int_equal(seen.events, EVENTS);
	end_both(&d, &other);
}

static void the_id_stays_whatever_is_met(void **state)
{
	struct reader_frame f;
	struct store_dir d, other;
	struct reader *r;
	uint8_t id[16];

	(void)state;
	begin_both(&d, &other, MIDDLE);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
	memcpy(id, reader_journal_id(r), sizeof(id));
	assert_memory_equal(id, d.opening.id, sizeof(id));
	while (reader_next(r, &f) == 1)
		assert_memory_equal(reader_journal_id(r), id, sizeof(id));
	reader_close(r);
	end_both(&d, &other);
}

/* Who reads at the end of a journal that is written, and one is put there. */
static void who_waits_at_the_end_goes_on_behind_it(void **state)
{
	struct store_seen seen = { 0 };
	struct store_dir d, other;
	struct reader_frame f;
	struct reader *r;
	uint64_t last;

	(void)state;
	begin(&d);
	begin(&other);
	store_open(&d);
	store_events(&d, 1);
	store_flush(&d);
	last = segments(&d);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
	while (reader_next(r, &f) == 1)
		seen.events += f.type == JOURNAL_EVENT;
	assert_int_equal(seen.events, EVENTS + 1);
	put(&d, &other, last + 3);
	assert_int_equal(reader_next(r, &f), 0);
	/* It goes on in its own segment, and into the next and the next. */
	store_events(&d, 200);
	store_flush(&d);
	assert_true(segments(&d) > last + 3);
	while (reader_next(r, &f) == 1) {
		assert_false(f.flags & READER_MISSING);
		seen.events += f.type == JOURNAL_EVENT;
	}
	assert_int_equal(seen.events, EVENTS + 201);
	reader_close(r);
	end_both(&d, &other);
}

static void a_cursor_and_now_are_of_ours(void **state)
{
	static const uint64_t at[] = { FIRST, MIDDLE, 0 };
	struct cursor c = { .epoch = 1, .seq = EVENTS - 1 };
	struct store_dir d, other;
	struct reader_frame f;
	struct reader *r;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin_both(&d, &other, at[i]);
		memcpy(c.journal, d.opening.id, sizeof(c.journal));
		assert_int_equal(cursor_is_ahead(d.journal, &c), 0);
		assert_int_equal(reader_open_cursor(d.journal, &c, 0, &r), 0);
		do {
			assert_int_equal(reader_next(r, &f), 1);
		} while (!f.seq);
		assert_int_equal(f.seq, EVENTS);
		reader_close(r);
		c.seq += 10;
		assert_int_equal(cursor_is_ahead(d.journal, &c), 1);
		c.seq -= 10;
		assert_int_equal(reader_open(d.journal, READER_NOW, 0, 0, &r),
				 0);
		while (reader_next(r, &f) == 1)
			assert_false(f.type == JOURNAL_EVENT);
		reader_close(r);
		end_both(&d, &other);
	}
}

/* told: what was not ours had to make way. */
static void goes_on(struct store_dir *d, bool told)
{
	uint8_t id[16];

	memcpy(id, d->opening.id, sizeof(id));
	store_open(d);
	assert_memory_equal(d->opening.id, id, sizeof(id));
	assert_int_equal(*d->opening.cut_file != '\0', told);
	store_events(d, 10);
	store_close(d);
}

static void the_writer_goes_on_with_ours(void **state)
{
	static const uint64_t at[] = { FIRST, MIDDLE, 0 };
	struct store_dir d, other;
	struct store_seen seen;
	enum says says;
	size_t i;

	(void)state;
	for (i = 0; i < 3 * SAYS_COUNT; i++) {
		says = (enum says)(i / 3);
		begin_both(&d, &other, at[i % 3]);
		say(&d, &other, says);
		goes_on(&d, says >= NOBODYS || !at[i % 3]);
		seen = store_read_from(&d, READER_OLDEST, 0, 0);
		assert_int_equal(seen.end, EVENTS + 11);
		end_both(&d, &other);
	}
}

static void so_it_does_behind_a_state_of_the_other(void **state)
{
	struct store_dir d, other;
	struct verify_result v;
	struct store_seen seen;

	(void)state;
	begin(&d);
	begin(&other);
	say(&d, &other, OTHERS);
	v = check(&d, NULL);
	expect(&v, VERIFY_REPLACED, 0);
	goes_on(&d, true);
	seen = store_read(&d);
	assert_int_equal(seen.events, EVENTS + 10);
	v = check(&d, NULL);
	assert_int_equal(v.n_findings, 0);
	end_both(&d, &other);
}

static void verify_names_it_wherever_it_is(void **state)
{
	static const uint64_t at[] = { FIRST, MIDDLE, 0 };
	struct store_dir d, other;
	struct verify_result v;
	uint64_t number;
	size_t i, k;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin_both(&d, &other, at[i]);
		number = at[i] ? at[i] : segments(&d);
		v = check(&d, NULL);
		for (k = 0; k < v.n_findings; k++)
			if (v.findings[k].kind == VERIFY_REPLACED &&
			    v.findings[k].segment == number)
				break;
		assert_true(k < v.n_findings);
		/* Its place is taken: nothing before ours was removed. */
		for (k = 0; at[i] == FIRST && k < v.n_findings; k++)
			assert_int_not_equal(v.findings[k].kind,
					     VERIFY_REMOVED);
		end_both(&d, &other);
	}
}

/* The state is one more of ours; of as many it decides, else the youngest. */
static void of_as_many_the_state_decides(void **state)
{
	struct store_dir d, other;
	struct reader *r;
	uint64_t n, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin(&d);
		begin(&other);
		for (n = segments(&d) + !i; n; n--)
			put(&d, &other, segments(&d) + 1);
		if (i)
			say(&d, &other, NOTHING);
		assert_int_equal(
			reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
		assert_memory_equal(reader_journal_id(r),
				    (i ? &other : &d)->opening.id, 16);
		reader_close(r);
		end_both(&d, &other);
	}
}

/* All files are another's by now, under the names that we listed. */
static void who_listed_the_former_files_reads_the_new_ones(void **state)
{
	struct store_dir d, other;
	struct reader_frame f;
	unsigned events = 0;
	struct reader *r;
	char path[256];
	uint64_t n;

	(void)state;
	begin(&d);
	begin(&other);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
	assert_int_equal(reader_next(r, &f), 1);
	for (n = segments(&d); n; n--) {
		assert_int_equal(unlink(store_segment(&d, n, path)), 0);
		put(&d, &other, n);
	}
	say(&d, &other, OTHERS);
	while (reader_next(r, &f) == 1)
		events += f.type == JOURNAL_EVENT;
	assert_memory_equal(reader_journal_id(r), other.opening.id, 16);
	/* Each is a copy of one segment: what it says is said once. */
	assert_true(events > EVENTS / 3);
	reader_close(r);
	end_both(&d, &other);
}

static void a_span_has_no_run_in_it(void **state)
{
	const struct span all = { INT64_MIN, INT64_MAX };
	struct store_dir d, other;
	struct spans s;

	(void)state;
	begin_both(&d, &other, FIRST);
	assert_int_equal(spans_find(d.journal, &all, &s), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.runs[0].first_segment, 2);
	spans_done(&s);
	end_both(&d, &other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			none_is_handed_out_and_what_it_replaced_is_missing),
		cmocka_unit_test(a_state_alone_makes_no_journal),
		cmocka_unit_test(the_id_stays_whatever_is_met),
		cmocka_unit_test(who_waits_at_the_end_goes_on_behind_it),
		cmocka_unit_test(a_cursor_and_now_are_of_ours),
		cmocka_unit_test(the_writer_goes_on_with_ours),
		cmocka_unit_test(so_it_does_behind_a_state_of_the_other),
		cmocka_unit_test(verify_names_it_wherever_it_is),
		cmocka_unit_test(of_as_many_the_state_decides),
		cmocka_unit_test(
			who_listed_the_former_files_reads_the_new_ones),
		cmocka_unit_test(a_span_has_no_run_in_it),
	};

	return cmocka_run_group_tests_name("reader_foreign", tests, NULL, NULL);
}
