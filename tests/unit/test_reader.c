/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: where it begins, that it follows, what it tells of what is
 * missing, and that it needs no right to write.
 */
#include "store/reader.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <sys/wait.h>

#include "store/cursor.h"
#include "store_dir.h"

static struct reader *open_at(const struct store_dir *d, enum reader_from from,
			      uint64_t seq, unsigned flags)
{
	struct reader *r = NULL;

	assert_int_equal(reader_open(d->journal, from, seq, flags, &r), 0);
	return r;
}

/* A journal of many small segments, each with a description first. */
static void begin_segments(struct store_dir *d, unsigned events)
{
	uint64_t now, segment = 0;

	store_begin(d);
	d->settings.segment_size = 4096;
	store_open(d);
	while (events--) {
		now = journal_segment(d->j);
		if (now != segment)
			store_describe(d, "an image");
		segment = now;
		(void)store_event(d, 0);
	}
	store_flush(d);
	assert_true(store_stats(d).segments >= 3);
}

static void every_number_can_be_the_first(void **state)
{
	struct store_seen seen;
	struct store_dir d;
	uint64_t seq;

	(void)state;
	begin_segments(&d, 300);
	for (seq = 1; seq <= 300; seq++) {
		seen = store_read_from(&d, READER_SEQ, seq, seq % 2);
		assert_int_equal(seen.first, seq);
		assert_int_equal(seen.events, 301 - seq);
		assert_int_equal(seen.gaps, 0);
		/* Its segment's description came too. */
		assert_true(seen.descriptions >= 1);
	}
	assert_int_equal(store_read_from(&d, READER_SEQ, 0, 0).events, 300);
	store_end(&d);
}

static void reading_by_number_skips_older_segments(void **state)
{
	struct reader_frame f;
	struct store_dir d;
	struct reader *r;

	(void)state;
	begin_segments(&d, 300);
	r = open_at(&d, READER_SEQ, 290, 0);
	assert_int_equal(reader_next(r, &f), 1);
	assert_int_equal(f.type, JOURNAL_DESCRIPTION);
	assert_true(f.segment > 4);
	reader_close(r);
	store_end(&d);
}

static void now_begins_behind_what_is_there(void **state)
{
	struct store_seen seen = { 0 };
	struct store_dir d;
	struct reader *r;

	(void)state;
	begin_segments(&d, 100);
	r = open_at(&d, READER_NOW, 0, 0);
	store_read_on(r, &seen);
	assert_int_equal(seen.events, 0);
	assert_int_equal(seen.descriptions, 1);
	store_events(&d, 5);
	STORE_WAIT((store_read_on(r, &seen), seen.events == 5));
	assert_int_equal(seen.first, 101);
	reader_close(r);
	store_end(&d);
}

static void number_that_is_not_there_yet_is_waited_for(void **state)
{
	struct store_seen seen = { 0 };
	struct store_dir d;
	struct reader *r;

	(void)state;
	begin_segments(&d, 100);
	r = open_at(&d, READER_SEQ, 104, 0);
	store_read_on(r, &seen);
	assert_int_equal(seen.events + seen.gaps, 0);
	store_events(&d, 10);
	STORE_WAIT((store_read_on(r, &seen), seen.events == 7));
	assert_int_equal(seen.first, 104);
	reader_close(r);
	store_end(&d);
}

static void empty_directory_is_waited_in(void **state)
{
	struct store_seen seen = { 0 };
	struct store_dir d;
	struct reader *r = NULL;

	(void)state;
	store_begin(&d);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0, 0, &r),
			 -ENOENT);
	assert_null(r);
	assert_int_equal(mkdir(d.journal, 0755), 0);
	r = open_at(&d, READER_NOW, 0, READER_SEALED_ONLY);
	store_read_on(r, &seen);
	store_open(&d);
	store_events(&d, 5);
	STORE_WAIT((store_read_on(r, &seen), seen.events == 5));
	assert_memory_equal(reader_journal_id(r), d.opening.id, 16);
	reader_close(r);
	store_end(&d);
}

/* Waits on the descriptor only: a wake-up that is missing hangs the test. */
static void descriptor_wakes_for_every_change(void **state)
{
	struct store_seen seen = { 0 };
	struct store_dir d;
	struct pollfd p = { .events = POLLIN };
	struct reader *r;
	unsigned i;

	(void)state;
	store_begin(&d);
	d.settings.segment_size = 4096;
	store_open(&d);
	r = open_at(&d, READER_OLDEST, 0, READER_SEALED_ONLY);
	p.fd = reader_fd(r);
	for (i = 0; i < 60; i++) {
		store_events(&d, i % 7 + 1);
		while (seen.end < store_stats(&d).next_seq) {
			assert_int_equal(poll(&p, 1, 60000), 1);
			reader_clear(r);
			store_read_on(r, &seen);
		}
	}
	assert_int_equal(seen.gaps, 0);
	/* And is quiet when there is nothing. */
	store_flush(&d);
	(void)usleep(20000);
	reader_clear(r);
	assert_int_equal(poll(&p, 1, 100), 0);
	reader_close(r);
	store_end(&d);
}

static void sealed_only_never_passes_the_last_seal(void **state)
{
	struct store_seen all = { 0 }, sealed = { 0 };
	struct store_dir d;
	struct reader *tail, *ship;
	uint64_t seq;
	uint8_t sha[32], zero[32] = { 0 };
	int i;

	(void)state;
	store_begin(&d);
	d.settings.sync_interval_ms = 60000;
	store_open(&d);
	tail = open_at(&d, READER_OLDEST, 0, 0);
	ship = open_at(&d, READER_OLDEST, 0, READER_SEALED_ONLY);
	for (i = 1; i <= 5; i++) {
		store_events(&d, 10);
		STORE_WAIT(
			(store_read_on(tail, &all), all.end == 20ull * i - 9));
		store_read_on(ship, &sealed);
		assert_int_equal(sealed.end, i == 1 ? 0 : 20 * i - 19);
		store_events(&d, 10);
		store_flush(&d);
		store_read_on(ship, &sealed);
		assert_int_equal(sealed.end, 20 * i + 1);
		reader_seal(ship, &seq, sha);
		assert_int_equal(seq, 20 * i);
		assert_memory_not_equal(sha, zero, sizeof(sha));
	}
	reader_close(tail);
	reader_close(ship);
	store_end(&d);
}

/* A finished segment counts as sealed even if its seals are damaged. */
static void finished_segment_is_sealed_to_its_end(void **state)
{
	struct store_seen seen;
	struct store_dir d;
	char path[256];
	struct stat st;

	(void)state;
	begin_segments(&d, 100);
	assert_int_equal(stat(store_segment(&d, 2, path), &st), 0);
	store_flip(path, st.st_size - 50);
	seen = store_read_from(&d, READER_OLDEST, 0, READER_SEALED_ONLY);
	assert_int_equal(seen.events, 100);
	store_end(&d);
}

static void lagging_reader_is_told_exactly_what_was_trimmed(void **state)
{
	struct store_seen seen = { 0 };
	struct journal_stats st;
	struct journal_gap gap;
	struct reader_frame f;
	struct store_dir d;
	struct reader *r;
	uint64_t next = 0;

	(void)state;
	store_begin(&d);
	d.settings.segment_size = 4096;
	d.settings.max_size = 32 << 10;
	store_open(&d);
	store_events(&d, 10);
	store_flush(&d);
	r = open_at(&d, READER_OLDEST, 0, READER_SEALED_ONLY);
	while (next < 6) {
		assert_int_equal(reader_next(r, &f), 1);
		next = f.seq;
	}
	store_events(&d, 2000);
	store_flush(&d);
	st = store_stats(&d);
	assert_true(st.first_seq > 100);
	/* It still holds the segment that it was in. */
	do {
		assert_int_equal(reader_next(r, &f), 1);
		if (!f.seq)
			continue;
		assert_int_equal(f.seq, next + 1);
		next = f.seq;
	} while (f.type != JOURNAL_GAP);
	assert_int_equal(f.flags, READER_MISSING);
	assert_int_equal(f.seq_end, st.first_seq);
	memcpy(&gap, f.payload.p, sizeof(gap));
	assert_int_equal(gap.first, f.seq);
	assert_int_equal(gap.count, f.seq_end - f.seq);
	assert_int_equal(gap.reason, JOURNAL_GAP_TRIMMED);
	store_read_on(r, &seen);
	assert_int_equal(seen.first, st.first_seq);
	assert_int_equal(seen.end, 2011);
	assert_int_equal(seen.gaps, 0);
	reader_close(r);
	/* One that begins with a number that is gone is told as well. */
	seen = store_read_from(&d, READER_SEQ, 50, 0);
	assert_int_equal(seen.first, 50);
	assert_int_equal(seen.missing, st.first_seq - 50);
	store_end(&d);
}

static void damage_costs_its_frame_and_is_told(void **state)
{
	struct store_seen seen;
	struct store_dir d;
	char path[256];
	off_t off;

	(void)state;
	begin_segments(&d, 300);
	store_close(&d);
	store_segment(&d, 3, path);
	for (off = JOURNAL_HEADER_AREA; off < 3000; off += 97) {
		store_flip(path, off);
		seen = store_read(&d);
		assert_true(seen.events >= 299);
		assert_int_equal(seen.events + seen.missing, 300);
		assert_int_equal(seen.first, 1);
		assert_int_equal(seen.end, 301);
		store_flip(path, off);
	}
	/* A whole segment. */
	store_flip(path, 100);
	store_flip(path, 100 + 512);
	seen = store_read(&d);
	assert_true(seen.missing > 10);
	assert_int_equal(seen.events + seen.missing, 300);
	assert_int_equal(seen.gaps, 1);
	assert_int_equal(unlink(path), 0);
	seen = store_read(&d);
	assert_int_equal(seen.events + seen.missing, 300);
	assert_int_equal(seen.gaps, 1);
	store_end(&d);
}

static void header_damage_does_not_mislead_the_search(void **state)
{
	struct store_seen seen;
	struct store_dir d;
	char path[256];
	uint64_t seq, dead;

	(void)state;
	begin_segments(&d, 300);
	store_close(&d);
	for (dead = 1; dead <= 5; dead += 2) {
		store_segment(&d, dead, path);
		store_flip(path, 100);
		store_flip(path, 100 + 512);
	}
	for (seq = 1; seq <= 300; seq += 7) {
		seen = store_read_from(&d, READER_SEQ, seq, 0);
		assert_int_equal(seen.first, seq);
		assert_int_equal(seen.end, 301);
		assert_int_equal(seen.events + seen.missing, 301 - seq);
	}
	store_end(&d);
}

static void restart_of_the_writer_is_followed(void **state)
{
	struct store_seen seen = { 0 };
	struct store_dir d;
	struct reader *r;
	char path[256];
	int i, fd;

	(void)state;
	store_begin(&d);
	store_open(&d);
	r = open_at(&d, READER_OLDEST, 0, 0);
	for (i = 0; i < 4; i++) {
		store_events(&d, 20);
		STORE_WAIT((store_read_on(r, &seen),
			    seen.events == 20u * (unsigned)(i + 1)));
		store_close(&d);
		/* Every other time it is not a clean end. */
		if (i % 2) {
			fd = open(store_segment(&d, (uint64_t)i / 2 + 1, path),
				  O_WRONLY | O_APPEND | O_CLOEXEC);
			assert_int_equal(write(fd, "torn", 4), 4);
			(void)close(fd);
		}
		store_open(&d);
		assert_int_equal(d.opening.unclean, i % 2);
	}
	assert_int_equal(seen.gaps, 0);
	assert_int_equal(seen.epoch, 2);
	reader_close(r);
	store_end(&d);
}

/* What tail saw behind the last seal, a power loss took; numbers come again. */
static void numbers_given_again_come_under_the_new_epoch(void **state)
{
	struct store_seen seen = { 0 };
	struct store_dir d;
	struct reader *r;
	struct stat st;
	char path[256];

	(void)state;
	store_begin(&d);
	store_open(&d);
	store_events(&d, 10);
	store_flush(&d);
	assert_int_equal(stat(store_segment(&d, 1, path), &st), 0);
	store_events(&d, 10);
	r = open_at(&d, READER_OLDEST, 0, 0);
	STORE_WAIT((store_read_on(r, &seen), seen.events == 20));
	store_close(&d);
	assert_int_equal(truncate(path, st.st_size), 0);
	assert_int_equal(unlink(store_path(&d, "state", path)), 0);
	store_open(&d);
	assert_int_equal(d.opening.next_seq, 11);
	store_events(&d, 5);
	STORE_WAIT((store_read_on(r, &seen), seen.events == 25));
	assert_true(seen.epoch > 1);
	assert_int_equal(seen.end, 16);
	assert_int_equal(seen.gaps, 0);
	reader_close(r);
	store_end(&d);
}

static void cursor_is_understood_by_its_epoch(void **state)
{
	struct cursor c = { .epoch = 1, .seq = 20 };
	struct store_seen seen;
	struct reader *r = NULL;
	struct store_dir d;
	const struct {
		uint32_t epoch;
		uint64_t seq;
		uint64_t first;
	} cases[] = {
		{ 1, 5, 6 },   { 1, 10, 11 }, { 1, 15, 11 }, { 1, 500, 11 },
		{ 2, 15, 16 }, { 2, 10, 11 }, { 1, 0, 1 },
	};
	size_t i;

	(void)state;
	store_begin(&d);
	store_open(&d);
	store_events(&d, 10);
	store_flush(&d);
	store_crash(&d, "crashed");
	store_open(&d);
	store_events(&d, 20);
	store_close(&d);
	memcpy(c.journal, d.opening.id, sizeof(c.journal));
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		c.epoch = cases[i].epoch;
		c.seq = cases[i].seq;
		assert_int_equal(reader_open_cursor(d.journal, &c,
						    READER_SEALED_ONLY, &r),
				 0);
		seen = (struct store_seen){ 0 };
		store_read_on(r, &seen);
		assert_int_equal(seen.first, cases[i].first);
		assert_int_equal(seen.end, 31);
		reader_close(r);
	}
	/* Of another journal: from the oldest. */
	c.journal[3] ^= 1;
	assert_int_equal(reader_open_cursor(d.journal, &c, 0, &r), 0);
	seen = (struct store_seen){ 0 };
	store_read_on(r, &seen);
	assert_int_equal(seen.first, 1);
	reader_close(r);
	store_end(&d);
}

static void another_journal_in_its_place_is_read_from_its_start(void **state)
{
	struct store_seen seen = { 0 };
	struct store_dir d, other;
	struct reader *r;
	char aside[256];

	(void)state;
	store_begin(&d);
	store_begin(&other);
	store_open(&other);
	store_events(&other, 7);
	store_close(&other);
	store_open(&d);
	store_events(&d, 20);
	store_close(&d);
	r = open_at(&d, READER_OLDEST, 0, 0);
	store_read_on(r, &seen);
	assert_int_equal(seen.events, 20);
	(void)snprintf(aside, sizeof(aside), "%s/aside", d.base);
	assert_int_equal(rename(d.journal, aside), 0);
	assert_int_equal(rename(other.journal, d.journal), 0);
	seen = (struct store_seen){ 0 };
	store_read_on(r, &seen);
	assert_int_equal(seen.events, 7);
	assert_memory_equal(reader_journal_id(r), other.opening.id, 16);
	reader_close(r);
	store_end(&d);
	store_end(&other);
}

/* In a process of its own: as nobody, on files that it may only read. */
static int read_unprivileged(const struct store_dir *d)
{
	struct store_seen seen = { 0 };
	struct reader *r = NULL;
	struct pollfd p = { .events = POLLIN };
	struct reader_frame f;
	char path[256];

	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
		return 1;
	if (open(store_path(d, "new", path), O_CREAT | O_WRONLY | O_CLOEXEC,
		 0600) >= 0)
		return 2;
	if (reader_open(d->journal, READER_OLDEST, 0, READER_SEALED_ONLY, &r) <
	    0)
		return 3;
	p.fd = reader_fd(r);
	if (poll(&p, 1, 1000) != 1)
		return 4;
	reader_clear(r);
	while (reader_next(r, &f) == 1)
		seen.events += f.type == JOURNAL_EVENT;
	reader_close(r);
	return seen.events == 50 ? 0 : 5;
}

static void reader_needs_no_right_to_write(void **state)
{
	struct store_dir d;
	pid_t pid;
	int status;

	(void)state;
	store_begin(&d);
	d.settings.file_mode = 0444;
	store_open(&d);
	store_events(&d, 50);
	store_close(&d);
	assert_int_equal(chmod(d.base, 0755), 0);
	assert_int_equal(chmod(d.journal, 0555), 0);
	pid = fork();
	if (!pid)
		_exit(read_unprivileged(&d));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(d.journal, 0755), 0);
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_can_be_the_first),
		cmocka_unit_test(reading_by_number_skips_older_segments),
		cmocka_unit_test(now_begins_behind_what_is_there),
		cmocka_unit_test(number_that_is_not_there_yet_is_waited_for),
		cmocka_unit_test(empty_directory_is_waited_in),
		cmocka_unit_test(descriptor_wakes_for_every_change),
		cmocka_unit_test(sealed_only_never_passes_the_last_seal),
		cmocka_unit_test(finished_segment_is_sealed_to_its_end),
		cmocka_unit_test(
			lagging_reader_is_told_exactly_what_was_trimmed),
		cmocka_unit_test(damage_costs_its_frame_and_is_told),
		cmocka_unit_test(header_damage_does_not_mislead_the_search),
		cmocka_unit_test(restart_of_the_writer_is_followed),
		cmocka_unit_test(numbers_given_again_come_under_the_new_epoch),
		cmocka_unit_test(cursor_is_understood_by_its_epoch),
		cmocka_unit_test(
			another_journal_in_its_place_is_read_from_its_start),
		cmocka_unit_test(reader_needs_no_right_to_write),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
