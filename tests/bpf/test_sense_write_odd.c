/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files reached by odd ways, on whatever backend speaks: links, handles, files
 * without a name, files that lose it, mounts over mounts, an overlay.
 */
#include "change.h"
#include "wide_call.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t inode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void make(const char *name)
{
	assert_int_equal(mknod(work_path(name), S_IFREG | 0644, 0), 0);
}

static int act_hard_link(void *arg)
{
	int fd;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(link("hl", "alias"));
	TRY(fd = open("alias", O_WRONLY));
	TRY(write(fd, "x", 1));
	return 0;
}

static void a_hard_link_is_the_same_file(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	make("hl");
	assert_true(can_run(w, act_hard_link, "link"));
	r = seen_write(w, WIRE_OP_LINK, 0);
	assert_string_equal(told_path(r), work_path("hl"));
	assert_string_equal(told_path2(r), work_path("alias"));
	r = seen_write(w, WIRE_OP_WRITE, 0);
	assert_string_equal(told_path(r), work_path("alias"));
	assert_int_equal(r->file.ino, inode_of(work_path("hl")));
	assert_int_equal(seen_count(w, WIRE_WRITE), 3);
}

static int act_tmpfile(void *arg)
{
	char name[40];
	int fd;

	(void)arg;
	fd = open(work_dir(), O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		return CANNOT;
	TRY(write(fd, "x", 1));
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	TRY(linkat(AT_FDCWD, name, AT_FDCWD, work_path("named"),
		   AT_SYMLINK_FOLLOW));
	return 0;
}

static void a_file_without_a_name_gets_one(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;
	uint64_t ino;

	if (!can_run(w, act_tmpfile, "O_TMPFILE"))
		return;
	ino = inode_of(work_path("named"));
	assert_int_equal(seen_write(w, WIRE_OP_OPEN, 0)->file.ino, ino);
	assert_int_equal(seen_write(w, WIRE_OP_WRITE, 0)->file.ino, ino);
	r = seen_write(w, WIRE_OP_LINK, 0);
	assert_string_equal(told_path2(r), work_path("named"));
	if (is_from_kernel(r))
		assert_int_equal(r->file.ino, ino);
	assert_int_equal(seen_count(w, WIRE_WRITE), 3);
}

static int act_handle(void *arg)
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = { .handle = { .handle_bytes = MAX_HANDLE_SZ } };
	int fd, mount_id, dir;

	(void)arg;
	TRY(dir = open(work_dir(), O_RDONLY | O_DIRECTORY));
	if (name_to_handle_at(dir, "byhandle", &h.handle, &mount_id, 0) < 0)
		return CANNOT;
	TRY(fd = open_by_handle_at(dir, &h.handle, O_WRONLY | O_TRUNC));
	return 0;
}

static void opening_by_handle_is_an_opening(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	make("byhandle");
	if (!can_run(w, act_handle, "open_by_handle_at"))
		return;
	assert_int_equal(seen_count(w, WIRE_WRITE), 1);
	r = seen_write(w, WIRE_OP_OPEN, 0);
	assert_string_equal(told_path(r), work_path("byhandle"));
	assert_int_equal(r->flags, WIRE_WRITE_TRUNC);
}

static int act_lost_names(void *arg)
{
	int gone, moved;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(gone = open("gone", O_WRONLY | O_CREAT, 0600));
	TRY(moved = open("moved", O_WRONLY | O_CREAT, 0600));
	TRY(unlink("gone"));
	TRY(rename("moved", "moved2"));
	TRY(write(gone, "x", 1));
	TRY(write(moved, "x", 1));
	return 0;
}

static void names_are_those_of_the_moment(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	assert_true(can_run(w, act_lost_names, "unlink"));
	assert_int_equal(seen_count(w, WIRE_WRITE), 6);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	assert_string_equal(told_path(r), work_path("gone"));
	assert_int_equal(r->path.flags, WIRE_PATH_DELETED);
	assert_int_equal(r->file.nlink, 0);
	r = seen_write(w, WIRE_OP_WRITE, 1);
	assert_path(r, &r->path, work_path("moved2"));
}

static int act_mounted_over(void *arg)
{
	int fd;

	(void)arg;
	if (enter_mounts() < 0)
		return CANNOT;
	TRY(mount(work_path("under"), work_path("over"), NULL, MS_BIND, NULL));
	TRY(fd = open(work_path("over/f"), O_WRONLY));
	TRY(write(fd, "x", 1));
	return 0;
}

static void a_mount_over_hides_no_file(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	assert_int_equal(mkdir(work_path("under"), 0755), 0);
	assert_int_equal(mkdir(work_path("over"), 0755), 0);
	make("under/f");
	make("over/f");
	if (!can_run(w, act_mounted_over, "bind mounts"))
		return;
	assert_int_equal(seen_count(w, WIRE_WRITE), 2);
	r = seen_write(w, WIRE_OP_WRITE, 0);
	assert_path(r, &r->path, work_path("over/f"));
	assert_int_equal(r->path.tail, strlen("/f"));
	assert_int_equal(r->file.ino, inode_of(work_path("under/f")));
	/* The way below the file system's root, whatever that is. */
	assert_true(r->path.prefix.len >= strlen("/under"));
	assert_memory_equal((const char *)r + r->path.prefix.off +
				    r->path.prefix.len - strlen("/under"),
			    "/under", strlen("/under"));
}

static int set_up_overlay(void)
{
	const char *const dirs[] = { "ov/lower", "ov/upper", "ov/temp",
				     "ov/all" };
	char options[3 * PATH_MAX];
	size_t i;

	if (enter_mounts() < 0 ||
	    mount("tmpfs", work_path("ov"), "tmpfs", 0, NULL) < 0)
		return -1;
	for (i = 0; i < COUNT(dirs); i++)
		if (mkdir(work_path(dirs[i]), 0755) < 0)
			return -1;
	if (mknod(work_path("ov/lower/old"), S_IFREG | 0644, 0) < 0 ||
	    mknod(work_path("ov/lower/attr"), S_IFREG | 0644, 0) < 0)
		return -1;
	(void)snprintf(options, sizeof(options),
		       "lowerdir=%s,upperdir=%s,workdir=%s",
		       work_path("ov/lower"), work_path("ov/upper"),
		       work_path("ov/temp"));
	return mount("overlay", work_path("ov/all"), "overlay", 0, options);
}

static int act_overlay(void *arg)
{
	int fd;

	(void)arg;
	if (set_up_overlay() < 0)
		return CANNOT;
	TRY(chdir(work_path("ov/all")));
	TRY(fd = open("old", O_WRONLY));
	TRY(write(fd, "x", 1));
	TRY(chmod("attr", 0600));
	TRY(chown("attr", 1, 2));
	TRY(setxattr("attr", "trusted.a", "b", 1, 0));
	TRY(mkdir("dir", 0755));
	TRY(rename("old", "dir/new"));
	TRY(link("dir/new", "dir/link"));
	TRY(symlink("x", "dir/sym"));
	TRY(mknod("dir/fifo", S_IFIFO | 0600, 0));
	TRY(fd = open("dir/made", O_WRONLY | O_CREAT, 0600));
	TRY(unlink("dir/new"));
	TRY(unlink("attr"));
	REFUSED(rmdir("dir"));
	return 0;
}

/*
 * What the overlay does to its layers meanwhile (copying up, whiteouts, its
 * own attributes) is nobody's change.
 */
static void an_overlay_tells_once_and_by_its_own_names(void **state)
{
	static const enum wire_write_op ops[] = {
		WIRE_OP_OPEN,	 WIRE_OP_WRITE, WIRE_OP_CHMOD,	WIRE_OP_CHOWN,
		WIRE_OP_XATTR,	 WIRE_OP_MKDIR, WIRE_OP_RENAME, WIRE_OP_LINK,
		WIRE_OP_SYMLINK, WIRE_OP_MKNOD, WIRE_OP_OPEN,	WIRE_OP_UNLINK,
		WIRE_OP_UNLINK,
	};
	const struct wire_write *r;
	struct seen *w = *state;
	size_t i, n = 0, all = strlen(work_path("ov/all"));

	assert_int_equal(mkdir(work_path("ov"), 0755), 0);
	if (!can_run(w, act_overlay, "overlay"))
		return;
	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++) {
		assert_null(strstr(told_path(r), "ov/upper/"));
		assert_null(strstr(told_path(r), "ov/temp/"));
		if (strncmp(told_path(r), work_path("ov/all"), all) != 0 ||
		    !told_path(r)[all])
			continue;
		assert_true(n < COUNT(ops));
		if (r->op != ops[n])
			print_error("%zu: op %u of %s\n", n, r->op,
				    told_path(r));
		assert_int_equal(r->op, ops[n]);
		n++;
	}
	assert_int_equal(n, COUNT(ops));
}

/* The first file of each of two file systems, in one overlay. */
static int set_up_twins(void)
{
	const char *const systems[] = { "tw/one", "tw/two", "tw/three" };
	char options[4 * PATH_MAX];
	size_t i;

	if (enter_mounts() < 0 ||
	    mount("tmpfs", work_path("tw"), "tmpfs", 0, NULL) < 0 ||
	    mkdir(work_path("tw/all"), 0755) < 0)
		return -1;
	for (i = 0; i < COUNT(systems); i++)
		if (mkdir(work_path(systems[i]), 0755) < 0 ||
		    mount("tmpfs", work_path(systems[i]), "tmpfs", 0, NULL) < 0)
			return -1;
	if (mknod(work_path("tw/one/decoy"), S_IFREG | 0644, 0) < 0 ||
	    mknod(work_path("tw/two/meant"), S_IFREG | 0644, 0) < 0 ||
	    mkdir(work_path("tw/three/upper"), 0755) < 0 ||
	    mkdir(work_path("tw/three/temp"), 0755) < 0)
		return -1;
	(void)snprintf(options, sizeof(options),
		       "lowerdir=%s:%s,upperdir=%s,workdir=%s,xino=off",
		       work_path("tw/one"), work_path("tw/two"),
		       work_path("tw/three/upper"), work_path("tw/three/temp"));
	return mount("overlay", work_path("tw/all"), "overlay", 0, options);
}

static int act_twins(void *arg)
{
	const char *const names[] = { "decoy", "meant" };
	size_t i;
	int fd;

	(void)arg;
	if (set_up_twins() < 0)
		return CANNOT;
	TRY(chdir(work_path("tw/all")));
	for (i = 0; i < COUNT(names); i++) {
		TRY(fd = open(names[i], O_WRONLY));
		TRY(write(fd, "x", 1));
	}
	return 0;
}

static size_t told_of(const struct seen *w, const char *path)
{
	const struct wire_write *r;
	size_t i, n = 0;

	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++)
		n += strcmp(told_path(r), path) == 0;
	return n;
}

static void a_file_hides_behind_none_of_its_number(void **state)
{
	struct seen *w = *state;

	assert_int_equal(mkdir(work_path("tw"), 0755), 0);
	if (!can_run(w, act_twins, "overlay over several file systems"))
		return;
	assert_int_equal(told_of(w, work_path("tw/all/decoy")), 2);
	assert_int_equal(told_of(w, work_path("tw/all/meant")), 2);
}

static int act_by_wide_numbers(void *arg)
{
	long fd;

	(void)arg;
	TRY(chdir(work_dir()));
	fd = wide_call(SYS_openat, AT_FDCWD, (intptr_t) "wide",
		       O_WRONLY | O_CREAT);
	if (fd == -ENOSYS)
		return CANNOT;
	if (fd < 0 || wide_call(SYS_write, fd, (intptr_t) "xyz", 3) != 3 ||
	    wide_call(SYS_fchmod, fd, 04711, 0) ||
	    wide_call(SYS_mkdirat, AT_FDCWD, (intptr_t) "wider", 0755) ||
	    wide_call(SYS_unlinkat, AT_FDCWD, (intptr_t) "wide", 0))
		return 93;
	return 0;
}

static void a_wide_number_hides_no_call(void **state)
{
	const enum wire_write_op ops[] = { WIRE_OP_OPEN, WIRE_OP_WRITE,
					   WIRE_OP_CHMOD, WIRE_OP_MKDIR,
					   WIRE_OP_UNLINK };
	struct seen *w = *state;
	size_t i;

	if (!can_run(w, act_by_wide_numbers, "numbers of more than 32 bits"))
		return;
	for (i = 0; i < COUNT(ops); i++)
		assert_int_equal(seen_writes(w, ops[i]), 1);
	assert_string_equal(told_path(seen_write(w, WIRE_OP_OPEN, 0)),
			    work_path("wide"));
	assert_string_equal(told_path(seen_write(w, WIRE_OP_UNLINK, 0)),
			    work_path("wide"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hard_link_is_the_same_file),
		cmocka_unit_test(a_file_without_a_name_gets_one),
		cmocka_unit_test(opening_by_handle_is_an_opening),
		cmocka_unit_test(names_are_those_of_the_moment),
		cmocka_unit_test(a_mount_over_hides_no_file),
		cmocka_unit_test(an_overlay_tells_once_and_by_its_own_names),
		cmocka_unit_test(a_file_hides_behind_none_of_its_number),
		cmocka_unit_test(a_wide_number_hides_no_call),
	};

	return cmocka_run_group_tests_name("write_odd", tests, seen_setup,
					   seen_teardown);
}
