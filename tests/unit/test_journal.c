/* SPDX-License-Identifier: Apache-2.0 */
/* The writing side on a healthy disk: numbers, seals, restarts, bounds. */
#include "store/journal.h"

#include <errno.h>
#include <stdatomic.h>

#include "store_dir.h"

static void appended_frames_are_read_back_in_order(void **state)
{
	struct store_seen seen;
	struct store_dir d;

	(void)state;
	store_begin(&d);
	store_open(&d);
	assert_true(d.opening.created);
	assert_int_equal(d.opening.epoch, 1);
	assert_int_equal(d.opening.next_seq, 1);
	store_describe(&d, "an image");
	store_events(&d, 1000);
	store_close(&d);
	seen = store_read(&d);
	assert_int_equal(seen.events, 1000);
	assert_int_equal(seen.first, 1);
	assert_int_equal(seen.descriptions, 1);
	assert_true(seen.seals >= 1);
	assert_int_equal(store_check(d.journal, "events"), 1000);
	assert_int_equal(store_check(d.journal, "sealed"), 1000);
	store_end(&d);
}

static void second_writer_is_told_who_holds_it(void **state)
{
	struct journal_opening opening;
	struct journal *other = NULL;
	struct store_dir d;
	char what[256] = "";
	int holder = 0;

	(void)state;
	store_begin(&d);
	store_open(&d);
	assert_int_equal(
		journal_open(&d.settings, &other, &opening, &holder, what),
		-EWOULDBLOCK);
	assert_int_equal(holder, getpid());
	assert_null(other);
	store_end(&d);
}

static void unusable_directory_is_refused_with_words(void **state)
{
	struct journal_opening opening;
	struct journal *j = NULL;
	struct store_dir d;
	char what[256] = "", path[128];
	int holder = 0;

	(void)state;
	store_begin(&d);
	/* Only the last component is made. */
	(void)snprintf(path, sizeof(path), "%s/a/b", d.base);
	d.settings.dir = path;
	assert_int_equal(journal_open(&d.settings, &j, &opening, &holder, what),
			 -ENOENT);
	assert_non_null(strstr(what, path));
	store_save(d.journal, "x", 1);
	d.settings.dir = d.journal;
	assert_int_equal(journal_open(&d.settings, &j, &opening, &holder, what),
			 -ENOTDIR);
	assert_null(j);
	store_end(&d);
}

static void clean_restart_keeps_epoch_and_goes_on_numbering(void **state)
{
	struct store_dir d;
	struct store_seen seen;
	int i;

	(void)state;
	store_begin(&d);
	for (i = 0; i < 3; i++) {
		store_open(&d);
		assert_false(d.opening.unclean);
		assert_int_equal(d.opening.epoch, 1);
		assert_int_equal(d.opening.next_seq, i * 10 + 1);
		store_events(&d, 10);
		store_close(&d);
	}
	seen = store_read(&d);
	assert_int_equal(seen.events, 30);
	assert_int_equal(seen.gaps, 0);
	assert_int_equal(store_check(d.journal, "events"), 30);
	store_end(&d);
}

static void killed_writer_is_followed_by_a_new_epoch(void **state)
{
	struct store_dir d;
	struct store_seen seen;

	(void)state;
	store_begin(&d);
	store_open(&d);
	store_events(&d, 10);
	store_flush(&d);
	store_crash(&d, "crashed");
	store_open(&d);
	assert_true(d.opening.unclean);
	assert_false(d.opening.created);
	assert_int_equal(d.opening.epoch, 2);
	assert_int_equal(d.opening.next_seq, 11);
	assert_int_equal(d.opening.cut_bytes, 0);
	store_events(&d, 5);
	store_close(&d);
	seen = store_read(&d);
	assert_int_equal(seen.events, 15);
	assert_int_equal(seen.gaps, 0);
	assert_int_equal(seen.epoch, 2);
	assert_int_equal(store_check(d.journal, "events"), 15);
	store_end(&d);
}

/*
 * A power loss right after a clean start may bring back the directory as the
 * clean stop left it, but for what was durable: the state file.
 */
static void clean_mark_is_gone_before_the_first_frame(void **state)
{
	struct store_dir d;

	(void)state;
	store_begin(&d);
	store_open(&d);
	store_events(&d, 10);
	store_close(&d);
	store_open(&d);
	assert_int_equal(d.opening.epoch, 1);
	store_crash(&d, "crashed");
	store_open(&d);
	assert_true(d.opening.unclean);
	assert_int_equal(d.opening.epoch, 2);
	store_end(&d);
}

static void alert_is_sealed_at_once(void **state)
{
	struct store_dir d;
	uint64_t begin, seq;

	(void)state;
	store_begin(&d);
	d.settings.sync_interval_ms = 60000;
	store_open(&d);
	begin = clock_mono_ns();
	seq = store_event(&d, JOURNAL_URGENT);
	STORE_WAIT(store_stats(&d).sealed_seq == seq);
	assert_true(clock_mono_ns() - begin < 30 * NS_PER_S);
	store_end(&d);
}

static void ordinary_frame_is_seen_soon_and_sealed_in_the_interval(void **state)
{
	struct store_dir d;

	(void)state;
	store_begin(&d);
	d.settings.sync_interval_ms = 60000;
	store_open(&d);
	store_events(&d, 3);
	STORE_WAIT(store_read(&d).events == 3);
	assert_int_equal(store_stats(&d).sealed_seq, 0);
	assert_int_equal(
		store_read_from(&d, READER_OLDEST, 0, READER_SEALED_ONLY)
			.events,
		0);
	store_close(&d);
	d.settings.sync_interval_ms = 20;
	store_open(&d);
	store_events(&d, 3);
	STORE_WAIT(store_stats(&d).sealed_seq == 6);
	store_end(&d);
}

static void flush_covers_what_was_appended_before(void **state)
{
	struct store_dir d;

	(void)state;
	store_begin(&d);
	d.settings.sync_interval_ms = 60000;
	store_open(&d);
	store_flush(&d);
	store_events(&d, 100);
	store_flush(&d);
	assert_int_equal(store_stats(&d).sealed_seq, 100);
	assert_int_equal(
		store_read_from(&d, READER_OLDEST, 0, READER_SEALED_ONLY)
			.events,
		100);
	store_end(&d);
}

static void wrong_frames_are_refused_and_use_no_number(void **state)
{
	static char big[JOURNAL_PAYLOAD_MAX + 1];
	struct store_dir d;
	uint64_t seq = 0;

	(void)state;
	store_begin(&d);
	store_open(&d);
	assert_int_equal(journal_append(d.j, JOURNAL_EVENT, 0, 1,
					slice_of(big, sizeof(big)), &seq),
			 -EMSGSIZE);
	assert_int_equal(
		journal_append(d.j, JOURNAL_GAP, 0, 1, slice_of(big, 24), &seq),
		-EINVAL);
	assert_int_equal(journal_append(d.j, JOURNAL_SEAL, 0, 1,
					slice_of(big, 64), &seq),
			 -EINVAL);
	assert_int_equal(store_stats(&d).next_seq, 1);
	assert_int_equal(journal_append(d.j, JOURNAL_EVENT, 0, 1,
					slice_of(big, JOURNAL_PAYLOAD_MAX),
					&seq),
			 0);
	assert_int_equal(seq, 1);
	assert_int_equal(journal_append(d.j, JOURNAL_EVENT, 0, 1,
					slice_of(NULL, 0), &seq),
			 0);
	store_close(&d);
	assert_int_equal(store_check(d.journal, "events"), 2);
	store_end(&d);
}

static void description_stays_with_its_event_over_rotation(void **state)
{
	struct reader_frame f;
	struct reader *r = NULL;
	struct store_dir d;
	uint64_t segment = 0, now, described = 0;
	uint64_t segments = 0, seq;
	int i;

	(void)state;
	store_begin(&d);
	d.settings.segment_size = 4096;
	store_open(&d);
	for (i = 0; i < 500; i++) {
		now = journal_segment(d.j);
		if (now != segment)
			store_describe(&d, "the image");
		segment = now;
		assert_int_equal(journal_append(d.j, JOURNAL_EVENT, 0, 1,
						slice_str("an event of some "
							  "length"),
						&seq),
				 0);
	}
	store_close(&d);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
	while (reader_next(r, &f) == 1) {
		if (f.type == JOURNAL_DESCRIPTION) {
			described = f.segment;
			segments++;
		}
		if (f.type == JOURNAL_EVENT)
			assert_int_equal(f.segment, described);
	}
	reader_close(r);
	assert_true(segments > 5);
	store_end(&d);
}

static void size_bound_drops_the_oldest_and_counts_unread(void **state)
{
	struct journal_stats st;
	struct store_seen seen;
	struct store_dir d;
	int i;

	(void)state;
	store_begin(&d);
	d.settings.max_size = 64 << 10;
	d.settings.segment_size = 8 << 10;
	store_open(&d);
	/* Nobody delivers: nothing is unread. */
	for (i = 0; i < 20; i++) {
		store_events(&d, 100);
		store_flush(&d);
		assert_true(store_stats(&d).bytes <= d.settings.max_size);
	}
	st = store_stats(&d);
	assert_true(st.first_seq > 1);
	assert_int_equal(st.trimmed_unread, 0);
	/* All of these were delivered before they went. */
	assert_int_equal(journal_set_cursor(d.j, 2000), 0);
	for (i = 0; i < 4; i++) {
		store_events(&d, 100);
		store_flush(&d);
	}
	assert_int_equal(store_stats(&d).trimmed_unread, 0);
	for (i = 0; i < 20; i++) {
		store_events(&d, 100);
		store_flush(&d);
	}
	st = store_stats(&d);
	assert_true(st.first_seq > 2001);
	assert_int_equal(st.trimmed_unread, st.first_seq - 2001);
	store_close(&d);
	seen = store_read(&d);
	assert_int_equal(seen.first, st.first_seq);
	assert_int_equal(seen.end, 4401);
	assert_int_equal(seen.gaps, 0);
	assert_int_equal(store_check(d.journal, "next"), 4401);
	store_end(&d);
}

static void age_bound_drops_what_is_old(void **state)
{
	struct store_dir d;

	(void)state;
	store_begin(&d);
	d.settings.max_age_ms = 400;
	store_open(&d);
	store_events(&d, 10);
	/* Also without pressure of size: old segments are begun anew. */
	STORE_WAIT((store_event(&d, 0), usleep(20000),
		    store_stats(&d).first_seq > 10));
	assert_true(store_stats(&d).segments >= 1);
	store_close(&d);
	(void)store_check(d.journal, "next");
	store_end(&d);
}

/* A disk whose syncs wait for us. */
static atomic_int gate_closed;
static int gated_fdatasync(int fd)
{
	while (gate_closed)
		(void)usleep(500);
	return store_io_real.fdatasync(fd);
}

static void stuck_disk_costs_what_does_not_fit_and_says_so(void **state)
{
	struct store_io io = store_io_real;
	struct journal_stats st;
	struct store_seen seen;
	struct store_dir d;
	uint64_t begin;

	(void)state;
	io.fdatasync = gated_fdatasync;
	store_begin(&d);
	d.settings.io = &io;
	d.settings.buffer_size = 0; /* the least */
	store_open(&d);
	gate_closed = 1;
	(void)store_event(&d, JOURNAL_URGENT);
	begin = clock_mono_ns();
	store_events(&d, 20000);
	/* No append waited for the disk. */
	assert_true(clock_mono_ns() - begin < 30 * NS_PER_S);
	st = store_stats(&d);
	assert_true(st.dropped > 0);
	assert_int_equal(st.appended + st.dropped, 20001);
	gate_closed = 0;
	store_flush(&d);
	store_events(&d, 10);
	store_flush(&d);
	assert_int_equal(store_stats(&d).dropped, st.dropped);
	store_close(&d);
	seen = store_read(&d);
	assert_int_equal(seen.told, st.dropped);
	assert_int_equal(seen.missing, 0);
	assert_int_equal(seen.events, st.appended + 10);
	assert_int_equal(seen.end, 20012);
	assert_int_equal(store_check(d.journal, "events"), seen.events);
	store_end(&d);
}

/* What is small still fits where something large did not. */
static void gap_comes_before_the_next_frame_that_fits(void **state)
{
	static const char big[100 << 10];
	struct store_io io = store_io_real;
	struct reader_frame f;
	struct reader *r = NULL;
	struct store_dir d;
	uint64_t seq = 0, next = 1, told = 0, dropped;
	int i;

	(void)state;
	io.fdatasync = gated_fdatasync;
	store_begin(&d);
	d.settings.io = &io;
	d.settings.buffer_size = 0;
	store_open(&d);
	gate_closed = 1;
	for (i = 0; i < 50; i++) {
		(void)journal_append(d.j, JOURNAL_EVENT, 0, 1,
				     slice_of(big, i % 3 ? 20 : sizeof(big)),
				     &seq);
		assert_int_equal(seq, i + 1);
	}
	dropped = store_stats(&d).dropped;
	assert_true(dropped > 5 && dropped < 45);
	gate_closed = 0;
	store_close(&d);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r), 0);
	while (reader_next(r, &f) == 1) {
		if (!f.seq)
			continue;
		assert_int_equal(f.seq, next);
		next = f.seq_end;
		told += f.type == JOURNAL_GAP ? f.seq_end - f.seq : 0;
		assert_false(f.flags & READER_MISSING);
	}
	reader_close(r);
	assert_int_equal(next, 51);
	assert_int_equal(told, dropped);
	(void)store_check(d.journal, "next");
	store_end(&d);
}

static void slow_disk_loses_nothing_in_an_alert_flood(void **state)
{
	struct store_dir d;
	int i;

	(void)state;
	store_begin(&d);
	store_open(&d);
	for (i = 0; i < 5000; i++)
		(void)store_event(&d, JOURNAL_URGENT);
	store_flush(&d);
	assert_int_equal(store_stats(&d).dropped, 0);
	/* In groups, not each alone. */
	assert_true(store_stats(&d).syncs < 5000);
	store_close(&d);
	assert_int_equal(store_check(d.journal, "events"), 5000);
	store_end(&d);
}

static void files_have_the_mode_that_was_asked_for(void **state)
{
	struct store_dir d;
	struct stat st;
	char path[256];
	mode_t before = umask(077);

	(void)state;
	store_begin(&d);
	store_open(&d);
	assert_int_equal(stat(d.journal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(stat(store_segment(&d, 1, path), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(stat(store_path(&d, "state", path), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	/* No reader can hold a lock that keeps the writer out. */
	assert_int_equal(stat(store_path(&d, "lock", path), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_end(&d);
	(void)umask(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appended_frames_are_read_back_in_order),
		cmocka_unit_test(second_writer_is_told_who_holds_it),
		cmocka_unit_test(unusable_directory_is_refused_with_words),
		cmocka_unit_test(
			clean_restart_keeps_epoch_and_goes_on_numbering),
		cmocka_unit_test(killed_writer_is_followed_by_a_new_epoch),
		cmocka_unit_test(clean_mark_is_gone_before_the_first_frame),
		cmocka_unit_test(alert_is_sealed_at_once),
		cmocka_unit_test(
			ordinary_frame_is_seen_soon_and_sealed_in_the_interval),
		cmocka_unit_test(flush_covers_what_was_appended_before),
		cmocka_unit_test(wrong_frames_are_refused_and_use_no_number),
		cmocka_unit_test(
			description_stays_with_its_event_over_rotation),
		cmocka_unit_test(size_bound_drops_the_oldest_and_counts_unread),
		cmocka_unit_test(age_bound_drops_what_is_old),
		cmocka_unit_test(
			stuck_disk_costs_what_does_not_fit_and_says_so),
		cmocka_unit_test(gap_comes_before_the_next_frame_that_fits),
		cmocka_unit_test(slow_disk_loses_nothing_in_an_alert_flood),
		cmocka_unit_test(files_have_the_mode_that_was_asked_for),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
