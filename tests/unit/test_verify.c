/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proving a journal: an honest one passes, whatever happened to its writer;
 * edited, removed, reordered and truncated ones are found and named, also by
 * one who repairs every checksum on the way. The golden journal is read.
 */
#include "store/verify.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "store/dir.h"
#include "verify_check.h"

static void honest_journal_passes(void **state)
{
	struct verify_result v;
	struct store_dir d;
	int i;

	(void)state;
	begin(&d);
	v = check(&d, NULL);
	assert_int_equal(v.n_findings, 0);
	assert_int_equal(v.first_seq, 1);
	assert_int_equal(v.newest.seq, 220);
	assert_int_equal(v.unsealed, 0);
	assert_false(v.trimmed);
	assert_true(v.seals >= 20);
	/* Restarted, killed, torn, trimmed, running. */
	for (i = 0; i < 4; i++) {
		char name[32];

		store_open(&d);
		store_events(&d, 30);
		store_flush(&d);
		(void)snprintf(name, sizeof(name), "crash%d", i);
		store_crash(&d, name);
		if (i % 2) {
			char path[256];
			int fd = open(store_segment(&d,
						    store_read(&d).last.segment,
						    path),
				      O_WRONLY | O_APPEND | O_CLOEXEC);

			assert_int_equal(write(fd, "torn", 4), 4);
			(void)close(fd);
		}
		assert_int_equal(check(&d, NULL).n_findings, 0);
	}
	d.settings.max_size = 32 << 10;
	store_open(&d);
	store_events(&d, 1000);
	store_flush(&d);
	v = check(&d, NULL);
	assert_int_equal(v.n_findings, 0);
	assert_true(v.trimmed);
	store_end(&d);
}

static void any_changed_byte_is_found(void **state)
{
	struct verify_result v;
	struct store_dir d;
	struct stat st;
	char path[256];
	uint64_t number;
	off_t off;

	(void)state;
	begin(&d);
	for (number = 1; number <= 4; number++) {
		assert_int_equal(stat(store_segment(&d, number, path), &st), 0);
		for (off = 0; off < st.st_size; off += 7) {
			store_flip(path, off);
			v = check(&d, NULL);
			expect(&v, VERIFY_EDITED, number);
			store_flip(path, off);
		}
	}
	assert_int_equal(check(&d, NULL).n_findings, 0);
	store_end(&d);
}

static void edit_with_a_new_checksum_is_found(void **state)
{
	struct verify_result v;
	struct store_dir d;
	struct frames s;
	unsigned i;

	(void)state;
	begin(&d);
	load(&s, &d, 2);
	i = nth(&s, JOURNAL_EVENT, 5);
	s.bytes[s.at[i].off + FRAME_HEADER + 2] ^= 1;
	seal_crc(&s, i);
	store_save(s.path, s.bytes, s.n);
	v = check(&d, NULL);
	expect(&v, VERIFY_EDITED, 2);
	/* Found between the two seals around it. */
	assert_true(v.findings[0].from <= s.at[i].off);
	assert_true(v.findings[0].to > s.at[i].off);
	assert_true(v.findings[0].to < s.at[s.n_at - 1].off);
	assert_int_equal(v.n_findings, 1);
	done(&s);
	store_end(&d);
}

static void cut_out(const struct frames *s, unsigned i)
{
	size_t end = s->at[i].off + s->at[i].size;
	uint8_t *p = malloc(s->n);

	assert_non_null(p);
	memcpy(p, s->bytes, s->at[i].off);
	memcpy(p + s->at[i].off, s->bytes + end, s->n - end);
	store_save(s->path, p, s->n - s->at[i].size);
	free(p);
}

/*
 * The seal that closed the journal is in no link: what it says of numbers,
 * places and times is held against what is there.
 */
static void edit_of_the_newest_seal_is_found(void **state)
{
	static const size_t said[] = {
		offsetof(struct journal_seal, last_seq),
		offsetof(struct journal_seal, previous),
		offsetof(struct journal_seal, link_earliest_ns),
		offsetof(struct journal_seal, sha),
		offsetof(struct journal_seal, earliest_ns),
		offsetof(struct journal_seal, latest_ns),
	};
	struct verify_result v;
	struct store_dir d;
	struct frames s;
	uint64_t last;
	uint8_t *at;
	size_t k;

	(void)state;
	begin(&d);
	last = store_read(&d).last.segment;
	load(&s, &d, last);
	assert_int_equal(s.at[s.n_at - 1].f.type, JOURNAL_SEAL);
	for (k = 0; k < sizeof(said) / sizeof(*said); k++) {
		at = s.bytes + s.at[s.n_at - 1].off + FRAME_HEADER + said[k];
		*at -= 1;
		seal_crc(&s, s.n_at - 1);
		store_save(s.path, s.bytes, s.n);
		v = check(&d, NULL);
		expect(&v, VERIFY_EDITED, last);
		*at += 1;
	}
	done(&s);
	store_end(&d);
}

static void removed_frame_is_found_with_its_number(void **state)
{
	struct verify_result v;
	struct store_dir d;
	struct frames s;
	unsigned i;

	(void)state;
	begin(&d);
	load(&s, &d, 2);
	i = nth(&s, JOURNAL_EVENT, 5);
	cut_out(&s, i);
	v = check(&d, NULL);
	expect(&v, VERIFY_REMOVED, 2);
	assert_int_equal(v.findings[0].first_seq, s.at[i].f.seq);
	assert_int_equal(v.findings[0].last_seq, s.at[i].f.seq);
	/* The last before a seal: only the seal knows. */
	i = nth(&s, JOURNAL_SEAL, 1) - 1;
	cut_out(&s, i);
	v = check(&d, NULL);
	expect(&v, VERIFY_REMOVED, 2);
	assert_int_equal(v.findings[0].first_seq, s.at[i].f.seq);
	/* A seal in the middle. */
	cut_out(&s, nth(&s, JOURNAL_SEAL, 1));
	v = check(&d, NULL);
	expect(&v, VERIFY_EDITED, 2);
	done(&s);
	store_end(&d);
}

/* By the bounds, or by somebody: the state tells them apart. */
static void removed_oldest_segments_are_found_without_an_anchor(void **state)
{
	struct verify_result v;
	struct store_dir d;
	char path[256];
	uint64_t oldest;
	unsigned i;

	(void)state;
	begin(&d);
	assert_int_equal(unlink(store_segment(&d, 1, path)), 0);
	v = check(&d, NULL);
	expect(&v, VERIFY_REMOVED, 1);
	assert_int_equal(v.findings[0].last_seq, v.first_seq - 1);
	/* A start does not make it right. */
	store_open(&d);
	store_events(&d, 10);
	store_close(&d);
	v = check(&d, NULL);
	expect(&v, VERIFY_REMOVED, 1);
	store_end(&d);

	begin(&d);
	d.settings.max_size = 32 << 10;
	store_open(&d);
	for (i = 0; i < 20; i++) {
		store_events(&d, 50);
		store_flush(&d);
	}
	assert_int_equal(check(&d, NULL).n_findings, 0);
	store_close(&d);
	v = check(&d, NULL);
	assert_int_equal(v.n_findings, 0);
	assert_true(v.trimmed);
	for (oldest = 1; access(store_segment(&d, oldest, path), F_OK);)
		oldest++;
	assert_int_equal(unlink(path), 0);
	v = check(&d, NULL);
	expect(&v, VERIFY_REMOVED, oldest);
	store_end(&d);
}

static void reordered_frames_are_found(void **state)
{
	struct verify_result v;
	struct store_dir d;
	struct frames s;
	unsigned i;
	uint8_t *p;
	size_t a, b;

	(void)state;
	begin(&d);
	load(&s, &d, 2);
	i = nth(&s, JOURNAL_EVENT, 5);
	assert_int_equal(s.at[i + 1].f.type, JOURNAL_EVENT);
	a = s.at[i].size;
	b = s.at[i + 1].size;
	p = malloc(a);
	assert_non_null(p);
	memcpy(p, s.bytes + s.at[i].off, a);
	memmove(s.bytes + s.at[i].off, s.bytes + s.at[i + 1].off, b);
	memcpy(s.bytes + s.at[i].off + b, p, a);
	free(p);
	store_save(s.path, s.bytes, s.n);
	v = check(&d, NULL);
	expect(&v, VERIFY_REORDERED, 2);
	done(&s);
	store_end(&d);
}

static void frame_that_comes_twice_is_named(void **state)
{
	struct verify_result v;
	struct store_dir d;
	struct frames s;
	size_t end, size;
	unsigned i;
	char *p;

	(void)state;
	begin(&d);
	load(&s, &d, 2);
	i = nth(&s, JOURNAL_EVENT, 5);
	size = s.at[i].size;
	end = s.at[i].off + size;
	p = malloc(s.n + size);
	assert_non_null(p);
	memcpy(p, s.bytes, end);
	memcpy(p + end, s.bytes + s.at[i].off, s.n - s.at[i].off);
	store_save(s.path, p, s.n + size);
	free(p);
	v = check(&d, NULL);
	expect(&v, VERIFY_REORDERED, 2);
	assert_int_equal(v.findings[0].first_seq, s.at[i].f.seq);
	assert_int_equal(v.findings[0].last_seq, s.at[i].f.seq);
	assert_int_equal(v.findings[0].from, end);
	assert_int_equal(v.findings[0].to, end + size);
	done(&s);
	store_end(&d);
}

static void reordered_segments_are_found(void **state)
{
	struct verify_result v;
	struct store_dir d;
	char two[256], three[256], aside[256];

	(void)state;
	begin(&d);
	store_segment(&d, 2, two);
	store_segment(&d, 3, three);
	(void)snprintf(aside, sizeof(aside), "%s/aside", d.base);
	assert_int_equal(rename(two, aside), 0);
	assert_int_equal(rename(three, two), 0);
	assert_int_equal(rename(aside, three), 0);
	v = check(&d, NULL);
	assert_true(v.n_findings >= 2);
	assert_int_equal(v.findings[0].kind, VERIFY_REORDERED);
	assert_int_equal(v.findings[0].segment, 2);
	store_end(&d);
}

static void removed_segment_is_found(void **state)
{
	struct verify_result v;
	struct store_dir d;
	char path[256];

	(void)state;
	begin(&d);
	assert_int_equal(unlink(store_segment(&d, 2, path)), 0);
	v = check(&d, NULL);
	expect(&v, VERIFY_REMOVED, 1);
	assert_true(v.findings[0].last_seq > v.findings[0].first_seq);
	store_end(&d);
}

static void truncated_segment_is_found(void **state)
{
	struct verify_result v;
	struct store_dir d;
	struct frames s;
	size_t cuts[3];
	int i;

	(void)state;
	begin(&d);
	load(&s, &d, 2);
	/* In a frame, behind a frame, behind a seal. */
	cuts[0] = s.at[9].off + 20;
	cuts[1] = s.at[9].off;
	cuts[2] = s.at[nth(&s, JOURNAL_SEAL, 1)].off +
		  s.at[nth(&s, JOURNAL_SEAL, 1)].size;
	for (i = 0; i < 3; i++) {
		store_save(s.path, s.bytes, cuts[i]);
		v = check(&d, NULL);
		expect(&v, VERIFY_TRUNCATED, 2);
		assert_true(v.findings[0].first_seq > 0);
	}
	done(&s);
	store_end(&d);
}

static void journal_that_ends_early_is_found_by_its_state(void **state)
{
	struct verify_result v;
	struct store_dir d;
	struct frames s;
	uint64_t last;
	char path[256];

	(void)state;
	begin(&d);
	last = store_read(&d).last.segment;
	load(&s, &d, last);
	store_save(s.path, s.bytes, s.at[s.n_at - 1].off);
	v = check(&d, NULL);
	expect(&v, VERIFY_TRUNCATED, last);
	store_save(s.path, s.bytes, s.at[nth(&s, JOURNAL_SEAL, 0)].off);
	v = check(&d, NULL);
	expect(&v, VERIFY_TRUNCATED, last);
	/* Bytes behind the end. */
	s.bytes = realloc(s.bytes, s.n + 4);
	assert_non_null(s.bytes);
	memcpy(s.bytes + s.n, "more", 4);
	store_save(s.path, s.bytes, s.n + 4);
	v = check(&d, NULL);
	expect(&v, VERIFY_EDITED, last);
	/* The newest segment as a whole. */
	assert_int_equal(unlink(store_segment(&d, last, path)), 0);
	v = check(&d, NULL);
	expect(&v, VERIFY_TRUNCATED, last - 1);
	done(&s);
	store_end(&d);
}

static void anchor_proves_the_history_before_it(void **state)
{
	struct anchor a = { 0 }, b;
	struct verify_result v;
	struct store_dir d, forged;
	struct reader *r = NULL;

	(void)state;
	begin(&d);
	assert_int_equal(reader_open(d.journal, READER_OLDEST, 0,
				     READER_SEALED_ONLY, &r),
			 0);
	(void)store_read(&d);
	while (reader_next(r, &(struct reader_frame){ 0 }) == 1) {
		reader_seal(r, &a.seq, a.sha);
		if (a.seq >= 100)
			break;
	}
	memcpy(a.journal, reader_journal_id(r), sizeof(a.journal));
	reader_close(r);
	v = check(&d, &a);
	assert_true(v.anchor_found);
	assert_int_equal(v.n_findings, 0);
	b = a;
	b.sha[5] ^= 1;
	v = check(&d, &b);
	assert_false(v.anchor_found);
	expect(&v, VERIFY_EDITED, 0);
	b = a;
	b.seq = 100000;
	v = check(&d, &b);
	assert_int_equal(v.findings[0].kind, VERIFY_TRUNCATED);
	/*
	 * Somebody who writes the whole history anew, with every number,
	 * checksum and link in order, is found by the anchor alone.
	 */
	begin(&forged);
	assert_int_equal(check(&forged, NULL).n_findings, 0);
	memcpy(b.journal, check(&forged, NULL).newest.journal,
	       sizeof(b.journal));
	b.seq = a.seq;
	v = check(&forged, &b);
	expect(&v, VERIFY_EDITED, 0);
	/* So is another journal in its place. */
	v = check(&forged, &a);
	expect(&v, VERIFY_REPLACED, 0);
	store_end(&forged);
	store_end(&d);
}

static void what_is_not_sealed_is_not_judged(void **state)
{
	struct verify_result v;
	struct store_dir d;

	(void)state;
	store_begin(&d);
	d.settings.sync_interval_ms = 60000;
	store_open(&d);
	store_events(&d, 5);
	store_flush(&d);
	store_events(&d, 5);
	STORE_WAIT(store_read(&d).events == 10);
	v = check(&d, NULL);
	assert_int_equal(v.n_findings, 0);
	assert_int_equal(v.newest.seq, 5);
	assert_int_equal(v.unsealed, 5);
	store_end(&d);
}

/* The newest seal, as a shipper would have sent it. */
static struct anchor newest_seal(const struct store_dir *d)
{
	struct anchor a = { 0 };
	struct reader_frame f;
	struct reader *r = NULL;

	assert_int_equal(reader_open(d->journal, READER_OLDEST, 0,
				     READER_SEALED_ONLY, &r),
			 0);
	while (reader_next(r, &f) == 1)
		;
	reader_seal(r, &a.seq, a.sha);
	memcpy(a.journal, reader_journal_id(r), sizeof(a.journal));
	reader_close(r);
	return a;
}

static void anchor_holds_when_a_power_loss_took_its_seal(void **state)
{
	struct verify_result v;
	struct store_dir d;
	struct anchor a;
	char path[256];
	uint8_t *p;
	size_t n;

	(void)state;
	store_begin(&d);
	store_open(&d);
	store_events(&d, 20);
	store_flush(&d);
	a = newest_seal(&d);
	assert_int_equal(a.seq, 20);
	store_crash(&d, "crashed");
	/* What the seal covers is durable; it itself is not yet. */
	p = store_load(store_segment(&d, 1, path), &n);
	store_save(path, p, n - FRAME_HEADER - sizeof(struct journal_seal));
	free(p);
	store_open(&d);
	assert_int_equal(d.opening.next_seq, 21);
	store_events(&d, 20);
	store_close(&d);
	v = check(&d, &a);
	assert_int_equal(v.n_findings, 0);
	assert_true(v.anchor_found);
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_journal_passes),
		cmocka_unit_test(any_changed_byte_is_found),
		cmocka_unit_test(edit_with_a_new_checksum_is_found),
		cmocka_unit_test(edit_of_the_newest_seal_is_found),
		cmocka_unit_test(removed_frame_is_found_with_its_number),
		cmocka_unit_test(
			removed_oldest_segments_are_found_without_an_anchor),
		cmocka_unit_test(frame_that_comes_twice_is_named),
		cmocka_unit_test(reordered_frames_are_found),
		cmocka_unit_test(reordered_segments_are_found),
		cmocka_unit_test(removed_segment_is_found),
		cmocka_unit_test(truncated_segment_is_found),
		cmocka_unit_test(journal_that_ends_early_is_found_by_its_state),
		cmocka_unit_test(anchor_proves_the_history_before_it),
		cmocka_unit_test(what_is_not_sealed_is_not_judged),
		cmocka_unit_test(anchor_holds_when_a_power_loss_took_its_seal),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
