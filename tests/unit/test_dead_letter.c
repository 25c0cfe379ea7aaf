/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: the record as it stands in the journal, with its program and
 * the answer; whatever became of the journal meanwhile; bounded; and a journal
 * like any other, to which verify has nothing to say.
 */
#include "out/dead_letter.h"

#include <errno.h>

#include "out/text.h"
#include "out_samples.h"
#include "store/verify.h"
#include "store_dir.h"

#define WRITES 20

struct post {
	struct store_dir live; /* what is shipped */
	char letters[160];
	struct dead_letters *d;
};

static void append_payload(struct store_dir *s, uint8_t type, struct buf *b)
{
	uint64_t seq;

	assert_false(b->failed);
	assert_int_equal(journal_append(s->j, type, 0, SAMPLE_WALL_NS,
					buf_slice(b), &seq),
			 0);
	buf_reset(b);
}

/* A journal of writes by a shell to /srv/1, /srv/2 …; the last is amended. */
static void fill(struct store_dir *s)
{
	const struct write_totals totals = { .count = 7, .bytes = 700 };
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	struct image init, shell;
	char path[32];
	uint64_t i;

	init = sample_image(1, 1, "/sbin/init", NULL);
	shell = sample_image(2, 4711, "/bin/zsh", &init);
	(void)journal_segment(s->j);
	record_pack_image(&b, &init);
	append_payload(s, JOURNAL_DESCRIPTION, &b);
	record_pack_image(&b, &shell);
	append_payload(s, JOURNAL_DESCRIPTION, &b);
	for (i = 1; i <= WRITES; i++) {
		struct event ev;

		(void)snprintf(path, sizeof(path), "/srv/%" PRIu64, i);
		ev = sample_write(path, OP_OPEN);
		record_pack_event(&b, &ev, &shell, NULL, SAMPLE_WALL_NS);
		append_payload(s, JOURNAL_EVENT, &b);
	}
	record_pack_write_totals(
		&b,
		&(struct record_amends){ s->opening.epoch, WRITES,
					 SAMPLE_BOOT_NS, SAMPLE_WALL_NS },
		&totals);
	append_payload(s, JOURNAL_AMENDMENT, &b);
	store_flush(s);
}

static void begin(struct post *p)
{
	*p = (struct post){ 0 };
	store_begin(&p->live);
	store_open(&p->live);
	fill(&p->live);
	(void)snprintf(p->letters, sizeof(p->letters), "%s/dead-letters",
		       p->live.base);
	assert_int_equal(dead_letters_new(p->live.base, p->live.journal, &p->d),
			 0);
}

static void end(struct post *p)
{
	dead_letters_free(p->d);
	store_end(&p->live);
}

static struct dead_letter letter(const struct post *p, uint64_t seq)
{
	struct dead_letter l = {
		.epoch = p->live.opening.epoch,
		.seq = seq,
		.uid = "its-name",
		.destination = "soc",
		.url = "https://soc.test",
		.format = "otlp",
		.status = 400,
		.answer = "status 400: no \x1b[31mthanks",
		.record = slice_of("as\0sent", 7),
		.wall_ns = SAMPLE_WALL_NS + 1000000,
	};

	memcpy(l.journal, p->live.opening.id, sizeof(l.journal));
	return l;
}

static void add(struct post *p, uint64_t seq)
{
	const struct dead_letter l = letter(p, seq);
	bool gone = true;

	assert_int_equal(dead_letters_add(p->d, &l, &gone), 0);
	assert_false(gone);
}

/* The letters as lines; how many. */
static unsigned read_letters(const struct post *p, struct buf *lines)
{
	static const struct text_style style;
	struct view_images *images;
	struct reader *r = NULL;
	struct reader_frame f;
	struct view v;
	unsigned n = 0;

	assert_int_equal(view_images_new(&images), 0);
	assert_int_equal(reader_open(p->letters, READER_OLDEST, 0,
				     READER_SEALED_ONLY, &r),
			 0);
	while (reader_next(r, &f) == 1) {
		int k = view_take(images, reader_journal_id(r), &f, &v);

		assert_true(k >= 0);
		if (!k)
			continue;
		assert_non_null(v.event);
		assert_non_null(v.event->refusal);
		text_line(lines, images, &v, &style);
		buf_add_char(lines, '\n');
		view_done(&v);
		n++;
	}
	buf_add_char(lines, '\0');
	reader_close(r);
	view_images_free(images);
	return n;
}

static void assert_good(const struct post *p)
{
	struct verify_result v;

	assert_int_equal(verify(p->letters, NULL, &v), 0);
	assert_int_equal(v.n_findings, 0);
}

static void assert_says(const struct buf *b, const char *part)
{
	if (!strstr(b->p, part))
		fail_msg("no '%s' in:\n%s", part, b->p);
}

static void letter_is_the_record_with_its_program_and_the_answer(void **state)
{
	cleanup_buf struct buf lines = BUF_INIT(1 << 20);
	struct post p;

	(void)state;
	begin(&p);
	add(&p, 3);
	add(&p, 17);
	assert_int_equal(read_letters(&p, &lines), 2);
	assert_says(&lines, "zsh[4711]");
	assert_says(&lines, "open /srv/3 ");
	assert_says(&lines, "open /srv/17 ");
	assert_says(&lines, "refused by soc at 2026-11-23T21:04:05.679Z: "
			    "status 400: no \\x1b[31mthanks");
	assert_good(&p);
	assert_int_equal(store_check(p.letters, "events"), 2);
	end(&p);
}

static void what_is_no_event_or_gone_is_told_in_words(void **state)
{
	cleanup_buf struct buf lines = BUF_INIT(1 << 20);
	struct dead_letter l;
	struct post p;
	bool gone;

	(void)state;
	begin(&p);
	add(&p, WRITES + 1); /* an amendment */
	assert_int_equal(read_letters(&p, &lines), 1);
	assert_says(&lines, "/srv/20: 7 operations, 700 bytes");
	/* Of another journal, of another epoch, not there yet. */
	l = letter(&p, 5);
	l.journal[3] ^= 1;
	assert_int_equal(dead_letters_add(p.d, &l, &gone), 0);
	l = letter(&p, 5);
	l.epoch++;
	assert_int_equal(dead_letters_add(p.d, &l, &gone), 0);
	add(&p, 500);
	store_close(&p.live);
	store_remove(p.live.journal);
	add(&p, 5);
	buf_reset(&lines);
	assert_int_equal(read_letters(&p, &lines), 5);
	assert_says(&lines, "record its-name");
	assert_null(strstr(lines.p, "/srv/5 "));
	assert_good(&p);
	end(&p);
}

static void record_that_does_not_fit_is_left_out(void **state)
{
	cleanup_buf struct buf lines = BUF_INIT(1 << 20);
	char *large = calloc(1, JOURNAL_PAYLOAD_MAX);
	struct dead_letter l;
	struct post p;
	bool gone;

	(void)state;
	begin(&p);
	l = letter(&p, 3);
	l.record = slice_of(large, JOURNAL_PAYLOAD_MAX);
	assert_int_equal(dead_letters_add(p.d, &l, &gone), 0);
	assert_int_equal(read_letters(&p, &lines), 1);
	assert_says(&lines, "open /srv/3 ");
	free(large);
	end(&p);
}

static uint64_t bytes_in(const char *dir)
{
	struct dirent *e;
	struct stat st;
	uint64_t n = 0;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while ((e = readdir(d)))
		if (!fstatat(dirfd(d), e->d_name, &st, 0) &&
		    S_ISREG(st.st_mode))
			n += (uint64_t)st.st_size;
	(void)closedir(d);
	return n;
}

static void letters_are_bounded_and_the_oldest_go(void **state)
{
	const size_t large = 120 << 10;
	char *record = calloc(1, large);
	struct dead_letter l;
	bool gone = false;
	struct post p;
	int i, went = 0;

	(void)state;
	begin(&p);
	l = letter(&p, 1);
	l.record = slice_of(record, large);
	for (i = 0; i < (int)(DEAD_LETTERS_SIZE_MAX / large) + 80; i++) {
		assert_int_equal(dead_letters_add(p.d, &l, &gone), 0);
		went += gone;
		gone = false;
	}
	assert_in_range(went, 1, 20);
	assert_true(bytes_in(p.letters) <= DEAD_LETTERS_SIZE_MAX);
	assert_good(&p);
	free(record);
	end(&p);
}

static void place_that_takes_nothing_is_an_error_until_it_does(void **state)
{
	cleanup_buf struct buf lines = BUF_INIT(1 << 20);
	struct dead_letter l;
	struct post p;
	bool gone;

	(void)state;
	begin(&p);
	l = letter(&p, 3);
	store_save(p.letters, "", 0);
	assert_int_equal(dead_letters_add(p.d, &l, &gone), -ENOTDIR);
	assert_int_equal(unlink(p.letters), 0);
	add(&p, 3);
	assert_int_equal(read_letters(&p, &lines), 1);
	end(&p);
}

static void letters_go_on_after_a_kill(void **state)
{
	cleanup_buf struct buf lines = BUF_INIT(1 << 20);
	char copy[200];
	struct post p;

	(void)state;
	begin(&p);
	add(&p, 3);
	/* What is there while it runs is what a kill leaves. */
	(void)snprintf(copy, sizeof(copy), "%s.killed", p.letters);
	store_copy(p.letters, copy);
	dead_letters_free(p.d);
	store_remove(p.letters);
	assert_int_equal(rename(copy, p.letters), 0);
	assert_int_equal(dead_letters_new(p.live.base, p.live.journal, &p.d),
			 0);
	add(&p, 4);
	assert_int_equal(read_letters(&p, &lines), 2);
	assert_says(&lines, "/srv/3 ");
	assert_says(&lines, "/srv/4 ");
	assert_good(&p);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			letter_is_the_record_with_its_program_and_the_answer),
		cmocka_unit_test(what_is_no_event_or_gone_is_told_in_words),
		cmocka_unit_test(record_that_does_not_fit_is_left_out),
		cmocka_unit_test(letters_are_bounded_and_the_oldest_go),
		cmocka_unit_test(
			place_that_takes_nothing_is_an_error_until_it_does),
		cmocka_unit_test(letters_go_on_after_a_kill),
	};

	return cmocka_run_group_tests_name("dead_letter", tests, NULL, NULL);
}
