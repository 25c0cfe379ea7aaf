/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal over many starts: runs that end cleanly share segments, so that
 * history is bounded by size and not by how often picket was started.
 */
#include <errno.h>

#include "store/dir.h"
#include "store/verify.h"
#include "store_dir.h"

static void all_is_well(struct store_dir *d, uint64_t events)
{
	struct store_seen seen = store_read(d);
	struct store_report r;
	struct verify_result v;

	assert_int_equal(seen.events, events);
	assert_int_equal(seen.gaps, 0);
	assert_int_equal(verify(d->journal, NULL, &v), 0);
	assert_int_equal(v.n_findings, 0);
	store_ask(d->journal, &r);
	assert_int_equal(store_answer(&r, "events"), events);
	assert_int_equal(store_answer(&r, "sealed"), events);
}

static void clean_runs_share_a_segment(void **state)
{
	struct store_seen seen = { 0 };
	struct store_dir d;
	struct reader *r = NULL;
	unsigned i;

	(void)state;
	store_begin(&d);
	for (i = 0; i < 30; i++) {
		store_open(&d);
		assert_int_equal(d.opening.unclean, 0);
		assert_int_equal(d.opening.epoch, 1);
		assert_int_equal(d.opening.next_seq, 5 * i + 1);
		assert_int_equal(journal_segment(d.j), 1);
		assert_int_equal(store_stats(&d).segments, 1);
		if (!r)
			assert_int_equal(reader_open(d.journal, READER_OLDEST,
						     0, READER_SEALED_ONLY, &r),
					 0);
		store_describe(&d, "an image");
		store_events(&d, 5);
		store_close(&d);
		/* One that follows goes on with it. */
		store_read_on(r, &seen);
		assert_int_equal(seen.events, 5 * (i + 1));
	}
	reader_close(r);
	assert_int_equal(seen.gaps, 0);
	assert_int_equal(seen.descriptions, 30);
	all_is_well(&d, 150);
	/* Nothing was written in a run: nothing is wrong with it. */
	store_open(&d);
	store_close(&d);
	all_is_well(&d, 150);
	store_end(&d);
}

/* Written without the flag: what needs it goes into a segment of its own. */
static void early_segment_is_not_gone_on_with(void **state)
{
	struct journal_segment_header h;
	struct store_dir d;
	char path[256];
	uint8_t *p;
	size_t n;

	(void)state;
	store_begin(&d);
	store_open(&d);
	store_events(&d, 5);
	store_close(&d);
	p = store_load(store_segment(&d, 1, path), &n);
	memcpy(&h, p, sizeof(h));
	assert_int_equal(h.incompatible, JOURNAL_DESCRIBED_LIKE);
	h.incompatible = 0;
	segment_encode_header(&h, p);
	store_save(path, p, n);
	free(p);
	store_open(&d);
	assert_int_equal(d.opening.unclean, 0);
	assert_int_equal(d.opening.epoch, 1);
	assert_int_equal(d.opening.next_seq, 6);
	store_events(&d, 5);
	store_flush(&d);
	assert_int_equal(store_stats(&d).segments, 2);
	store_close(&d);
	p = store_load(store_segment(&d, 2, path), &n);
	memcpy(&h, p, sizeof(h));
	assert_int_equal(h.incompatible, JOURNAL_DESCRIBED_LIKE);
	assert_int_equal(h.first_seq, 6);
	free(p);
	assert_int_equal(store_read(&d).events, 10);
	store_end(&d);
}

static void end_of_a_run_is_told_wherever_one_begins(void **state)
{
	struct journal_seal seal;
	struct reader_frame f;
	struct store_dir d;
	struct reader *r = NULL;
	struct store_seen seen;
	unsigned ends = 0, i;
	uint8_t *p, *at;
	char path[256];
	size_t n;

	(void)state;
	store_begin(&d);
	for (i = 0; i < 3; i++) {
		store_open(&d);
		store_events(&d, 5);
		store_close(&d);
	}
	/* Descriptions of each run come, so their ends must. */
	assert_int_equal(reader_open(d.journal, READER_SEQ, 13, 0, &r), 0);
	while (reader_next(r, &f) == 1) {
		if (f.seq)
			assert_true(f.seq >= 13);
		if (f.type != JOURNAL_SEAL)
			continue;
		memcpy(&seal, f.payload.p, sizeof(seal));
		ends += seal.flags & JOURNAL_SEAL_CLEAN ? 1 : 0;
	}
	reader_close(r);
	assert_int_equal(ends, 3);
	/* Also where what is before it is damaged: once, behind the gap. */
	p = store_load(store_segment(&d, 1, path), &n);
	at = memmem(p, n, "event 10 ", 9);
	assert_non_null(at);
	store_flip(path, at - p);
	free(p);
	seen = store_read(&d);
	assert_int_equal(seen.missing, 1);
	assert_int_equal(seen.events, 14);
	assert_int_equal(seen.seals, 6);
	store_end(&d);
}

static void segment_that_is_half_full_is_not_gone_on_in(void **state)
{
	struct store_dir d;
	unsigned n = 0, i;

	(void)state;
	store_begin(&d);
	d.settings.segment_size = 8192;
	for (i = 0; i < 20; i++) {
		store_open(&d);
		store_events(&d, 15);
		n += 15;
		store_flush(&d);
		store_close(&d);
	}
	store_open(&d);
	/* About two runs in each. */
	assert_true(store_stats(&d).segments >= 4);
	assert_true(store_stats(&d).segments <= 12);
	store_close(&d);
	all_is_well(&d, n);
	store_end(&d);
}

static void epoch_never_changes_within_a_segment(void **state)
{
	struct store_dir d;
	struct state st;
	unsigned i;
	int dirfd;

	(void)state;
	store_begin(&d);
	for (i = 0; i < 10; i++) {
		store_open(&d);
		assert_int_equal(d.opening.unclean, i % 3 == 2);
		store_events(&d, 5);
		store_close(&d);
		if (i % 3 != 1)
			continue;
		/* As if it had been killed after its last seal. */
		dirfd = open(d.journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(state_load(dirfd, &st), 0);
		st.clean = false;
		assert_int_equal(state_save(dirfd, &st, 0640), 0);
		(void)close(dirfd);
	}
	store_open(&d);
	assert_int_equal(d.opening.epoch, 4);
	assert_int_equal(store_stats(&d).segments, 4);
	store_close(&d);
	all_is_well(&d, 50);
	store_end(&d);
}

static void writing_that_fails_in_a_shared_segment_begins_again(void **state)
{
	struct store_dir d;
	char path[256];
	uint8_t *p;
	size_t n;
	int fd;

	(void)state;
	store_begin(&d);
	store_open(&d);
	store_events(&d, 5);
	store_close(&d);
	store_open(&d);
	assert_int_equal(journal_segment(d.j), 1);
	store_events(&d, 5);
	STORE_WAIT(store_read(&d).events == 10);
	/* The segment is taken away: all that is not sealed is in memory. */
	p = store_load(store_segment(&d, 1, path), &n);
	assert_int_equal(unlink(path), 0);
	store_events(&d, 5);
	store_flush(&d);
	store_save(path, p, n);
	free(p);
	store_close(&d);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(store_read(&d).end, 16);
	store_end(&d);
}

static void many_small_segments_do_not_push_history_out(void **state)
{
	static char big[3500];
	struct store_dir d;
	uint64_t seq;
	int i;

	(void)state;
	store_begin(&d);
	d.settings.segment_size = 4096;
	d.settings.buffer_size = 8u << 20;
	store_open(&d);
	for (i = 0; i < 2 * 4500; i++) {
		(void)journal_segment(d.j);
		assert_int_equal(journal_append(d.j, JOURNAL_EVENT, 0, 1,
						slice_of(big, sizeof(big)),
						&seq),
				 0);
		if (i % 16 == 15)
			store_flush(&d);
	}
	store_flush(&d);
	assert_true(store_stats(&d).segments > 4400);
	assert_int_equal(store_stats(&d).first_seq, 1);
	/* Each costs a block of the disk at least, and the bound holds. */
	assert_true(store_stats(&d).bytes >= store_stats(&d).segments * 4096);
	store_close(&d);
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_runs_share_a_segment),
		cmocka_unit_test(early_segment_is_not_gone_on_with),
		cmocka_unit_test(end_of_a_run_is_told_wherever_one_begins),
		cmocka_unit_test(segment_that_is_half_full_is_not_gone_on_in),
		cmocka_unit_test(epoch_never_changes_within_a_segment),
		cmocka_unit_test(
			writing_that_fails_in_a_shared_segment_begins_again),
		cmocka_unit_test(many_small_segments_do_not_push_history_out),
	};

	return cmocka_run_group_tests_name("starts", tests, NULL, NULL);
}
