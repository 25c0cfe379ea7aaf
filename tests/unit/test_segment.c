/* SPDX-License-Identifier: Apache-2.0 */
/* Names and headers of segments, the state file, walking, writing again. */
#include "store/segment_write.h"

#include <errno.h>

#include "store/dir.h"
#include "store/lock.h"
#include "store/scan.h"
#include "store_dir.h"

static void names_are_numbers_and_nothing_else(void **state)
{
	char buf[SEGMENT_NAME_MAX];
	const char *const not [] = {
		"0000000000000000.seg",
		"000000000000001.seg",
		"00000000000000001.seg",
		"0000000000000001.new",
		"000000000000000a.seg",
		"0000000000000001.seg~",
		"",
		"state",
		"-000000000000001.seg",
		" 000000000000001.seg",
	};
	size_t i;

	(void)state;
	assert_string_equal(segment_name(7, "seg", buf),
			    "0000000000000007.seg");
	assert_int_equal(segment_number("0000000000000007.seg"), 7);
	assert_int_equal(segment_number("9999999999999999.seg"),
			 9999999999999999);
	for (i = 0; i < sizeof(not ) / sizeof(*not ); i++)
		assert_int_equal(segment_number(not [i]), 0);
}

static int header_file(const struct store_dir *d, const void *p, size_t n)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/header", d->base);
	store_save(path, p, n);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int read_back(const struct store_dir *d, const void *p, size_t n)
{
	struct journal_segment_header h;
	int fd = header_file(d, p, n), r;

	assert_true(fd >= 0);
	r = segment_read_header(fd, &h);
	(void)close(fd);
	if (r == 0)
		assert_int_equal(h.first_seq, 99);
	return r;
}

static void header_survives_any_one_flipped_byte(void **state)
{
	struct journal_segment_header h = { .epoch = 2,
					    .number = 5,
					    .first_seq = 99 };
	uint8_t area[JOURNAL_HEADER_AREA];
	struct store_dir d;
	size_t i;

	(void)state;
	store_begin(&d);
	segment_encode_header(&h, area);
	for (i = 0; i < sizeof(area); i += 7) {
		area[i] ^= 0x40;
		assert_int_equal(read_back(&d, area, sizeof(area)), 0);
		area[i] ^= 0x40;
	}
	/* Half of the second copy is not there: the first one is. */
	assert_int_equal(read_back(&d, area, 700), 0);
	area[3] ^= 1;
	assert_int_equal(read_back(&d, area, sizeof(area)), 0);
	area[600] ^= 1;
	assert_int_equal(read_back(&d, area, sizeof(area)), -EBADMSG);
	assert_int_equal(read_back(&d, area, 0), -EBADMSG);
	store_end(&d);
}

static void later_version_is_told_from_damage(void **state)
{
	struct journal_segment_header h = { .epoch = 2,
					    .number = 5,
					    .first_seq = 99,
					    .compatible = 0xffffffff };
	uint8_t area[JOURNAL_HEADER_AREA];
	struct store_dir d;

	(void)state;
	store_begin(&d);
	/* Flags that a reader may ignore. */
	segment_encode_header(&h, area);
	assert_int_equal(read_back(&d, area, sizeof(area)), 0);
	h.incompatible = JOURNAL_INCOMPATIBLE_KNOWN;
	segment_encode_header(&h, area);
	assert_int_equal(read_back(&d, area, sizeof(area)), 0);
	h.incompatible = JOURNAL_INCOMPATIBLE_KNOWN + 1;
	segment_encode_header(&h, area);
	assert_int_equal(read_back(&d, area, sizeof(area)), -ENOTSUP);
	h.incompatible = 0;
	h.epoch = 0;
	segment_encode_header(&h, area);
	assert_int_equal(read_back(&d, area, sizeof(area)), -EBADMSG);
	store_end(&d);
}

static void state_is_read_back_or_refused(void **state)
{
	struct state st = { .epoch = 4,
			    .segment = 7,
			    .seq = 1234,
			    .clean = true },
		     got = { 0 };
	struct store_dir d;
	char path[256];
	uint8_t *p;
	size_t n, i;
	int dirfd;

	(void)state;
	store_begin(&d);
	memset(st.id, 0xab, sizeof(st.id));
	dirfd = open(d.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(state_load(dirfd, &got), -ENOENT);
	assert_int_equal(state_save(dirfd, &st, 0640), 0);
	assert_int_equal(state_load(dirfd, &got), 0);
	assert_memory_equal(got.id, st.id, sizeof(st.id));
	assert_int_equal(got.epoch, 4);
	assert_int_equal(got.segment, 7);
	assert_int_equal(got.seq, 1234);
	assert_true(got.clean);

	(void)snprintf(path, sizeof(path), "%s/state", d.base);
	p = store_load(path, &n);
	for (i = 0; i < n; i++) {
		p[i] ^= 1;
		store_save(path, p, n);
		assert_int_equal(state_load(dirfd, &got), -EBADMSG);
		p[i] ^= 1;
		store_save(path, p, i);
		assert_int_equal(state_load(dirfd, &got), -EBADMSG);
	}
	free(p);
	/* No file, which would be waited for: as good as damaged. */
	(void)alarm(60);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(state_load(dirfd, &got), -EBADMSG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(state_load(dirfd, &got), -EBADMSG);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(state_load(dirfd, &got), -EBADMSG);
	assert_int_equal(state_save(dirfd, &st, 0640), 0);
	assert_int_equal(state_load(dirfd, &got), 0);
	(void)alarm(0);
	(void)close(dirfd);
	store_end(&d);
}

static void lock_is_held_by_one_and_names_it(void **state)
{
	char aside[64];
	int one = -1, two = -1, holder = 0, dirfd;
	struct store_dir d;

	(void)state;
	store_begin(&d);
	dirfd = open(d.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(lock_take(dirfd, &one, &holder, aside), 0);
	assert_int_equal(lock_take(dirfd, &two, &holder, aside), -EWOULDBLOCK);
	assert_int_equal(holder, getpid());
	(void)close(one);
	/* What the file says means nothing once nobody holds it. */
	assert_int_equal(lock_take(dirfd, &two, &holder, aside), 0);
	(void)close(two);
	(void)close(dirfd);
	store_end(&d);
}

/* Two events and a seal in a segment of their own. */
struct made {
	struct store_dir d;
	int dirfd;
	struct segment seg;
	char path[256];
	size_t ends[4]; /* of header, event, event, seal */
};

static void add_event(struct segment *s, uint64_t seq)
{
	struct journal_frame_header h;
	char payload[128];
	struct frame f = { .type = JOURNAL_EVENT, .seq = seq };
	struct iovec v[2];

	f.payload = slice_of(payload, store_payload(seq, payload));
	frame_encode(s->key, &f, &h);
	v[0] = (struct iovec){ &h, sizeof(h) };
	v[1] = (struct iovec){ payload, f.payload.n };
	assert_int_equal(segment_write(s, v, 2), 0);
}

static void make(struct made *m, const struct store_io *io)
{
	struct segment_plan plan = {
		.epoch = 1, .number = 1, .first_seq = 1, .mode = 0600
	};
	const char *what;

	store_begin(&m->d);
	m->dirfd = open(m->d.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(m->path, sizeof(m->path), "%s/0000000000000001.seg",
		       m->d.base);
	assert_int_equal(segment_init(&m->seg, io), 0);
	assert_int_equal(segment_create(&m->seg, m->dirfd, &plan, &what), 0);
	m->ends[0] = m->seg.off;
	add_event(&m->seg, 1);
	m->ends[1] = m->seg.off;
	add_event(&m->seg, 2);
	m->ends[2] = m->seg.off;
	assert_int_equal(segment_sync(&m->seg), 0);
	assert_int_equal(segment_seal(&m->seg, 2, 0, 5), 0);
	m->ends[3] = m->seg.off;
}

static void unmake(struct made *m)
{
	segment_done(&m->seg);
	(void)close(m->dirfd);
	store_end(&m->d);
}

static void walk_ends_at_the_last_whole_frame_of_any_cut(void **state)
{
	struct made m;
	struct scan s = SCAN_INIT;
	struct scan_hit hit;
	uint8_t *p;
	size_t n, cut;
	int found, whole;

	(void)state;
	make(&m, NULL);
	p = store_load(m.path, &n);
	assert_int_equal(n, m.ends[3]);
	for (cut = JOURNAL_HEADER_AREA; cut <= n; cut++) {
		store_save(m.path, p, cut);
		assert_int_equal(scan_open(&s, m.dirfd, 1), 0);
		for (found = 0; scan_next(&s, &hit) == 1; found++)
			assert_int_equal(hit.skipped, 0);
		whole = (cut >= m.ends[1]) + (cut >= m.ends[2]) +
			(cut >= m.ends[3]);
		assert_int_equal(found, whole);
		assert_int_equal(s.off, m.ends[whole]);
	}
	scan_close(&s);
	free(p);
	unmake(&m);
}

static void walk_loses_only_the_frame_that_is_damaged(void **state)
{
	struct made m;
	struct scan s = SCAN_INIT;
	struct scan_hit hit;
	size_t off, n;
	uint8_t *p;
	int found;

	(void)state;
	make(&m, NULL);
	p = store_load(m.path, &n);
	for (off = JOURNAL_HEADER_AREA; off < n; off++) {
		p[off] ^= 0x04;
		store_save(m.path, p, n);
		p[off] ^= 0x04;
		assert_int_equal(scan_open(&s, m.dirfd, 1), 0);
		for (found = 0; scan_next(&s, &hit) == 1; found++)
			;
		assert_int_equal(found, 2);
	}
	scan_close(&s);
	free(p);
	unmake(&m);
}

static void walk_goes_on_when_the_file_grows(void **state)
{
	struct made m;
	struct scan s = SCAN_INIT;
	struct scan_hit hit;
	size_t n, at;
	uint8_t *p;
	int found = 0;

	(void)state;
	make(&m, NULL);
	p = store_load(m.path, &n);
	store_save(m.path, p, JOURNAL_HEADER_AREA);
	assert_int_equal(scan_open(&s, m.dirfd, 1), 0);
	for (at = JOURNAL_HEADER_AREA; at < n; at++) {
		int fd = open(m.path, O_WRONLY | O_APPEND | O_CLOEXEC);

		assert_int_equal(write(fd, p + at, 1), 1);
		(void)close(fd);
		if (scan_next(&s, &hit) == 1) {
			found++;
			assert_int_equal(at + 1, m.ends[found]);
			assert_int_equal(hit.skipped, 0);
		}
	}
	assert_int_equal(found, 3);
	scan_close(&s);
	free(p);
	unmake(&m);
}

/* Writes at most one byte less than asked; fails every third call. */
static unsigned calls;
static ssize_t short_pwritev(int fd, const struct iovec *v, int n, off_t off)
{
	size_t most = v[0].iov_len > 3 ? v[0].iov_len / 2 : v[0].iov_len;

	(void)n;
	if (++calls % 3 == 0)
		return -EINTR;
	return pwrite(fd, v[0].iov_base, most, off);
}

static void short_writes_are_completed(void **state)
{
	struct store_io io = store_io_real;
	struct made m, whole;
	uint8_t *a, *b;
	size_t n, k;

	(void)state;
	io.pwritev = short_pwritev;
	make(&m, &io);
	make(&whole, NULL);
	a = store_load(m.path, &n);
	b = store_load(whole.path, &k);
	assert_int_equal(n, k);
	/* No salt, id or time in these: the same bytes. */
	assert_memory_equal(a, b, n);
	free(a);
	free(b);
	unmake(&m);
	unmake(&whole);
}

static void rewound_segment_takes_the_same_bytes_again(void **state)
{
	struct made m, whole;
	uint8_t *a, *b;
	size_t n, k;

	(void)state;
	make(&m, NULL);
	make(&whole, NULL);
	add_event(&m.seg, 3);
	segment_rewind(&m.seg);
	/* What was there before is gone from the disk, the seal included. */
	assert_int_equal(ftruncate(m.seg.fd, (off_t)m.ends[2]), 0);
	add_event(&m.seg, 3);
	assert_int_equal(segment_seal(&m.seg, 3, 0, 6), 0);
	add_event(&whole.seg, 3);
	assert_int_equal(segment_seal(&whole.seg, 3, 0, 6), 0);
	a = store_load(m.path, &n);
	b = store_load(whole.path, &k);
	assert_int_equal(n, k);
	assert_memory_equal(a, b, n);
	free(a);
	free(b);
	unmake(&m);
	unmake(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_numbers_and_nothing_else),
		cmocka_unit_test(header_survives_any_one_flipped_byte),
		cmocka_unit_test(later_version_is_told_from_damage),
		cmocka_unit_test(state_is_read_back_or_refused),
		cmocka_unit_test(lock_is_held_by_one_and_names_it),
		cmocka_unit_test(walk_ends_at_the_last_whole_frame_of_any_cut),
		cmocka_unit_test(walk_loses_only_the_frame_that_is_damaged),
		cmocka_unit_test(walk_goes_on_when_the_file_grows),
		cmocka_unit_test(short_writes_are_completed),
		cmocka_unit_test(rewound_segment_takes_the_same_bytes_again),
	};

	return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
