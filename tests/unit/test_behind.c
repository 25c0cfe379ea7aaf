/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes behind a number: for every number of a journal of several segments,
 * what a walk from the first frame to the last adds up to; also where the end
 * was never sealed, where segments are damaged, and where it is only divided.
 */
#include "store/behind.h"

#include <errno.h>

#include "store/scan.h"
#include "store_dir.h"

#define NUMBERS 4000

struct walk {
	uint64_t size[64]; /* of each segment, [1] is the first */
	uint64_t segment_of[NUMBERS];
	uint64_t end_of[NUMBERS]; /* where its frame ends, in that */
	uint64_t segments, last;
};

static void walk_segment(struct walk *w, int dirfd, uint64_t number)
{
	struct scan s = SCAN_INIT;
	struct scan_hit hit;
	struct stat st;

	assert_int_equal(scan_open(&s, dirfd, number), 0);
	assert_int_equal(fstat(s.fd, &st), 0);
	w->size[number] = (uint64_t)st.st_size;
	while (scan_next(&s, &hit) > 0) {
		/* A seal right behind it is done with, too. */
		if (!hit.frame.seq && hit.frame.type != JOURNAL_SEAL)
			continue;
		assert_true(hit.frame.seq < NUMBERS);
		if (hit.frame.seq)
			w->last = hit.frame.seq;
		if (w->last &&
		    (hit.frame.seq || w->segment_of[w->last] == number)) {
			w->segment_of[w->last] = number;
			w->end_of[w->last] = hit.off + hit.size;
		}
	}
	scan_close(&s);
}

static void walk(const struct store_dir *d, struct walk *w)
{
	int dirfd = open(d->journal, O_RDONLY | O_DIRECTORY);
	char name[64];

	memset(w, 0, sizeof(*w));
	assert_true(dirfd >= 0);
	for (;; w->segments++) {
		(void)snprintf(name, sizeof(name), "%016" PRIu64 ".seg",
			       w->segments + 1);
		if (faccessat(dirfd, name, F_OK, 0))
			break;
		walk_segment(w, dirfd, w->segments + 1);
	}
	assert_int_equal(close(dirfd), 0);
}

static uint64_t behind(const struct store_dir *d, uint64_t seq, uint64_t next)
{
	const struct behind_ask ask = { d->journal, seq, next };
	uint64_t n = 0;

	assert_int_equal(behind_bytes(&ask, &n), 0);
	return n;
}

/* Done with the last of a segment, the next is wanted from its first byte. */
static uint64_t expected(const struct walk *w, uint64_t seq)
{
	uint64_t at =
		seq < w->last ? w->segment_of[seq + 1] : w->segment_of[seq];
	uint64_t sum = w->size[at], i;

	if (seq && w->segment_of[seq] == at)
		sum -= w->end_of[seq];
	for (i = at + 1; i <= w->segments; i++)
		sum += w->size[i];
	return sum;
}

static void expect_all(const struct store_dir *d)
{
	static struct walk w;

	walk(d, &w);
	assert_true(w.segments > 3);
	assert_int_equal(w.last, 2999);
	for (uint64_t seq = 0; seq <= w.last; seq++)
		assert_int_equal(behind(d, seq, w.last + 1), expected(&w, seq));
}

static void fill(struct store_dir *d)
{
	unsigned n;

	for (n = 1; n < 3000; n++) {
		(void)store_event(d, n % 97 ? 0 : JOURNAL_URGENT);
		if (n % 41 == 0)
			store_flush(d);
	}
	store_flush(d);
}

static void begin(struct store_dir *d)
{
	store_begin(d);
	d->settings.segment_size = 64u << 10;
	store_open(d);
	fill(d);
}

static void every_number_is_found_to_the_byte(void **state)
{
	struct store_dir d;

	(void)state;
	begin(&d);
	expect_all(&d);
	/* And when the writer is gone. */
	store_close(&d);
	expect_all(&d);
	store_end(&d);
}

static void an_end_without_its_seal_is_read_all_the_same(void **state)
{
	struct store_dir d;
	char path[256];
	struct stat st;
	uint64_t n = 1;

	(void)state;
	begin(&d);
	store_close(&d);
	while (!access(store_segment(&d, n, path), F_OK))
		n++;
	(void)store_segment(&d, n - 1, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	expect_all(&d);
	store_end(&d);
}

static void what_cannot_be_read_counts_as_a_whole(void **state)
{
	const uint8_t zeros[1024] = { 0 };
	static struct walk w;
	struct store_dir d;
	uint64_t in_2, all;
	char path[256];
	int fd;

	(void)state;
	begin(&d);
	store_close(&d);
	walk(&d, &w);
	for (in_2 = 1; w.segment_of[in_2] < 2; in_2++)
		;
	all = expected(&w, in_2 - 1);
	fd = open(store_segment(&d, 2, path), O_WRONLY);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
	assert_int_equal(close(fd), 0);
	/* By the first, whose end nothing says any more, or by itself. */
	assert_in_range(behind(&d, in_2 + 9, w.last + 1), all, all + w.size[1]);
	assert_int_equal(behind(&d, w.last - 1, w.last + 1),
			 expected(&w, w.last - 1));
	store_remove(d.journal);
	assert_int_equal(
		behind_bytes(&(struct behind_ask){ d.journal, 1, 2 }, &all),
		-ENOENT);
	store_end(&d);
}

/* More than is read at once: by numbers, and these are of one size each. */
static void a_commit_that_is_too_long_is_divided(void **state)
{
	static char payload[4096];
	struct store_dir d;
	uint64_t seq, last = 0, all, n;

	(void)state;
	store_begin(&d);
	d.settings.segment_size = 16u << 20;
	d.settings.buffer_size = 16u << 20;
	d.settings.sync_interval_ms = 60000;
	store_open(&d);
	memset(payload, '.', sizeof(payload));
	while (last < 2000)
		assert_int_equal(
			journal_append(d.j, JOURNAL_EVENT, 0, 1,
				       slice_of(payload, sizeof(payload)),
				       &last),
			0);
	store_flush(&d);
	all = behind(&d, 0, last + 1);
	assert_true(all > 2000u * 4096);
	for (seq = 1; seq <= last; seq++) {
		n = behind(&d, seq, last + 1);
		assert_in_range(n, (last - seq) * 4096,
				(last - seq) * 4200 + 8192);
	}
	store_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_is_found_to_the_byte),
		cmocka_unit_test(an_end_without_its_seal_is_read_all_the_same),
		cmocka_unit_test(what_cannot_be_read_counts_as_a_whole),
		cmocka_unit_test(a_commit_that_is_too_long_is_divided),
	};

	return cmocka_run_group_tests_name("behind", tests, NULL, NULL);
}
