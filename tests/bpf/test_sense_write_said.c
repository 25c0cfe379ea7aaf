/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of a file besides its content, on whatever backend speaks:
 * attributes, access lists, flags, times; and by the calls that are younger
 * than the rest and do the same.
 */
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The same number everywhere; headers may be older. */
#define NR_FCHMODAT2	 452
#define NR_SETXATTRAT	 463
#define NR_REMOVEXATTRAT 466
#define NR_FILE_GETATTR	 468
#define NR_FILE_SETATTR	 469

static void make(const char *name)
{
	assert_int_equal(mknod(work_path(name), S_IFREG | 0644, 0), 0);
}

static int act_said_of_a_file(void *arg)
{
	/* user::rw- user:1:rw- group::r-- mask::rw- other::r-- */
	static const unsigned char acl[] = {
		2,   0,	   0,	0,    0x01, 0,	 6,    0,   255, 255,  255,
		255, 0x02, 0,	6,    0,    1,	 0,    0,   0,	 0x04, 0,
		4,   0,	   255, 255,  255,  255, 0x10, 0,   6,	 0,    255,
		255, 255,  255, 0x20, 0,    4,	 0,    255, 255, 255,  255,
	};
	int fd;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(setxattr("said", "trusted.a", "b", 1, 0));
	TRY(lsetxattr("said", "trusted.a", "c", 1, XATTR_REPLACE));
	TRY(fd = open("said", O_RDONLY));
	TRY(fsetxattr(fd, "trusted.b", "b", 1, 0));
	TRY(removexattr("said", "trusted.a"));
	TRY(fremovexattr(fd, "trusted.b"));
	REFUSED(removexattr("said", "trusted.a"));
	if (setxattr("said", "system.posix_acl_access", acl, sizeof(acl), 0) <
	    0)
		return 94;
	TRY(removexattr("said", "system.posix_acl_access"));
	REFUSED(setxattr("said", "system.posix_acl_access", acl, 5, 0));
	return 0;
}

static void attributes_and_access_lists_are_told(void **state)
{
	static const struct change want = {
		WIRE_OP_XATTR, "said", NULL, 0, 0, 0
	};
	const struct wire_write *r;
	struct seen *w = *state;
	size_t i;

	make("said");
	assert_true(can_run(w, act_said_of_a_file, "xattr"));
	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++)
		assert_change(r, &want);
	assert_int_equal(i, 7);
}

static int act_chattr(void *arg)
{
	int fd, dir, flags;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(fd = open("flagged", O_RDONLY));
	TRY(dir = open("flags", O_RDONLY | O_DIRECTORY));
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return CANNOT;
	flags |= FS_NOATIME_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		return CANNOT;
	TRY(ioctl(dir, FS_IOC_SETFLAGS, &flags));
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 92;
	flags ^= FS_NODUMP_FL;
	REFUSED(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	return 0;
}

static void flags_of_files_and_directories_are_told(void **state)
{
	static const struct change want[] = {
		{ WIRE_OP_CHATTR, "flagged", NULL, 0, 0, 0 },
		{ WIRE_OP_CHATTR, "flags", NULL, 0, 0, 0 },
	};
	struct seen *w = *state;

	make("flagged");
	assert_int_equal(mkdir(work_path("flags"), 0755), 0);
	if (can_run(w, act_chattr, "chattr"))
		assert_changes(w, ALL_OPS, want, COUNT(want));
}

/* ---- times --------------------------------------------------------------- */

#define LONG_AGO 86400

static int act_times(void *arg)
{
	const struct timespec set[2] = { { LONG_AGO, 0 }, { LONG_AGO, 1 } };
	const struct timeval old[2] = { { LONG_AGO, 0 }, { LONG_AGO, 2 } };
	const struct utimbuf older = { LONG_AGO, LONG_AGO };
	int fd;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(utimensat(AT_FDCWD, "timed", set, 0));
	TRY(utimensat(AT_FDCWD, "totime", set, AT_SYMLINK_NOFOLLOW));
	TRY(fd = open("timed", O_RDONLY));
	TRY(futimens(fd, set));
	TRY(utimes("timed", old));
	TRY(futimesat(AT_FDCWD, "timed", old));
	TRY(utime("timed", &older));
	/* What is set to now, or not there, tells nothing. */
	TRY(utimensat(AT_FDCWD, "timed", NULL, 0));
	TRY(futimens(fd, NULL));
	TRY(utime("timed", NULL));
	REFUSED(utimensat(AT_FDCWD, "nothing", set, 0));
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 92;
	REFUSED(utimensat(AT_FDCWD, "timed", set, 0));
	return 0;
}

static void times_that_somebody_chose_are_told(void **state)
{
	static const struct change want[] = {
		{ WIRE_OP_UTIME, "timed", NULL, 0, 0, 0 },
		{ WIRE_OP_UTIME, "totime", NULL, 0, 0, 0 },
		{ WIRE_OP_UTIME, "timed", NULL, 0, 0, 0 },
		{ WIRE_OP_UTIME, "timed", NULL, 0, 0, 0 },
		{ WIRE_OP_UTIME, "timed", NULL, 0, 0, 0 },
		{ WIRE_OP_UTIME, "timed", NULL, 0, 0, 0 },
	};
	const struct wire_write *r;
	struct seen *w = *state;

	make("timed");
	assert_int_equal(symlink("timed", work_path("totime")), 0);
	assert_true(can_run(w, act_times, "utime"));
	assert_changes(w, ALL_OPS, want, COUNT(want));
	/* The descriptor's file is the kernel's, whoever speaks. */
	r = seen_write(w, WIRE_OP_UTIME, 2);
	assert_int_equal(r->name.len, 0);
	assert_int_equal(r->flags & WIRE_WRITE_NAME_CLAIMED, 0);
	assert_int_equal(r->file.mtime_ns, LONG_AGO * 1000000000ll + 1);
}

/* ---- calls that are younger than the rest -------------------------------- */

/* In an act: whether this kernel has the call. */
#define HAS(what) ((what) >= 0 || errno != ENOSYS)

static int act_fchmodat2(void *arg)
{
	int fd;

	(void)arg;
	TRY(chdir(work_dir()));
	if (!HAS(syscall(NR_FCHMODAT2, AT_FDCWD, "", 0, 0)))
		return CANNOT;
	TRY(fd = open("moded", O_RDONLY));
	TRY(syscall(NR_FCHMODAT2, AT_FDCWD, "moded", 0640, 0));
	TRY(syscall(NR_FCHMODAT2, AT_FDCWD, "moded", 0641,
		    AT_SYMLINK_NOFOLLOW));
	TRY(syscall(NR_FCHMODAT2, fd, "", 0642, AT_EMPTY_PATH));
	return 0;
}

static void fchmodat2_is_a_chmod(void **state)
{
	static const struct change want[] = {
		{ WIRE_OP_CHMOD, "moded", NULL, 0640, 0, 0 },
		{ WIRE_OP_CHMOD, "moded", NULL, 0641, 0, 0 },
		{ WIRE_OP_CHMOD, "moded", NULL, 0642, 0, 0 },
	};
	struct seen *w = *state;

	make("moded");
	if (can_run(w, act_fchmodat2, "fchmodat2"))
		assert_changes(w, ALL_OPS, want, COUNT(want));
}

static int act_xattrat(void *arg)
{
	/* struct xattr_args */
	struct {
		uint64_t value;
		uint32_t size;
		uint32_t flags;
	} args = { (uint64_t)(uintptr_t) "b", 1, 0 };
	int fd;

	(void)arg;
	TRY(chdir(work_dir()));
	if (!HAS(syscall(NR_REMOVEXATTRAT, AT_FDCWD, "", 0, "trusted.a")))
		return CANNOT;
	TRY(fd = open("saidat", O_RDONLY));
	TRY(syscall(NR_SETXATTRAT, AT_FDCWD, "saidat", 0, "trusted.a", &args,
		    sizeof(args)));
	TRY(syscall(NR_SETXATTRAT, fd, "", AT_EMPTY_PATH, "trusted.b", &args,
		    sizeof(args)));
	TRY(syscall(NR_REMOVEXATTRAT, AT_FDCWD, "saidat", 0, "trusted.a"));
	TRY(syscall(NR_REMOVEXATTRAT, fd, "", AT_EMPTY_PATH, "trusted.b"));
	REFUSED(syscall(NR_REMOVEXATTRAT, AT_FDCWD, "saidat", 0, "trusted.a"));
	return 0;
}

static void setxattrat_and_removexattrat_are_told(void **state)
{
	static const struct change want[] = {
		{ WIRE_OP_XATTR, "saidat", NULL, 0, 0, 0 },
		{ WIRE_OP_XATTR, "saidat", NULL, 0, 0, 0 },
		{ WIRE_OP_XATTR, "saidat", NULL, 0, 0, 0 },
		{ WIRE_OP_XATTR, "saidat", NULL, 0, 0, 0 },
	};
	struct seen *w = *state;

	make("saidat");
	if (can_run(w, act_xattrat, "setxattrat"))
		assert_changes(w, ALL_OPS, want, COUNT(want));
}

static int act_file_setattr(void *arg)
{
	/* struct file_attr */
	struct {
		uint64_t xflags;
		uint32_t extsize, nextents, projid, cowextsize;
	} attr = { 0 };

	(void)arg;
	TRY(chdir(work_dir()));
	if (syscall(NR_FILE_GETATTR, AT_FDCWD, "attred", &attr, sizeof(attr),
		    0) < 0)
		return CANNOT;
	attr.xflags |= FS_XFLAG_NOATIME;
	if (syscall(NR_FILE_SETATTR, AT_FDCWD, "attred", &attr, sizeof(attr),
		    0) < 0)
		return CANNOT;
	return 0;
}

static void file_setattr_is_a_chattr(void **state)
{
	static const struct change want = {
		WIRE_OP_CHATTR, "attred", NULL, 0, 0, 0
	};
	struct seen *w = *state;

	make("attred");
	if (!can_run(w, act_file_setattr, "file_setattr"))
		return;
	/* By its name in the coverage table: no security hook asks about it. */
	if (seen_count(w, WIRE_WRITE) == 0)
		assert_non_null(
			strstr(seen_row(w, "chattr").reason, "file_setattr"));
	else
		assert_changes(w, ALL_OPS, &want, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_and_access_lists_are_told),
		cmocka_unit_test(flags_of_files_and_directories_are_told),
		cmocka_unit_test(times_that_somebody_chose_are_told),
		cmocka_unit_test(fchmodat2_is_a_chmod),
		cmocka_unit_test(setxattrat_and_removexattrat_are_told),
		cmocka_unit_test(file_setattr_is_a_chattr),
	};

	return cmocka_run_group_tests_name("write_said", tests, seen_setup,
					   seen_teardown);
}
