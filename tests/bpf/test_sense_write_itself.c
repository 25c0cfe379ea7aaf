/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls whose arguments lie in the very file that they change, by a mapping of
 * it, on whatever backend speaks: where O_TRUNC or truncate(2) takes the name or
 * the flags away, they are told all the same, or it is said that they may not be.
 */
#include "change.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ATTRIBUTES "mode, owner, size, times"

static bool has_absolute;

/* A file that says what `bytes` says, mapped; touched: read once, too. */
static const void *mapped(const char *name, const void *bytes, size_t n,
			  bool touched)
{
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const volatile char *at;

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		return NULL;
	at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (at == MAP_FAILED)
		return NULL;
	if (touched && *at != *(const char *)bytes)
		return NULL;
	return (const void *)(uintptr_t)at;
}

/* The name of this file, in its own first bytes. */
static const char *name_in(const char *name, bool touched)
{
	const char *says = has_absolute ? work_path(name) : name;

	return mapped(name, says, strlen(says) + 1, touched);
}

/* ---- truncate -------------------------------------------------------------- */

struct cut {
	const char *name;
	off_t to;
	bool touched, absolute;
};

static int act_truncate(void *arg)
{
	const struct cut *cut = arg;
	const char *name;

	has_absolute = cut->absolute;
	TRY(chdir(work_dir()));
	name = name_in(cut->name, cut->touched);
	if (!name)
		return 92;
	TRY(truncate(name, cut->to));
	return 0;
}

static const struct wire_write *truncated(struct seen *w, const struct cut *cut)
{
	seen_run(w, act_truncate, (void *)(uintptr_t)cut);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_writes(w, WIRE_OP_TRUNCATE), 1);
	return seen_write(w, WIRE_OP_TRUNCATE, 0);
}

static void a_name_that_its_truncation_takes_away_is_told(void **state)
{
	/* All of the name, or its end. */
	static const struct cut cuts[] = {
		{ "all", 0, true, false },
		{ "its-end", 3, true, false },
		{ "all-absolute", 0, true, true },
		{ "the-end-of-it", 5, true, true },
		{ "nothing", 100, true, true },
	};
	const struct wire_write *r;
	struct seen *w = *state;
	size_t i;

	for (i = 0; i < COUNT(cuts); i++) {
		r = truncated(w, &cuts[i]);
		assert_string_equal(told_path(r), work_path(cuts[i].name));
		assert_true(is_from_kernel(r) ||
			    r->flags & WIRE_WRITE_NAME_CLAIMED);
		assert_int_equal(r->flags & WIRE_WRITE_NAME_CUT, 0);
		assert_int_equal(r->hdr.tgid, w->child);
	}
}

/* Only the kernel fetches it. */
static void a_name_that_nobody_could_read_is_told_or_said(void **state)
{
	static const struct cut cut = { "unread", 0, false, true };
	struct seen *w = *state;
	const struct wire_write *r = truncated(w, &cut);

	if (strcmp(told_path(r), work_path("unread")) == 0)
		return;
	/* No other name is told in its place. */
	assert_string_equal(told_path(r), "/");
	assert_true(r->path.flags & WIRE_PATH_UNRESOLVED);
	assert_true(r->flags & WIRE_WRITE_NAME_CLAIMED);
	assert_true(r->flags & WIRE_WRITE_NAME_CUT);
	assert_said(w, ATTRIBUTES, "a name that truncate(2) takes away unread");
}

/* ---- openings -------------------------------------------------------------- */

static int act_openat2(void *arg)
{
	static const struct open_how says = { .flags = O_RDONLY | O_TRUNC };
	const bool *touched = arg;
	const struct open_how *how;
	struct stat st;
	int fd;

	TRY(chdir(work_dir()));
	(void)unlink("how");
	how = mapped("how", &says, sizeof(says), *touched);
	if (!how)
		return 92;
	fd = (int)syscall(SYS_openat2, AT_FDCWD, "how", how, sizeof(*how));
	TRY(fd);
	TRY(fstat(fd, &st));
	return st.st_size ? 93 : 0;
}

/* The first opening is the one that made the file for writing. */
static void flags_that_their_opening_takes_away_are_told(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;
	int i;

	for (i = 0; i < 2; i++) {
		bool touched = !i;

		seen_run(w, act_openat2, &touched);
		assert_int_equal(w->status, 0);
		assert_int_equal(seen_writes(w, WIRE_OP_OPEN), 2);
		r = seen_write(w, WIRE_OP_OPEN, 1);
		assert_string_equal(told_path(r), work_path("how"));
		assert_true(r->flags & WIRE_WRITE_TRUNC);
		assert_true(r->arg & O_TRUNC);
		/* What was asked for in memory is nobody's word. */
		assert_true(is_from_kernel(r) ||
			    r->flags & WIRE_WRITE_SUBMITTED);
	}
}

static int act_creat(void *arg)
{
	const char *name;

	(void)arg;
	has_absolute = true;
	TRY(chdir(work_dir()));
	name = name_in("made", true);
	if (!name)
		return 92;
	TRY(open(name, O_RDONLY | O_TRUNC | O_CLOEXEC));
	return 0;
}

static void a_file_opened_by_a_name_in_it_is_told_by_it(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	seen_run(w, act_creat, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_writes(w, WIRE_OP_OPEN), 2);
	r = seen_write(w, WIRE_OP_OPEN, 1);
	assert_string_equal(told_path(r), work_path("made"));
	assert_true(r->flags & WIRE_WRITE_TRUNC);
}

/* ---- names ----------------------------------------------------------------- */

/* By names that lie in the file, which stays as it is, whatever it is called. */
static int act_names(void *arg)
{
	const char *names;
	char says[64];

	(void)arg;
	TRY(chdir(work_dir()));
	memset(says, 0, sizeof(says));
	memcpy(says, "first", 5);
	memcpy(says + 16, "second", 6);
	memcpy(says + 32, "third", 5);
	names = mapped("first", says, sizeof(says), true);
	if (!names)
		return 92;
	TRY(rename(names, names + 16));
	TRY(link(names + 16, names + 32));
	TRY(unlink(names + 16));
	TRY(unlink(names + 32));
	return 0;
}

static void names_in_the_file_that_they_are_of_are_told(void **state)
{
	static const struct change want[] = {
		{ WIRE_OP_RENAME, "first", "second", 0, 0, 0 },
		{ WIRE_OP_LINK, "second", "third", 0, 0, 0 },
		{ WIRE_OP_UNLINK, "second", NULL, 0, 0, 0 },
		{ WIRE_OP_UNLINK, "third", NULL, 0, 0, 0 },
	};
	struct seen *w = *state;

	seen_run(w, act_names, NULL);
	assert_int_equal(w->status, 0);
	assert_changes(w,
		       1u << WIRE_OP_RENAME | 1u << WIRE_OP_LINK |
			       1u << WIRE_OP_UNLINK,
		       want, COUNT(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_that_its_truncation_takes_away_is_told),
		cmocka_unit_test(a_name_that_nobody_could_read_is_told_or_said),
		cmocka_unit_test(flags_that_their_opening_takes_away_are_told),
		cmocka_unit_test(a_file_opened_by_a_name_in_it_is_told_by_it),
		cmocka_unit_test(names_in_the_file_that_they_are_of_are_told),
	};

	return cmocka_run_group_tests_name("write itself", tests, seen_setup,
					   seen_teardown);
}
