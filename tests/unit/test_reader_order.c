/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal in which one segment's header, or one frame, says a number that
 * could have been given and was not, with right checksums: it costs what a
 * damaged one would, whoever reads from wherever, and nothing is told twice.
 */
#include "store/reader.h"

#include <errno.h>
#include <sys/resource.h>

#include "store/behind.h"
#include "store/cursor.h"
#include "store/identity.h"
#include "store/recover.h"
#include "store_forge.h"

#define EVENTS 220
#define STEP   11
#define FAR    1000000000u /* no leap: somebody's who counts could be there */

/* Several segments, each with a few seals; closed. */
static void begin(struct store_dir *d)
{
	int i;

	store_begin(d);
	d->settings.segment_size = 4096;
	store_open(d);
	for (i = 0; i < EVENTS / STEP; i++) {
		store_events(d, STEP);
		store_flush(d);
	}
	assert_true(store_stats(d).segments >= 5);
	store_close(d);
}

static struct journal_segment_header header_of(const struct store_dir *d,
					       uint64_t segment)
{
	struct journal_segment_header h;
	char path[256];
	uint8_t *p;
	size_t n;

	p = store_load(store_segment(d, segment, path), &n);
	memcpy(&h, p, sizeof(h));
	free(p);
	return h;
}

/* The numbers [*first, *end) that stand in this segment. */
static void numbers_of(const struct store_dir *d, uint64_t segment,
		       uint64_t *first, uint64_t *end)
{
	*first = header_of(d, segment).first_seq;
	*end = segment == store_last_segment(d)
		       ? EVENTS + 1
		       : header_of(d, segment + 1).first_seq;
}

static struct store_seen read_behind(const struct store_dir *d, uint64_t seq)
{
	struct cursor c = { .epoch = 1, .seq = seq };
	struct store_seen seen = { 0 };
	struct reader *r;

	memcpy(c.journal, d->opening.id, sizeof(c.journal));
	assert_int_equal(
		reader_open_cursor(d->journal, &c, READER_SEALED_ONLY, &r), 0);
	store_read_on(r, &seen);
	reader_close(r);
	return seen;
}

struct lie {
	struct store_header header;
	bool costs_frames; /* they are not those of such a header */
};

static const struct lie lies[] = {
	{ { .epoch = 1000 }, true },
	{ { .epoch = 1000, .with_frames = true }, false },
	{ { .first_seq = 1 }, false },
	{ { .first_seq = 2 }, false },
	{ { .first_seq = FAR }, false },
	{ { .epoch = 1000, .first_seq = 1 }, true },
	{ { .epoch = 1000, .first_seq = 1, .with_frames = true }, false },
	{ { .epoch = 1000, .first_seq = FAR, .with_frames = true }, false },
};
#define LIES (sizeof(lies) / sizeof(*lies))

/* Read from each place: what is behind it comes, but for what the lie cost. */
static void check_places(const struct store_dir *d, uint64_t lost_first,
			 uint64_t lost_end)
{
	uint64_t seq, lost;
	struct store_seen seen;

	for (seq = 0; seq <= EVENTS; seq += STEP) {
		seen = seq ? read_behind(d, seq)
			   : store_read_from(d, READER_SEQ, 1, 0);
		lost = lost_end > seq + 1 ? lost_end - lost_first : 0;
		if (lost && lost_first <= seq)
			lost = lost_end - seq - 1;
		if (seen.events != EVENTS - seq - lost || seen.missing != lost)
			fail_msg("behind %" PRIu64 ": %" PRIu64
				 " events, %" PRIu64 " missing of %" PRIu64,
				 seq, seen.events, seen.missing, lost);
		assert_true(seq == EVENTS || seen.end == EVENTS + 1);
	}
}

static void a_header_in_the_middle_costs_no_more_than_itself(void **state)
{
	uint64_t first, end, segment;
	struct store_dir d;
	size_t i;

	(void)state;
	for (i = 0; i < LIES * 2; i++) {
		begin(&d);
		segment = 3 - i / LIES;
		numbers_of(&d, segment, &first, &end);
		store_forge_header(&d, segment, &lies[i % LIES].header);
		if (!lies[i % LIES].costs_frames)
			first = end;
		check_places(&d, first, end);
		store_end(&d);
	}
}

/* Nothing stands behind the last one that could speak against it. */
static void the_last_one_costs_no_more_either(void **state)
{
	static const struct store_header last[] = {
		{ .first_seq = 1 },
		{ .first_seq = FAR },
	};
	struct store_dir d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(last) / sizeof(*last); i++) {
		begin(&d);
		store_forge_header(&d, store_last_segment(&d), &last[i]);
		check_places(&d, EVENTS, EVENTS);
		store_end(&d);
	}
}

static void nor_does_the_first(void **state)
{
	static const struct store_header first[] = {
		{ .first_seq = FAR },
		{ .epoch = 1000, .with_frames = true },
	};
	struct store_seen seen;
	struct store_dir d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(first) / sizeof(*first); i++) {
		begin(&d);
		store_forge_header(&d, 1, &first[i]);
		check_places(&d, EVENTS, EVENTS);
		seen = store_read_from(&d, READER_OLDEST, 0, 0);
		assert_int_equal(seen.events, EVENTS);
		assert_int_equal(seen.missing, 0);
		store_end(&d);
	}
}

/* A run that was cut off gave numbers again: they are news to any cursor. */
static void a_real_restart_is_still_one(void **state)
{
	struct store_seen seen;
	struct store_dir d;

	(void)state;
	begin(&d);
	store_open(&d);
	store_events(&d, STEP);
	store_flush(&d);
	store_crash(&d, "cut");
	store_open(&d);
	assert_int_equal(d.opening.epoch, 2);
	store_events(&d, STEP);
	store_close(&d);
	store_forge_header(&d, 3, &lies[1].header);
	seen = read_behind(&d, EVENTS + STEP + 5);
	assert_int_equal(seen.first, EVENTS + STEP + 1);
	assert_int_equal(seen.events, STEP);
	seen = read_behind(&d, 100);
	assert_int_equal(seen.events, EVENTS + 2 * STEP - 100);
	store_end(&d);
}

/* Without descriptors nobody knows of the restart: no place is made up. */
static void who_cannot_ask_now_says_so(void **state)
{
	struct cursor c = { .epoch = 1, .seq = EVENTS };
	struct rlimit was, few;
	struct reader *r;
	struct store_dir d;
	int fd, err = 0;

	(void)state;
	begin(&d);
	memcpy(c.journal, d.opening.id, sizeof(c.journal));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	fd = dup(0);
	assert_true(fd >= 0);
	(void)close(fd);
	/* One for the directory, and one or two for what is in it. */
	for (few = was, few.rlim_cur = (rlim_t)fd + 1; err != 1;
	     few.rlim_cur++) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		err = reader_open_cursor(d.journal, &c, 0, &r);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
		assert_true(err == -EMFILE || err == 0);
		if (err == 0) {
			struct store_seen seen = { 0 };

			store_read_on(r, &seen);
			assert_int_equal(seen.events, 0);
			reader_close(r);
			err = 1;
		}
	}
	assert_true(few.rlim_cur > (rlim_t)fd + 3);
	store_end(&d);
}

/* It was being copied, or came back from somewhere. */
static void one_that_is_mended_is_read(void **state)
{
	char path[256], aside[256];
	struct store_seen seen = { 0 };
	struct store_dir d;
	struct reader *r;
	uint64_t first;

	(void)state;
	begin(&d);
	first = header_of(&d, store_last_segment(&d)).first_seq;
	(void)store_segment(&d, store_last_segment(&d), path);
	(void)snprintf(aside, sizeof(aside), "%s/aside", d.base);
	assert_int_equal(rename(path, aside), 0);
	store_save(path, "no segment", 10);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
	store_read_on(r, &seen);
	assert_int_equal(seen.end, first);
	assert_int_equal(rename(aside, path), 0);
	store_read_on(r, &seen);
	assert_int_equal(seen.end, EVENTS + 1);
	reader_close(r);
	store_end(&d);
}

static uint64_t bytes_behind(const struct store_dir *d, uint64_t seq)
{
	uint64_t n;

	assert_int_equal(behind_bytes(&(struct behind_ask){ d->journal, seq,
							    EVENTS + 1 },
				      &n),
			 0);
	return n;
}

static void what_is_behind_a_number_stays_what_it_was(void **state)
{
	uint64_t before[EVENTS / STEP + 1], seq, first, end;
	struct store_dir d;
	size_t i;

	(void)state;
	for (i = 0; i < LIES; i++) {
		begin(&d);
		for (seq = 0; seq <= EVENTS; seq += STEP)
			before[seq / STEP] = bytes_behind(&d, seq);
		first = header_of(&d, 2).first_seq;
		end = header_of(&d, 4).first_seq;
		store_forge_header(&d, 3, &lies[i].header);
		for (seq = 0; seq <= EVENTS; seq += STEP) {
			/* In it, or one that may be it, all of it counts. */
			if (seq + 1 >= first && seq + 1 < end) {
				assert_true(bytes_behind(&d, seq) >=
					    before[seq / STEP]);
				continue;
			}
			if (bytes_behind(&d, seq) != before[seq / STEP])
				fail_msg("lie %zu: behind %" PRIu64 ": %" PRIu64
					 " bytes, were %" PRIu64,
					 i, seq, bytes_behind(&d, seq),
					 before[seq / STEP]);
		}
		store_end(&d);
	}
}

static void far_event(struct frame *f, uint8_t *payload)
{
	(void)payload;
	f->seq = FAR;
}

static void far_seal(struct frame *f, uint8_t *payload)
{
	const uint64_t last = FAR;

	(void)f;
	memcpy(payload + offsetof(struct journal_seal, last_seq), &last,
	       sizeof(last));
}

static void far_gap(struct frame *f, uint8_t *payload)
{
	const struct journal_gap gap = { f->seq, FAR, JOURNAL_GAP_OVERFLOW, 0 };

	f->type = JOURNAL_GAP;
	memcpy(payload, &gap, sizeof(gap));
	memset(payload + sizeof(gap), 0, f->payload.n - sizeof(gap));
}

/* What is in the place of what, in a segment of the test's choice. */
static const struct store_forgery skips[] = {
	{ .type = JOURNAL_EVENT, .change = far_event },
	{ .type = JOURNAL_SEAL, .change = far_seal },
	{ .type = JOURNAL_EVENT, .change = far_gap },
};
#define SKIPS (sizeof(skips) / sizeof(*skips))

static void a_frame_that_skips_costs_itself(void **state)
{
	struct store_forgery what;
	struct store_seen seen;
	struct store_dir d;
	struct reader *r;
	uint8_t sha[32];
	uint64_t seq;
	size_t i;

	(void)state;
	for (i = 0; i < 3 * 2 * 2; i++) {
		begin(&d);
		what = skips[i % SKIPS];
		what.segment = i / 3 % 2 ? 3 : store_last_segment(&d);
		store_forge(&d, &what);
		seen = (struct store_seen){ 0 };
		assert_int_equal(reader_open(d.journal, READER_OLDEST, 0,
					     i / 6 ? READER_SEALED_ONLY : 0,
					     &r),
				 0);
		store_read_on(r, &seen);
		reader_seal(r, &seq, sha);
		reader_close(r);
		assert_int_equal(seen.end, EVENTS + 1);
		assert_int_equal(seen.events, EVENTS - (i % 3 != 1));
		assert_int_equal(seen.missing + seen.told, i % 3 != 1);
		assert_int_equal(seq, EVENTS);
		store_end(&d);
	}
}

static void low_event(struct frame *f, uint8_t *payload)
{
	(void)payload;
	f->seq = 5;
}

/* The oldest segment left begins with it: its header is borne out. */
static void one_that_says_too_little_costs_itself(void **state)
{
	struct store_forgery what = { .type = JOURNAL_EVENT,
				      .change = low_event };
	struct store_seen seen;
	struct store_dir d;
	uint64_t first, end;
	char path[256];

	(void)state;
	begin(&d);
	what.segment = 2;
	numbers_of(&d, 2, &first, &end);
	assert_true(first > 5);
	store_forge(&d, &what);
	assert_int_equal(unlink(store_segment(&d, 1, path)), 0);
	seen = store_read(&d);
	assert_int_equal(seen.events, EVENTS - first);
	assert_int_equal(seen.missing, 1);
	store_end(&d);
}

/* Who was handed the records of a lie has their epoch, and is not ahead. */
static void a_cursor_of_its_epoch_goes_on(void **state)
{
	struct cursor c = { .epoch = 1000 };
	struct store_seen seen = { 0 };
	uint64_t first, end;
	struct store_dir d;
	struct reader *r;

	(void)state;
	begin(&d);
	numbers_of(&d, 3, &first, &end);
	store_forge_header(&d, 3, &lies[1].header);
	c.seq = end - 1;
	memcpy(c.journal, d.opening.id, sizeof(c.journal));
	assert_int_equal(cursor_is_ahead(d.journal, &c), 0);
	assert_int_equal(reader_open_cursor(d.journal, &c, 0, &r), 0);
	store_read_on(r, &seen);
	reader_close(r);
	assert_int_equal(seen.first, end);
	assert_int_equal(seen.events, EVENTS + 1 - end);
	store_end(&d);
}

/* Where one segment ends, a header that does not fit does not say. */
static void it_does_not_bound_what_stands_before_it(void **state)
{
	struct store_seen seen;
	uint64_t first, end;
	struct store_dir d;
	char path[256];

	(void)state;
	begin(&d);
	numbers_of(&d, 2, &first, &end);
	store_forge_header(&d, 3, &lies[2].header);
	store_flip(store_segment(&d, 2, path), JOURNAL_HEADER_AREA + 40);
	seen = store_read(&d);
	assert_int_equal(seen.events, EVENTS - 1);
	assert_int_equal(seen.missing, 1);
	store_end(&d);
}

/* Nor is it where the one before ends for who trims what was shipped. */
static void it_is_no_end_for_who_trims(void **state)
{
	cleanup_dir_list struct dir_list l = { 0 };
	struct seg_info *infos;
	uint64_t first, end;
	struct store_dir d;
	int fd;

	(void)state;
	begin(&d);
	numbers_of(&d, 3, &first, &end);
	store_forge_header(&d, 3, &lies[2].header);
	fd = open(d.journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(dir_list(fd, &l), 0);
	assert_int_equal(identity_find(fd, &l), 0);
	assert_int_equal(recover_infos(fd, &l, &infos), 0);
	assert_int_equal(infos[2].first_seq, end);
	free(infos);
	(void)close(fd);
	store_end(&d);
}

/* What was listed may be trimmed before it is read, and nothing else change. */
static void what_went_since_it_was_listed_is_a_gap(void **state)
{
	struct store_seen seen = { 0 };
	uint64_t first, end, behind;
	struct reader_frame f;
	struct store_dir d;
	struct reader *r;
	char path[256];

	(void)state;
	begin(&d);
	numbers_of(&d, 2, &first, &end);
	numbers_of(&d, 3, &end, &behind);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
	assert_int_equal(reader_next(r, &f), 1);
	assert_int_equal(unlink(store_segment(&d, 2, path)), 0);
	assert_int_equal(unlink(store_segment(&d, 3, path)), 0);
	store_read_on(r, &seen);
	reader_close(r);
	assert_int_equal(seen.missing, behind - first);
	assert_int_equal(seen.events, EVENTS - 1 - (behind - first));
	store_end(&d);
}

/* What comes after a restart is behind what was really given. */
static void the_next_run_makes_no_hole_of_what_skipped(void **state)
{
	struct store_forgery what;
	struct store_seen seen;
	struct store_dir d;
	uint64_t last;
	size_t i;

	(void)state;
	for (i = 0; i <= SKIPS; i++) {
		begin(&d);
		last = store_last_segment(&d);
		if (i == SKIPS) {
			store_forge_header(&d, last, &lies[4].header);
		} else {
			what = skips[i];
			what.segment = last;
			store_forge(&d, &what);
		}
		store_open(&d);
		assert_int_equal(d.opening.next_seq, EVENTS + 1);
		store_events(&d, STEP);
		store_close(&d);
		seen = store_read(&d);
		assert_true(seen.events >= EVENTS + STEP - 1);
		assert_int_equal(seen.end, EVENTS + STEP + 1);
		store_end(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_header_in_the_middle_costs_no_more_than_itself),
		cmocka_unit_test(the_last_one_costs_no_more_either),
		cmocka_unit_test(nor_does_the_first),
		cmocka_unit_test(a_real_restart_is_still_one),
		cmocka_unit_test(who_cannot_ask_now_says_so),
		cmocka_unit_test(one_that_is_mended_is_read),
		cmocka_unit_test(what_is_behind_a_number_stays_what_it_was),
		cmocka_unit_test(a_frame_that_skips_costs_itself),
		cmocka_unit_test(one_that_says_too_little_costs_itself),
		cmocka_unit_test(a_cursor_of_its_epoch_goes_on),
		cmocka_unit_test(it_does_not_bound_what_stands_before_it),
		cmocka_unit_test(it_is_no_end_for_who_trims),
		cmocka_unit_test(what_went_since_it_was_listed_is_a_gap),
		cmocka_unit_test(the_next_run_makes_no_hole_of_what_skipped),
	};

	return cmocka_run_group_tests_name("reader_order", tests, NULL, NULL);
}
