/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that change, on whatever backend speaks: each change once, with its
 * names; what was refused or changed nothing, not at all.
 */
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RUN(w, act)                               \
	do {                                      \
		seen_run(w, act, NULL);           \
		assert_int_equal((w)->status, 0); \
	} while (0)

static int act_each(void *arg)
{
	int dir;

	(void)arg;
	(void)umask(0);
	TRY(chdir(work_dir()));
	TRY(mkdir("d", 0711));
	TRY(mknod("d/n1", S_IFREG | 0600, 0));
	TRY(mknod("d/null", S_IFIFO | 0600, 0));
	TRY(rename("d/n1", "d/n2"));
	TRY(link("d/n2", "n3"));
	TRY(symlink("to \xff nowhere", "n4"));
	TRY(unlink("n4"));
	TRY(dir = open("d", O_RDONLY | O_DIRECTORY));
	TRY(renameat2(dir, "n2", AT_FDCWD, "n5", RENAME_NOREPLACE));
	TRY(unlinkat(dir, "null", 0));
	TRY(mkdirat(dir, "sub", 0700));
	TRY(unlinkat(dir, "sub", AT_REMOVEDIR));
	TRY(symlinkat("t", dir, "s"));
	TRY(unlink("d/s"));
	TRY(rmdir("d"));
	TRY(unlink("n3"));
	TRY(unlink("n5"));
	return 0;
}

static void each_call_on_names_is_one_change(void **state)
{
	static const struct change want[] = {
		{ WIRE_OP_MKDIR, "d", NULL, 0711, 0, 0 },
		{ WIRE_OP_MKNOD, "d/n1", NULL, S_IFREG | 0600, 0, 0 },
		{ WIRE_OP_MKNOD, "d/null", NULL, S_IFIFO | 0600, 0, 0 },
		{ WIRE_OP_RENAME, "d/n1", "d/n2", 0, 0, 0 },
		{ WIRE_OP_LINK, "d/n2", "n3", 0, 0, 0 },
		{ WIRE_OP_SYMLINK, "n4", "to \xff nowhere", 0, 0, 0 },
		{ WIRE_OP_UNLINK, "n4", NULL, 0, 0, 0 },
		{ WIRE_OP_RENAME, "d/n2", "n5", 0, 0, 0 },
		{ WIRE_OP_UNLINK, "d/null", NULL, 0, 0, 0 },
		{ WIRE_OP_MKDIR, "d/sub", NULL, 0700, 0, 0 },
		{ WIRE_OP_RMDIR, "d/sub", NULL, 0, 0, 0 },
		{ WIRE_OP_SYMLINK, "d/s", "t", 0, 0, 0 },
		{ WIRE_OP_UNLINK, "d/s", NULL, 0, 0, 0 },
		{ WIRE_OP_RMDIR, "d", NULL, 0, 0, 0 },
		{ WIRE_OP_UNLINK, "n3", NULL, 0, 0, 0 },
		{ WIRE_OP_UNLINK, "n5", NULL, 0, 0, 0 },
	};
	struct seen *w = *state;

	RUN(w, act_each);
	assert_changes(w, ALL_OPS, want, COUNT(want));
}

static int act_identity(void *arg)
{
	(void)arg;
	TRY(chdir(work_dir()));
	TRY(rename("id", "id2"));
	TRY(unlink("id2"));
	return 0;
}

/* Where the kernel's objects are known, the file is the one that was named. */
static void the_file_is_the_one_that_had_the_name(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;
	struct stat file, dir;
	int i;

	assert_int_equal(mknod(work_path("id"), S_IFREG | 0640, 0), 0);
	assert_int_equal(stat(work_path("id"), &file), 0);
	assert_int_equal(stat(work_dir(), &dir), 0);
	RUN(w, act_identity);
	for (i = 0; i < 2; i++) {
		r = seen_write(w, i ? WIRE_OP_UNLINK : WIRE_OP_RENAME, 0);
		assert_non_null(r);
		assert_int_equal(r->file.ino,
				 is_from_kernel(r) ? file.st_ino : dir.st_ino);
	}
}

static int act_refused(void *arg)
{
	(void)arg;
	TRY(chdir(work_dir()));
	REFUSED(unlink("not there"));
	REFUSED(rename("not there", "b"));
	REFUSED(rmdir("full"));
	REFUSED(mkdir("full", 0700));
	REFUSED(link("full/f", "full/f"));
	REFUSED(symlink("x", "full/f"));
	REFUSED(mknod("full", S_IFREG, 0));
	REFUSED(rename("empty", "full"));
	REFUSED(unlink("full"));
	REFUSED(rmdir("full/f"));
	REFUSED(chmod("not there", 0600));
	REFUSED(truncate("not there", 0));
	/* Two names of one file: POSIX has rename do nothing. */
	TRY(rename("full/f", "full/g"));
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 92;
	REFUSED(unlink("full/f"));
	REFUSED(rename("full/f", "full/h"));
	REFUSED(mkdir("full/d", 0700));
	REFUSED(chmod("full/f", 0777));
	REFUSED(chown("full/f", 65534, 65534));
	REFUSED(truncate("full/f", 0));
	return 0;
}

/*
 * System calls cannot tell that the rename of two names of one file did
 * nothing; whoever has the kernel's objects can.
 */
static void what_is_refused_is_no_change(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	assert_int_equal(mkdir(work_path("full"), 0755), 0);
	assert_int_equal(mkdir(work_path("empty"), 0755), 0);
	assert_int_equal(mknod(work_path("full/f"), S_IFREG | 0644, 0), 0);
	assert_int_equal(link(work_path("full/f"), work_path("full/g")), 0);
	RUN(w, act_refused);
	r = seen_nth(w, WIRE_WRITE, 0);
	if (r && !is_from_kernel(r)) {
		assert_int_equal(r->op, WIRE_OP_RENAME);
		r = seen_nth(w, WIRE_WRITE, 1);
	}
	assert_null(r);
}

static int act_exchange(void *arg)
{
	(void)arg;
	TRY(chdir(work_dir()));
	TRY(renameat2(AT_FDCWD, "ex1", AT_FDCWD, "ex2", RENAME_EXCHANGE));
	TRY(rename("ex1", "ex2"));
	TRY(rename("ex2", "ex3"));
	return 0;
}

static void exchange_is_told_from_renaming_over(void **state)
{
	static const struct change want[] = {
		{ WIRE_OP_RENAME, "ex1", "ex2", 0, 0, WIRE_WRITE_EXCHANGE },
		{ WIRE_OP_RENAME, "ex1", "ex2", 0, 0, 0 },
		{ WIRE_OP_RENAME, "ex2", "ex3", 0, 0, 0 },
	};
	struct seen *w = *state;

	assert_int_equal(mknod(work_path("ex1"), S_IFREG | 0644, 0), 0);
	assert_int_equal(mknod(work_path("ex2"), S_IFREG | 0644, 0), 0);
	RUN(w, act_exchange);
	assert_changes(w, ALL_OPS, want, COUNT(want));
}

static int act_open_makes(void *arg)
{
	int fd;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(fd = open("om1", O_WRONLY | O_CREAT, 0600));
	TRY(close(fd));
	TRY(fd = open("om2", O_RDONLY | O_CREAT, 0600));
	TRY(mkdir("om3", 0700));
	return 0;
}

/* open(2) asks the same hook as mknod(2), and is none. */
static void a_file_made_by_open_is_no_mknod(void **state)
{
	struct seen *w = *state;

	RUN(w, act_open_makes);
	assert_int_equal(seen_writes(w, WIRE_OP_MKNOD), 0);
	assert_int_equal(seen_writes(w, WIRE_OP_MKDIR), 1);
	/* One of them for reading only: the name is new all the same. */
	assert_int_equal(seen_writes(w, WIRE_OP_OPEN), 2);
}

static int act_attributes(void *arg)
{
	int fd;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(chmod("at", 0751));
	TRY(chown("at", 12, 34));
	TRY(lchown("at", -1, 35));
	TRY(chmod("at", 06755));
	TRY(chown("at", 13, -1)); /* takes the setuid bit away as well */
	TRY(truncate("at", 5));
	TRY(fd = open("at", O_RDONLY));
	TRY(fchmod(fd, 0700));
	TRY(fchown(fd, 1, 2));
	TRY(utimensat(AT_FDCWD, "at", NULL, 0));
	return 0;
}

static void attributes_are_changes_once_each(void **state)
{
	static const struct change want[] = {
		{ WIRE_OP_CHMOD, "at", NULL, 0751, 0, 0 },
		{ WIRE_OP_CHOWN, "at", NULL, 12, 34, 0 },
		{ WIRE_OP_CHOWN, "at", NULL, UINT32_MAX, 35, 0 },
		{ WIRE_OP_CHMOD, "at", NULL, 06755, 0, 0 },
		{ WIRE_OP_CHOWN, "at", NULL, 13, UINT32_MAX, 0 },
		{ WIRE_OP_TRUNCATE, "at", NULL, 0, 0, 0 },
		{ WIRE_OP_CHMOD, "at", NULL, 0700, 0, 0 },
		{ WIRE_OP_CHOWN, "at", NULL, 1, 2, 0 },
	};
	struct seen *w = *state;

	assert_int_equal(mknod(work_path("at"), S_IFREG | 0644, 0), 0);
	RUN(w, act_attributes);
	assert_changes(w, ALL_OPS, want, COUNT(want));
}

static int setup(void **state)
{
	(void)work_dir();
	return seen_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_on_names_is_one_change),
		cmocka_unit_test(the_file_is_the_one_that_had_the_name),
		cmocka_unit_test(what_is_refused_is_no_change),
		cmocka_unit_test(exchange_is_told_from_renaming_over),
		cmocka_unit_test(a_file_made_by_open_is_no_mknod),
		cmocka_unit_test(attributes_are_changes_once_each),
	};

	return cmocka_run_group_tests_name("write_names", tests, setup,
					   seen_teardown);
}
