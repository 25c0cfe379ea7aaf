/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the next writer makes of what the last one left: cut and flipped at
 * every byte, zeroed. Afterwards everything that was acknowledged is there, and
 * numbers are gapless to readers, the independent one included.
 */
#include <errno.h>
#include <sys/stat.h>

#include "store/cut.h"
#include "store/dir.h"
#include "store/recover.h"
#include "store/verify.h"
#include "store_dir.h"

/* A crashed journal of one segment, and where its frames end. */
struct sample {
	struct store_dir d;
	uint8_t *bytes;
	size_t n;
	struct {
		uint64_t seq, end;
		size_t begin;
	} events[16];
	unsigned n_events;
	char path[256], state[256];
	uint8_t *state_bytes;
	size_t n_state;
};

static void make_sample(struct sample *s)
{
	struct frame_key key;
	struct journal_segment_header h;
	struct frame f;
	size_t off;
	long size;

	*s = (struct sample){ 0 };
	store_begin(&s->d);
	store_open(&s->d);
	store_describe(&s->d, "an image");
	store_events(&s->d, 3);
	store_flush(&s->d);
	store_events(&s->d, 3);
	store_flush(&s->d);
	store_crash(&s->d, "crashed");
	store_segment(&s->d, 1, s->path);
	store_path(&s->d, "state", s->state);
	s->bytes = store_load(s->path, &s->n);
	s->state_bytes = store_load(s->state, &s->n_state);
	memcpy(&h, s->bytes, sizeof(h));
	key = frame_key_of(&h);
	for (off = JOURNAL_HEADER_AREA; off < s->n; off += (size_t)size) {
		size = frame_decode(key, s->bytes + off, s->n - off, &f);
		assert_true(size > 0);
		if (!f.seq)
			continue;
		s->events[s->n_events].seq = f.seq;
		s->events[s->n_events].begin = off;
		s->events[s->n_events++].end = off + (size_t)size;
	}
	assert_int_equal(s->n_events, 6);
}

static void free_sample(struct sample *s)
{
	free(s->bytes);
	free(s->state_bytes);
	store_end(&s->d);
}

/* The crashed directory anew, with these bytes as its segment. */
static void set_up(struct sample *s, const uint8_t *bytes, size_t n)
{
	store_remove(s->d.journal);
	assert_int_equal(mkdir(s->d.journal, 0755), 0);
	store_save(s->path, bytes, n);
	store_save(s->state, s->state_bytes, s->n_state);
}

static void tail_cut_at_any_byte_keeps_every_whole_frame(void **state)
{
	struct sample s;
	struct store_seen seen;
	unsigned kept;
	size_t cut;

	(void)state;
	make_sample(&s);
	for (cut = JOURNAL_HEADER_AREA; cut <= s.n; cut++) {
		set_up(&s, s.bytes, cut);
		for (kept = 0; kept < 6 && s.events[kept].end <= cut; kept++)
			;
		store_open(&s.d);
		assert_true(s.d.opening.unclean);
		assert_int_equal(s.d.opening.epoch, 2);
		assert_int_equal(s.d.opening.next_seq, kept + 1);
		store_events(&s.d, 2);
		store_close(&s.d);
		seen = store_read(&s.d);
		assert_int_equal(seen.events, kept + 2);
		assert_int_equal(seen.gaps, 0);
		assert_int_equal(store_check(s.d.journal, "events"), kept + 2);
	}
	free_sample(&s);
}

static void byte_flipped_anywhere_costs_at_most_its_frame(void **state)
{
	struct store_seen seen;
	struct sample s;
	uint64_t hit;
	size_t off;
	unsigned i;

	(void)state;
	make_sample(&s);
	for (off = 0; off < s.n; off++) {
		s.bytes[off] ^= 0x20;
		set_up(&s, s.bytes, s.n);
		s.bytes[off] ^= 0x20;
		for (i = 0, hit = 0; i < 6; i++) {
			if (off >= s.events[i].begin && off < s.events[i].end)
				hit = s.events[i].seq;
		}
		store_open(&s.d);
		assert_int_equal(s.d.opening.epoch, 2);
		/* A number that was given, if only a seal knows it, stays so. */
		assert_int_equal(s.d.opening.next_seq, 7);
		store_events(&s.d, 2);
		store_close(&s.d);
		seen = store_read(&s.d);
		assert_int_equal(seen.events, hit ? 7 : 8);
		assert_int_equal(seen.missing, hit ? 1 : 0);
		assert_int_equal(store_check(s.d.journal, "next"), 9);
	}
	free_sample(&s);
}

static void zeroed_tail_is_set_aside_whole(void **state)
{
	struct sample s;
	char path[256];
	uint8_t *p, *cut;
	size_t off, n;
	unsigned kept;

	(void)state;
	make_sample(&s);
	p = malloc(s.n + 9000);
	assert_non_null(p);
	for (off = JOURNAL_HEADER_AREA; off < s.n; off += 13) {
		memcpy(p, s.bytes, s.n);
		memset(p + off, 0, s.n + 9000 - off);
		set_up(&s, p, s.n + 9000);
		for (kept = 0; kept < 6 && s.events[kept].end <= off; kept++)
			;
		store_open(&s.d);
		/* The last byte of a payload may have been zero before. */
		assert_int_equal(s.d.opening.next_seq, kept + 1);
		assert_true(s.d.opening.cut_bytes >= s.n + 9000 - off);
		cut = store_load(store_path(&s.d, s.d.opening.cut_file, path),
				 &n);
		assert_int_equal(n, s.d.opening.cut_bytes);
		assert_memory_equal(cut, p + (s.n + 9000 - n), n);
		free(cut);
		assert_int_equal(store_stats(&s.d).error, 0);
		store_close(&s.d);
		assert_int_equal(store_read(&s.d).events, kept);
	}
	free(p);
	free_sample(&s);
}

static void set_aside_tails_are_bounded_and_none_is_deleted(void **state)
{
	struct dir_list l = { 0 };
	struct store_dir d;
	char path[256];
	uint64_t next = 1;
	int i, fd, dirfd;

	(void)state;
	store_begin(&d);
	for (i = 0; i < CUTS_MAX + 5; i++) {
		char name[32];

		store_open(&d);
		assert_int_equal(d.opening.next_seq, next);
		assert_int_equal(d.opening.cut_bytes != 0,
				 i > 0 && i <= CUTS_MAX);
		store_events(&d, 3);
		store_flush(&d);
		next += 3;
		(void)snprintf(name, sizeof(name), "crash%d", i);
		store_crash(&d, name);
		fd = open(store_segment(&d, (uint64_t)i + 1, path),
			  O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_int_equal(write(fd, "torn", 4), 4);
		(void)close(fd);
	}
	dirfd = open(d.journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(dir_list(dirfd, &l), 0);
	assert_int_equal(l.cuts, CUTS_MAX);
	free(l.numbers);
	(void)close(dirfd);
	/* What stays in a segment is passed over. */
	assert_int_equal(store_read(&d).events, next - 1);
	assert_int_equal(store_check(d.journal, "events"), next - 1);
	store_end(&d);
}

/*
 * A last segment that somebody, or a file system's check, made a terabyte of
 * nothing: a start takes no hour, fills no disk, and trims nothing for it.
 */
static void terabyte_of_nothing_stops_no_start(void **state)
{
	const off_t gap = (off_t)1 << 40;
	char path[256], payload[128];
	struct store_dir d;
	uint8_t *bytes;
	struct stat st;
	size_t n, at;
	int fd;

	(void)state;
	(void)alarm(60);
	store_begin(&d);
	d.settings.sync_interval_ms = 60000;
	store_open(&d);
	store_events(&d, 200);
	store_flush(&d);
	store_crash(&d, "behind");
	store_segment(&d, store_read(&d).last.segment, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size + gap), 0);
	store_open(&d);
	/* It was set aside, and is as small as it was. */
	assert_true(d.opening.cut_file[0]);
	assert_int_equal(d.opening.cut_bytes, gap);
	assert_true(store_stats(&d).bytes < 1 << 20);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 1 << 20);
	store_path(&d, d.opening.cut_file, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, gap);
	assert_true(st.st_blocks < 2048);
	assert_int_equal(unlink(path), 0);
	store_events(&d, 100);
	store_flush(&d);
	store_events(&d, 1);
	STORE_WAIT(store_read(&d).events == 301);
	store_crash(&d, "within");
	/* And before the last frame, so that there is nothing to set aside. */
	bytes = store_load(store_segment(&d, store_read(&d).last.segment, path),
			   &n);
	at = n - FRAME_HEADER - store_payload(301, payload);
	fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
	assert_int_equal(pwrite(fd, bytes, at, 0), at);
	assert_int_equal(pwrite(fd, bytes + at, n - at, (off_t)at + gap),
			 n - at);
	(void)close(fd);
	free(bytes);
	store_open(&d);
	assert_int_equal(d.opening.next_seq, 302);
	store_events(&d, 10);
	store_flush(&d);
	assert_int_equal(store_read(&d).events, 311);
	assert_true(store_stats(&d).bytes < 1 << 20);
	store_end(&d);
	(void)alarm(0);
}

static void lost_or_damaged_state_never_repeats_an_epoch(void **state)
{
	struct sample s;
	int round;

	(void)state;
	make_sample(&s);
	for (round = 0; round < 2; round++) {
		set_up(&s, s.bytes, s.n);
		if (round)
			store_flip(s.state, 40);
		else
			assert_int_equal(unlink(s.state), 0);
		store_open(&s.d);
		assert_true(s.d.opening.unclean);
		assert_true(s.d.opening.epoch > 100);
		assert_int_equal(s.d.opening.next_seq, 7);
		store_events(&s.d, 1);
		store_close(&s.d);
		assert_int_equal(store_read(&s.d).events, 7);
	}
	/* Segments gone, state there: numbers and epoch go on. */
	set_up(&s, s.bytes, s.n);
	assert_int_equal(unlink(s.path), 0);
	store_open(&s.d);
	assert_int_equal(s.d.opening.epoch, 2);
	assert_false(s.d.opening.created);
	store_close(&s.d);
	free_sample(&s);
}

/* It names the oldest segment left: one that nobody has made is none. */
static void an_oldest_segment_that_is_still_to_come_is_not_kept(void **state)
{
	static const uint64_t lies[] = { 1000, 1000000000000000, UINT64_MAX };
	struct sample s;
	struct state st;
	size_t i;
	int fd;

	(void)state;
	make_sample(&s);
	for (i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		set_up(&s, s.bytes, s.n);
		fd = open(s.d.journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(state_load(fd, &st), 0);
		st.oldest = lies[i];
		assert_int_equal(state_save(fd, &st, 0640), 0);
		store_open(&s.d);
		store_close(&s.d);
		assert_int_equal(state_load(fd, &st), 0);
		assert_int_equal(st.oldest, 1);
		(void)close(fd);
	}
	free_sample(&s);
}

static void last_segment_without_a_header_is_set_aside(void **state)
{
	struct store_seen seen;
	struct sample s;
	char path[256];

	(void)state;
	make_sample(&s);
	store_open(&s.d);
	store_events(&s.d, 4);
	store_flush(&s.d);
	store_crash(&s.d, "again");
	store_segment(&s.d, 2, path);
	store_flip(path, 30);
	store_flip(path, 530);
	store_open(&s.d);
	assert_int_equal(s.d.opening.epoch, 3);
	assert_string_equal(s.d.opening.cut_file,
			    "0000000000000002-0000000000000000.cut");
	assert_int_equal(access(path, F_OK), -1);
	store_events(&s.d, 1);
	store_close(&s.d);
	seen = store_read(&s.d);
	assert_int_equal(seen.events, 7);
	free_sample(&s);
}

static void what_is_no_file_is_no_segment(void **state)
{
	struct sample s;
	char path[256];

	(void)state;
	make_sample(&s);
	set_up(&s, s.bytes, s.n);
	store_segment(&s.d, 7, path);
	assert_int_equal(mkdir(path, 0700), 0);
	store_open(&s.d);
	store_events(&s.d, 1);
	store_close(&s.d);
	assert_int_equal(store_read(&s.d).events, 7);
	assert_int_equal(rmdir(path), 0);
	store_segment(&s.d, 8, path);
	assert_int_equal(symlink("/dev/null", path), 0);
	store_open(&s.d);
	store_close(&s.d);
	assert_int_equal(unlink(path), 0);
	free_sample(&s);
}

static void later_version_is_not_trampled_on(void **state)
{
	struct journal_segment_header h;
	struct journal_opening o;
	struct journal *j = NULL;
	struct sample s;
	char what[256] = "";
	int holder;

	(void)state;
	make_sample(&s);
	memcpy(&h, s.bytes, sizeof(h));
	h.incompatible = 4;
	segment_encode_header(&h, s.bytes);
	set_up(&s, s.bytes, s.n);
	assert_int_equal(journal_open(&s.d.settings, &j, &o, &holder, what),
			 -ENOTSUP);
	assert_non_null(strstr(what, "later version"));
	free_sample(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tail_cut_at_any_byte_keeps_every_whole_frame),
		cmocka_unit_test(byte_flipped_anywhere_costs_at_most_its_frame),
		cmocka_unit_test(zeroed_tail_is_set_aside_whole),
		cmocka_unit_test(
			set_aside_tails_are_bounded_and_none_is_deleted),
		cmocka_unit_test(terabyte_of_nothing_stops_no_start),
		cmocka_unit_test(lost_or_damaged_state_never_repeats_an_epoch),
		cmocka_unit_test(
			an_oldest_segment_that_is_still_to_come_is_not_kept),
		cmocka_unit_test(last_segment_without_a_header_is_set_aside),
		cmocka_unit_test(what_is_no_file_is_no_segment),
		cmocka_unit_test(later_version_is_not_trampled_on),
	};

	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
