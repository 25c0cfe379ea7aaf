// SPDX-License-Identifier: Apache-2.0
/* out/early_set: what went early is known again, and nothing else is. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "out/early_set.h"

static const uint8_t journal[16] = { 1, 2, 3 };
static const uint8_t other[16] = { 9 };

struct place {
	char dir[64], file[80];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/picket-early-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	(void)snprintf(p->file, sizeof(p->file), "%s/early", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	(void)unlink(p->file);
	(void)rmdir(p->dir);
	free(p);
	return 0;
}

static struct early_set *open_set(const struct place *p)
{
	struct early_set *s = NULL;

	assert_int_equal(early_set_open(p->dir, journal, &s), 0);
	return s;
}

static struct early_name name(uint32_t epoch, uint64_t seq)
{
	return (struct early_name){ epoch, seq };
}

static size_t read_file(const struct place *p, char **ret)
{
	size_t n;

	assert_int_equal(fs_read_file(AT_FDCWD, p->file, 16u << 20, ret, &n),
			 0);
	return n;
}

static void write_file(const struct place *p, const char *text, size_t n)
{
	FILE *f = fopen(p->file, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void fill(struct early_set *s)
{
	const struct early_name some[] = { { 1, 5 }, { 1, 9 }, { 2, 7 } };
	const struct early_name one = { 2, 30 };

	assert_int_equal(early_set_add(s, some, 3), 0);
	assert_int_equal(early_set_add(s, &one, 1), 0);
}

static void what_was_added_is_there_after_a_restart(void **state)
{
	struct early_set *s = open_set(*state);
	int i;

	fill(s);
	for (i = 0; i < 2; i++) {
		assert_true(early_set_has(s, name(1, 5)));
		assert_true(early_set_has(s, name(1, 9)));
		assert_true(early_set_has(s, name(2, 7)));
		assert_true(early_set_has(s, name(2, 30)));
		assert_false(early_set_has(s, name(2, 5)));
		assert_false(early_set_has(s, name(1, 7)));
		assert_int_equal(early_set_room(s), EARLY_SET_MAX - 4);
		early_set_close(s);
		s = open_set(*state);
	}
	early_set_close(s);
}

static void what_has_passed_is_forgotten(void **state)
{
	const struct place *p = *state;
	struct early_set *s = open_set(p);

	fill(s);
	early_set_pass(s, name(1, 8));
	assert_false(early_set_has(s, name(1, 5)));
	assert_true(early_set_has(s, name(1, 9)));
	/* A number of another epoch is no less than one of the next. */
	early_set_pass(s, name(1, 1000));
	assert_false(early_set_has(s, name(1, 9)));
	assert_true(early_set_has(s, name(2, 7)));
	early_set_pass(s, name(2, 30));
	assert_int_equal(early_set_room(s), EARLY_SET_MAX);
	assert_int_equal(access(p->file, F_OK), -1);
	fill(s);
	assert_true(early_set_has(s, name(2, 30)));
	early_set_close(s);
}

static void another_journal_begins_with_nothing(void **state)
{
	const struct place *p = *state;
	struct early_set *s = open_set(p);

	fill(s);
	early_set_close(s);
	assert_int_equal(early_set_open(p->dir, other, &s), 0);
	assert_false(early_set_has(s, name(1, 5)));
	early_set_close(s);
}

/* Whatever a byte becomes: names may be forgotten, none is invented. */
static void no_flipped_byte_invents_a_name(void **state)
{
	const struct place *p = *state;
	struct early_set *s = open_set(p);
	cleanup_free char *text = NULL;
	size_t n, i, bit;
	uint64_t seq;

	fill(s);
	early_set_close(s);
	n = read_file(p, &text);
	for (i = 0; i < n; i++) {
		for (bit = 0; bit < 8; bit++) {
			text[i] = (char)(text[i] ^ 1 << bit);
			write_file(p, text, n);
			text[i] = (char)(text[i] ^ 1 << bit);
			s = open_set(p);
			assert_true(early_set_room(s) >= EARLY_SET_MAX - 4);
			for (seq = 0; seq < 100; seq++) {
				if (seq != 5 && seq != 9)
					assert_false(
						early_set_has(s, name(1, seq)));
				if (seq != 7 && seq != 30)
					assert_false(
						early_set_has(s, name(2, seq)));
			}
			early_set_close(s);
		}
	}
}

static void a_torn_line_costs_itself_and_is_not_built_upon(void **state)
{
	const struct place *p = *state;
	const struct early_name more = { 3, 1 };
	struct early_set *s = open_set(p);
	cleanup_free char *text = NULL;
	size_t n, cut;

	fill(s);
	early_set_close(s);
	n = read_file(p, &text);
	for (cut = 1; cut < 12; cut++) {
		write_file(p, text, n - cut);
		s = open_set(p);
		assert_true(early_set_has(s, name(2, 7)));
		assert_false(early_set_has(s, name(2, 30)));
		assert_int_equal(early_set_add(s, &more, 1), 0);
		early_set_close(s);
		s = open_set(p);
		assert_true(early_set_has(s, name(2, 7)));
		assert_true(early_set_has(s, name(3, 1)));
		early_set_close(s);
	}
}

static void it_is_bounded_in_memory_and_on_disk(void **state)
{
	const struct place *p = *state;
	struct early_name *names = calloc(EARLY_SET_MAX, sizeof(*names));
	const struct early_name one = { 1, 1u << 30 };
	struct early_set *s = open_set(p);
	struct stat st;
	uint64_t seq = 0;
	size_t i, round;

	for (i = 0; i < EARLY_SET_MAX; i++)
		names[i] = name(1, ++seq);
	assert_int_equal(early_set_add(s, names, EARLY_SET_MAX), 0);
	assert_int_equal(early_set_room(s), 0);
	assert_int_equal(early_set_add(s, &one, 1), -ENOBUFS);
	/* In and out for ever: what has passed leaves the file, too. */
	for (round = 0; round < 200; round++) {
		early_set_pass(s, name(1, seq - EARLY_SET_MAX + 500));
		for (i = 0; i < 500; i++)
			names[i] = name(1, ++seq);
		assert_int_equal(early_set_add(s, names, 500), 0);
	}
	assert_true(early_set_has(s, name(1, seq)));
	assert_false(early_set_has(s, name(1, seq - EARLY_SET_MAX)));
	assert_int_equal(stat(p->file, &st), 0);
	assert_true(st.st_size < 2 * EARLY_SET_MAX * 40);
	early_set_close(s);
	s = open_set(p);
	assert_true(early_set_has(s, name(1, seq - EARLY_SET_MAX + 1)));
	assert_true(early_set_has(s, name(1, seq)));
	early_set_close(s);
	free(names);
}

static void a_pipe_in_its_place_is_not_waited_for(void **state)
{
	const struct early_name one = name(1, 7);
	struct place *p = *state;
	struct early_set *s;

	(void)alarm(60);
	assert_int_equal(mkfifo(p->file, 0600), 0);
	s = open_set(p);
	assert_int_equal(early_set_add(s, &one, 1), 0);
	early_set_close(s);
	s = open_set(p);
	assert_true(early_set_has(s, one));
	/* Put there while it is open: an error, and then it is replaced. */
	assert_int_equal(unlink(p->file), 0);
	assert_int_equal(mkfifo(p->file, 0600), 0);
	assert_true(early_set_add(s, &one, 1) < 0);
	early_set_close(s);
	(void)alarm(0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(what_was_added_is_there_after_a_restart),
		T(what_has_passed_is_forgotten),
		T(another_journal_begins_with_nothing),
		T(no_flipped_byte_invents_a_name),
		T(a_torn_line_costs_itself_and_is_not_built_upon),
		T(it_is_bounded_in_memory_and_on_disk),
		T(a_pipe_in_its_place_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
