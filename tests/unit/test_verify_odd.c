/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picket verify on journals that nobody edited and that are odd all the same:
 * in the place of others, written meanwhile, huge, missing, or of version 1.
 */
#include "store/verify.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "store/dir.h"
#include "verify_check.h"

static void segment_of_another_journal_is_found(void **state)
{
	struct store_dir d, other;
	struct verify_result v;
	char path[256];
	uint8_t *p;
	size_t n;

	(void)state;
	begin(&d);
	begin(&other);
	p = store_load(store_segment(&other, 2, path), &n);
	store_save(store_segment(&d, 2, path), p, n);
	free(p);
	v = check(&d, NULL);
	expect(&v, VERIFY_REPLACED, 2);
	/* All of them but the state: it is the state that is another's. */
	p = store_load(store_path(&d, "state", path), &n);
	store_save(store_path(&other, "state", path), p, n);
	free(p);
	v = check(&other, NULL);
	expect(&v, VERIFY_REPLACED, 0);
	assert_int_equal(v.n_findings, 1);
	store_end(&other);
	store_end(&d);
}

static int no_create(int dirfd, const char *name, mode_t mode)
{
	(void)dirfd;
	(void)name;
	(void)mode;
	return -EIO;
}

/* Its number is not given again, and nothing was removed. */
static void start_that_failed_removed_nothing(void **state)
{
	struct store_io sick = store_io_real;
	struct verify_result v;
	struct store_dir d;
	char what[256];
	int holder;

	(void)state;
	store_begin(&d);
	sick.create = no_create;
	d.settings.io = &sick;
	d.settings.dir = d.journal;
	assert_int_equal(
		journal_open(&d.settings, &d.j, &d.opening, &holder, what),
		-EIO);
	d.settings.io = NULL;
	store_open(&d);
	store_events(&d, 10);
	store_close(&d);
	v = check(&d, NULL);
	assert_int_equal(v.n_findings, 0);
	/* And from then on, what is removed is found. */
	store_remove(store_segment(&d, 2, (char[256]){ 0 }));
	store_open(&d);
	store_close(&d);
	v = check(&d, NULL);
	expect(&v, VERIFY_REMOVED, 2);
	store_end(&d);
}

static void *write_on(void *arg)
{
	struct store_dir *d = arg;

	while (store_stats(d).trimmed_unread < 500) {
		store_events(d, 20);
		(void)usleep(200);
	}
	return NULL;
}

static void journal_that_is_written_and_trimmed_meanwhile_passes(void **state)
{
	struct verify_result v;
	struct store_dir d;
	pthread_t thread;
	int i;

	(void)state;
	store_begin(&d);
	d.settings.segment_size = 4096;
	d.settings.max_size = 32 << 10;
	d.settings.sync_interval_ms = 1;
	store_open(&d);
	assert_int_equal(journal_set_cursor(d.j, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_on, &d), 0);
	for (i = 0; store_stats(&d).trimmed_unread < 500; i++) {
		v = check(&d, NULL);
		if (v.n_findings)
			fail_msg("%s in segment %" PRIu64 ": %s",
				 verify_kind_name(v.findings[0].kind),
				 v.findings[0].segment, v.findings[0].what);
	}
	assert_true(i > 1);
	(void)pthread_join(thread, NULL);
	v = check(&d, NULL);
	assert_true(v.trimmed);
	store_close(&d);
	v = check(&d, NULL);
	assert_int_equal(v.n_findings, 0);
	store_end(&d);
}

/* Longer by a terabyte of nothing, which takes no room on the disk. */
/* The first of this type becomes one whose numbers lie, with a right CRC. */
static void lie(const struct store_dir *d, uint8_t type, bool as_gap)
{
	const uint64_t far = 1000000000;
	struct journal_gap gap = { .count = far, .reason = 1 };
	uint64_t last;
	struct frames s;
	struct frame *f;
	uint8_t *payload;
	unsigned i;

	load(&s, d, 2);
	i = nth(&s, type, 1);
	f = &s.at[i].f;
	payload = s.bytes + s.at[i].off + FRAME_HEADER;
	if (as_gap) {
		assert_true(f->payload.n >= sizeof(gap));
		gap.first = f->seq;
		memcpy(payload, &gap, sizeof(gap));
		f->type = JOURNAL_GAP;
	} else if (type == JOURNAL_SEAL) {
		memcpy(&last, payload, sizeof(last));
		last += far;
		memcpy(payload, &last, sizeof(last));
	} else {
		f->seq += far;
	}
	seal_crc(&s, i);
	store_save(s.path, s.bytes, s.n);
	done(&s);
}

/* What is sound behind it is not called wrong. */
static void one_number_that_lies_is_all_that_is_found(void **state)
{
	static const struct {
		uint8_t type;
		bool as_gap;
	} lies[] = {
		{ JOURNAL_EVENT, false },
		{ JOURNAL_EVENT, true },
		{ JOURNAL_SEAL, false },
	};
	struct verify_result v;
	struct store_dir d;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		begin(&d);
		lie(&d, lies[i].type, lies[i].as_gap);
		v = check(&d, NULL);
		assert_in_range(v.n_findings, 1, 2);
		for (k = 0; k < v.n_findings; k++)
			assert_int_equal(v.findings[k].segment,
					 v.findings[k].from ? 2 : 3);
		store_end(&d);
	}
}

static void stretch(const struct store_dir *d, uint64_t number)
{
	char path[256];
	struct stat st;

	assert_int_equal(stat(store_segment(d, number, path), &st), 0);
	assert_int_equal(truncate(path, st.st_size + ((off_t)1 << 40)), 0);
}

/* To the end of segment `number`, a terabyte from where it was. */
static void tear_apart(const struct store_dir *d, uint64_t number)
{
	const off_t gap = (off_t)1 << 40;
	struct frames s;
	size_t at;
	int fd;

	load(&s, d, number);
	at = s.at[s.n_at / 2].off;
	fd = open(s.path, O_RDWR | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, s.bytes, at, 0), at);
	assert_int_equal(pwrite(fd, s.bytes + at, s.n - at, (off_t)at + gap),
			 s.n - at);
	(void)close(fd);
	done(&s);
}

static void expect_found(const struct store_dir *d, enum verify_kind kind,
			 uint64_t segment)
{
	struct verify_result v = check(d, NULL);

	expect(&v, kind, segment);
}

/* Each would take an hour if what is hashed had no bound. */
static void terabyte_of_nothing_is_found_at_once(void **state)
{
	struct store_dir d;
	uint64_t last;

	(void)state;
	(void)alarm(60);
	begin(&d);
	last = store_read(&d).last.segment;
	stretch(&d, last);
	expect_found(&d, VERIFY_EDITED, last);
	store_end(&d);

	begin(&d);
	stretch(&d, 2);
	expect_found(&d, VERIFY_EDITED, 2);
	store_end(&d);

	begin(&d);
	tear_apart(&d, 2);
	expect_found(&d, VERIFY_EDITED, 2);
	store_end(&d);

	begin(&d);
	tear_apart(&d, last);
	expect_found(&d, VERIFY_EDITED, last);
	store_end(&d);
	(void)alarm(0);
}

static void missing_directory_is_an_error(void **state)
{
	struct verify_result v;

	(void)state;
	assert_int_equal(verify("/nonexistent", NULL, &v), -ENOENT);
}

/*
 * Version 1 as it was first written. Never made again: a later version that
 * cannot read it breaks what people have on their disks.
 */
#define GOLDEN "tests/golden/journal-1"

static void golden_journal_of_version_1_is_read(void **state)
{
	struct anchor a = { .seq = 40 };
	const struct verify_options o = { .anchor = &a };
	struct verify_result v;
	struct reader_frame f;
	struct reader *r = NULL;
	uint64_t events = 0, alerts = 0, described = 0, next = 1, told = 0;
	char want[64];
	int n;

	(void)state;
	assert_int_equal(
		reader_open(GOLDEN, READER_OLDEST, 0, READER_SEALED_ONLY, &r),
		0);
	while ((n = reader_next(r, &f)) == 1) {
		described += f.type == JOURNAL_DESCRIPTION;
		if (!f.seq)
			continue;
		assert_int_equal(f.seq, next);
		next = f.seq_end;
		assert_false(f.flags & READER_MISSING);
		told += f.type == JOURNAL_GAP ? f.seq_end - f.seq : 0;
		if (f.type == JOURNAL_GAP)
			continue;
		events++;
		alerts += f.flags & JOURNAL_FRAME_URGENT;
		assert_int_equal(f.type, f.seq % 10 == 7 ? JOURNAL_AMENDMENT
							 : JOURNAL_EVENT);
		assert_int_equal(f.wall_ns,
				 1700000000000000000 + (int64_t)f.seq);
		assert_int_equal(f.epoch, f.seq <= 30 ? 1 : 2);
		(void)snprintf(want, sizeof(want), "golden %" PRIu64, f.seq);
		assert_true(slice_eq(f.payload, slice_str(want)));
	}
	assert_int_equal(n, 0);
	assert_int_equal(next, 41);
	assert_int_equal(told, 3);
	assert_int_equal(events, 37);
	assert_int_equal(alerts, 4);
	assert_int_equal(described, 3);
	reader_seal(r, &a.seq, a.sha);
	memcpy(a.journal, reader_journal_id(r), sizeof(a.journal));
	assert_int_equal(a.seq, 40);
	reader_close(r);
	assert_int_equal(verify(GOLDEN, &o, &v), 0);
	assert_int_equal(v.n_findings, 0);
	assert_true(v.anchor_found);
	assert_int_equal(store_check(GOLDEN, "events"), 37);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segment_of_another_journal_is_found),
		cmocka_unit_test(start_that_failed_removed_nothing),
		cmocka_unit_test(
			journal_that_is_written_and_trimmed_meanwhile_passes),
		cmocka_unit_test(one_number_that_lies_is_all_that_is_found),
		cmocka_unit_test(terabyte_of_nothing_is_found_at_once),
		cmocka_unit_test(missing_directory_is_an_error),
		cmocka_unit_test(golden_journal_of_version_1_is_read),
	};

	return cmocka_run_group_tests_name("verify_odd", tests, NULL, NULL);
}
