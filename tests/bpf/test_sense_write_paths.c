/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as an intruder gives them, on whatever backend speaks: long, deep, and
 * of any bytes. What is told is the name, or the end of it and marked so.
 */
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Make, write, rename to NAME~ (one byte shorter if need be) and unlink. */
static int change_by_name(const char *name)
{
	char other[300];
	size_t n = strlen(name);
	int fd;

	(void)snprintf(other, sizeof(other), "%s", name);
	other[n - 1] = other[n - 1] == '~' ? '-' : '~';
	TRY(fd = open(name, O_WRONLY | O_CREAT, 0600));
	TRY(write(fd, "x", 1));
	TRY(close(fd));
	TRY(rename(name, other));
	TRY(unlink(other));
	return 0;
}

static const char *const names[] = {
	"plain",
	"new\nline",
	"esc\x1b[2J\x1b]0;title\x07",
	"\xff\xfe not utf-8 \x80",
	"\xe2\x82\xac",
	" blanks ",
	"-rf",
	"\"quoted' \\ and \\n",
	"...",
};

static int act_name(void *arg)
{
	TRY(chdir(work_dir()));
	return change_by_name(arg);
}

static void check_name(struct seen *w, const char *name)
{
	const struct wire_write *r;
	char path[600], other[600];
	size_t n;

	n = (size_t)snprintf(path, sizeof(path), "%s/%s", work_dir(), name);
	(void)memcpy(other, path, n + 1);
	other[n - 1] = '~';
	seen_run(w, act_name, (void *)(uintptr_t)name);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_WRITE), 4);
	r = seen_write(w, WIRE_OP_OPEN, 0);
	assert_path(r, &r->path, path);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	assert_path(r, &r->path, path);
	r = seen_write(w, WIRE_OP_RENAME, 0);
	assert_string_equal(told_path(r), path);
	assert_string_equal(told_path2(r), other);
	assert_int_equal(r->flags & WIRE_WRITE_NAME_CUT, 0);
	r = seen_write(w, WIRE_OP_UNLINK, 0);
	assert_string_equal(told_path(r), other);
}

static void names_of_any_bytes_are_told_as_they_are(void **state)
{
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		check_name(*state, names[i]);
}

/* 255 bytes are the longest name; 254 to 256 of a path pass a piece's end. */
static void names_of_every_length_are_whole(void **state)
{
	static const size_t lengths[] = { 1, 7, 127, 200, 253, 254, 255 };
	char name[256];
	size_t i;

	for (i = 0; i < COUNT(lengths); i++) {
		memset(name, 'n', sizeof(name));
		name[lengths[i]] = '\0';
		check_name(*state, name);
	}
	for (i = 250 - strlen(work_dir()); i < 260 - strlen(work_dir()); i++) {
		memset(name, 'p', sizeof(name));
		name[i < 255 ? i : 255] = '\0';
		check_name(*state, name);
	}
}

struct deep {
	const char *dir;  /* below work_dir() */
	const char *name; /* of each level */
	int levels;
	const char *leaf;
};

static int act_deep(void *arg)
{
	const struct deep *d = arg;
	int i;

	TRY(chdir(work_dir()));
	if (mkdir(d->dir, 0700) < 0 && errno != EEXIST)
		return 90;
	TRY(chdir(d->dir));
	for (i = 0; i < d->levels; i++) {
		if (mkdir(d->name, 0700) < 0 && errno != EEXIST)
			return 90;
		TRY(chdir(d->name));
	}
	return change_by_name(d->leaf);
}

static size_t deep_path(const struct deep *d, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "%s/%s", work_dir(), d->dir);
	int i;

	for (i = 0; i < d->levels; i++)
		n += (size_t)snprintf(out + n, size - n, "/%s", d->name);
	return n + (size_t)snprintf(out + n, size - n, "/%s", d->leaf);
}

/* What the walk of a path found of what there is: all, or the end. */
static void check_walk(const struct wire_write *r, const char *path, size_t n)
{
	const char *told = told_path(r);
	size_t got = strlen(told);

	if (r->path.flags & WIRE_PATH_TRUNCATED) {
		assert_true(n > WIRE_NAME_MAX ||
			    r->path.flags != WIRE_PATH_TRUNCATED);
		assert_true(got < n && got > 1000);
		assert_string_equal(told, path + n - got);
	} else {
		assert_string_equal(told, path);
	}
}

static void check_deep(struct seen *w, const struct deep *d)
{
	static char path[32768];
	const struct wire_write *r;
	size_t n = deep_path(d, path, sizeof(path));

	seen_run(w, act_deep, (void *)(uintptr_t)d);
	assert_int_equal(w->status, 0);
	r = seen_write(w, WIRE_OP_OPEN, 0);
	assert_non_null(r);
	check_walk(r, path, n);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	assert_non_null(r);
	check_walk(r, path, n);
	r = seen_write(w, WIRE_OP_RENAME, 0);
	assert_non_null(r);
	check_walk(r, path, n);
	r = seen_write(w, WIRE_OP_UNLINK, 0);
	assert_non_null(r);
	path[n - 1] = '~';
	check_walk(r, path, n);
}

static void two_hundred_levels_are_told(void **state)
{
	static const struct deep d = { "deep", "d", 200, "leaf" };

	check_deep(*state, &d);
}

/* 20 times 250 bytes: longer than any path that can be given to a call. */
static void what_is_longer_than_a_path_is_its_end_and_marked(void **state)
{
	char level[251];
	struct deep d = { "long", level, 20, "leaf" };
	const struct wire_write *r;

	memset(level, 'l', sizeof(level) - 1);
	level[sizeof(level) - 1] = '\0';
	check_deep(*state, &d);
	r = seen_write(*state, WIRE_OP_OPEN, 0);
	assert_true(r->path.flags & WIRE_PATH_TRUNCATED);
}

/* PATH_MAX counts the zero: 4095 bytes are the longest that a call takes. */
static void paths_around_the_longest_are_whole_or_marked(void **state)
{
	char level[251], leaf[256];
	struct deep d = { "edge", level, 16, leaf };
	const struct wire_write *r;
	size_t length, above;

	memset(level, 'e', sizeof(level) - 1);
	level[sizeof(level) - 1] = '\0';
	above = strlen(work_dir()) + strlen("/edge") + 16 * sizeof(level) + 1;
	for (length = 4094; length <= 4098; length++) {
		memset(leaf, 'x', sizeof(leaf));
		assert_in_range(length - above, 1, 255);
		leaf[length - above] = '\0';
		check_deep(*state, &d);
		r = seen_write(*state, WIRE_OP_OPEN, 0);
		assert_int_equal(!!(r->path.flags & WIRE_PATH_TRUNCATED),
				 length > WIRE_NAME_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_any_bytes_are_told_as_they_are),
		cmocka_unit_test(names_of_every_length_are_whole),
		cmocka_unit_test(two_hundred_levels_are_told),
		cmocka_unit_test(
			what_is_longer_than_a_path_is_its_end_and_marked),
		cmocka_unit_test(paths_around_the_longest_are_whole_or_marked),
	};

	return cmocka_run_group_tests_name("write_paths", tests, seen_setup,
					   seen_teardown);
}
