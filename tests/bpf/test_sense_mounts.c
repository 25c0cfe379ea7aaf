/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files on mounts of odd kinds, on whatever backend speaks: mounts that map
 * owners, a root that another one took the place of, a file system that a
 * process serves. What is written and run there is told once, of who did it, by
 * the name that it has there.
 */
#include "change.h"
#include "fuse_server.h"
#include "tiny_program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not by <sys/mount.h>, which does not go together with the kernel's. */
int mount(const char *, const char *, const char *, unsigned long,
	  const void *);
int umount2(const char *, int);
#define DETACH 2 /* MNT_DETACH */

/* An act's child runs this. 0, or TRY's number. */
static int run_it(const char *path)
{
	char *argv[] = { (char[]){ "it" }, NULL };
	int status;
	pid_t pid;

	TRY(pid = fork());
	if (!pid) {
		(void)execv(path, argv);
		_exit(98);
	}
	TRY(waitpid(pid, &status, 0));
	return status;
}

static int write_to(const char *path)
{
	int fd;

	TRY(fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	TRY(write(fd, "xyz", 3));
	TRY(close(fd));
	return 0;
}

/* The only exec and the only writes to this name of the last run. */
static const struct wire_exec *ran(const struct seen *w, const char *path)
{
	const struct wire_exec *e = seen_nth(w, WIRE_EXEC, 0);

	assert_non_null(e);
	assert_int_equal(seen_count(w, WIRE_EXEC), 1);
	assert_path(e, &e->exe, path);
	assert_int_not_equal(e->hdr.tgid, w->child);
	assert_int_equal(e->hdr.uid, 0);
	return e;
}

static const struct wire_write *wrote(const struct seen *w,
				      enum wire_write_op op, const char *path)
{
	const struct wire_write *r, *found = NULL;
	size_t i, n = 0;

	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++) {
		if (r->op != op || strcmp(told_path(r), path) != 0)
			continue;
		found = r;
		n++;
	}
	assert_int_equal(n, 1);
	assert_int_equal(found->path.flags, 0);
	assert_int_equal(found->hdr.tgid, w->child);
	assert_int_equal(found->hdr.uid, 0);
	return found;
}

/* ---- mounts that map owners ------------------------------------------------ */

#define STORED_AS 5 /* what root's files are on the file system */

/* A user namespace in which STORED_AS is our root: its descriptor. */
static int map_of_owners(void)
{
	char path[64], map[32];
	int ready[2], fd = -1, n;
	pid_t pid;
	char c;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWUSER) == 0 && write(ready[1], "r", 1) == 1)
			(void)pause();
		_exit(0);
	}
	(void)close(ready[1]);
	if (pid < 0 || read(ready[0], &c, 1) != 1)
		return -1;
	n = snprintf(map, sizeof(map), "%d 0 1", STORED_AS);
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, map, (size_t)n) == n) {
		(void)close(fd);
		(void)snprintf(path, sizeof(path), "/proc/%d/gid_map",
			       (int)pid);
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (fd >= 0 && write(fd, map, (size_t)n) == n) {
		(void)close(fd);
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user",
			       (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(ready[0]);
	return fd;
}

static int mount_mapped(const char *from, const char *to)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	int tree, map = map_of_owners();

	if (map < 0)
		return -1;
	attr.userns_fd = (uint64_t)map;
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, from,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH,
				&attr, sizeof(attr)) < 0)
		return -1;
	return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, to,
			    MOVE_MOUNT_F_EMPTY_PATH);
}

static int act_idmapped(void *arg)
{
	struct stat st;
	int r;

	(void)arg;
	if (enter_mounts() < 0 ||
	    mount("tmpfs", work_path("im"), "tmpfs", 0, NULL) < 0)
		return CANNOT;
	TRY(mkdir(work_path("im/stored"), 0755));
	TRY(chown(work_path("im/stored"), STORED_AS, STORED_AS));
	TRY(mkdir(work_path("im/mapped"), 0755));
	TRY(tiny_program_at(work_path("im/stored/it")));
	if (mount_mapped(work_path("im/stored"), work_path("im/mapped")) < 0)
		return CANNOT;
	r = write_to(work_path("im/mapped/f"));
	if (r)
		return r;
	TRY(stat(work_path("im/mapped/f"), &st));
	if (st.st_uid != 0)
		return 92;
	TRY(stat(work_path("im/stored/f"), &st));
	if (st.st_uid != STORED_AS)
		return 93;
	return run_it(work_path("im/mapped/it"));
}

/* Who acts is who he is; the owner is whom the file system has, as for all. */
static void a_mount_that_maps_owners_is_a_mount_like_any(void **state)
{
	struct seen *w = *state;

	(void)mkdir(work_path("im"), 0755);
	if (!can_run(w, act_idmapped, "a mount that maps owners"))
		return;
	assert_int_equal(
		wrote(w, WIRE_OP_OPEN, work_path("im/mapped/f"))->file.uid,
		STORED_AS);
	assert_int_equal(
		wrote(w, WIRE_OP_WRITE, work_path("im/mapped/f"))->file.uid,
		STORED_AS);
	(void)ran(w, work_path("im/mapped/it"));
}

/* ---- another root ---------------------------------------------------------- */

static int make_root(const char *at)
{
	TRY(mount("tmpfs", at, "tmpfs", 0, NULL));
	TRY(chdir(at));
	TRY(mkdir("old", 0755));
	TRY(mkdir("d", 0755));
	TRY(tiny_program_at("it"));
	return 0;
}

/*
 * An initramfs cannot give up its place: then another root is put below it
 * first, and that one gives up its own. *ret_below: it was so.
 */
static int pivot(bool *ret_below)
{
	if (make_root(work_path("pr")))
		return -1;
	*ret_below = syscall(SYS_pivot_root, ".", "old") < 0;
	if (!*ret_below)
		return 0;
	if (chroot(".") < 0 || make_root("/d"))
		return -1;
	return (int)syscall(SYS_pivot_root, ".", "old");
}

static int act_pivot(void *arg)
{
	int held, r;

	TRY(held = open(work_path("held"), O_WRONLY | O_CREAT | O_CLOEXEC,
			0600));
	if (enter_mounts() < 0 || pivot(arg) < 0)
		return CANNOT;
	TRY(chdir("/"));
	TRY(umount2("/old", DETACH));
	r = write_to("/d/f");
	if (r)
		return r;
	TRY(rename("/d/f", "/d/g"));
	TRY(write(held, "x", 1));
	return run_it("/it");
}

/* `name` as it is called from the namespace's root. */
static const char *below(bool is_below, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "pr%s", name);
	return is_below ? work_path(path) : name;
}

static void what_is_done_below_another_root_has_its_names(void **state)
{
	bool *is_below = mmap(NULL, sizeof(bool), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct wire_write *r;
	struct seen *w = *state;
	struct stat st;
	size_t i, n = 0;

	assert_true(is_below != MAP_FAILED);
	(void)mkdir(work_path("pr"), 0755);
	seen_run(w, act_pivot, is_below);
	if (WEXITSTATUS(w->status) == CANNOT) {
		print_message("# pivot_root: not on this machine\n");
		return;
	}
	assert_int_equal(w->status, 0);
	(void)wrote(w, WIRE_OP_OPEN, below(*is_below, "/d/f"));
	(void)wrote(w, WIRE_OP_WRITE, below(*is_below, "/d/f"));
	r = wrote(w, WIRE_OP_RENAME, below(*is_below, "/d/f"));
	assert_string_equal(told_path2(r), below(*is_below, "/d/g"));
	assert_int_equal(ran(w, below(*is_below, "/it"))->exe.tail,
			 strlen("/it"));
	/* On the mount that was detached: known by its file system. */
	assert_int_equal(stat(work_path("held"), &st), 0);
	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++) {
		if (r->op != WIRE_OP_WRITE || !strstr(told_path(r), "/held"))
			continue;
		assert_int_equal(r->file.ino, st.st_ino);
		n++;
	}
	assert_int_equal(n, 1);
	(void)munmap(is_below, sizeof(bool));
}

/* ---- a file system that a process serves ----------------------------------- */

static int act_served(void *arg)
{
	int r, server;
	pid_t pid;

	(void)arg;
	if (enter_mounts() < 0 || (server = fuse_mount(work_path("fs"))) < 0)
		return CANNOT;
	TRY(pid = fork());
	if (!pid)
		_exit(fuse_serve(server, -1));
	(void)close(server);
	r = write_to(work_path("fs/" FUSE_FILE));
	if (!r)
		r = run_it(work_path("fs/" FUSE_PROGRAM));
	TRY(umount2(work_path("fs"), DETACH));
	(void)kill(pid, SIGKILL);
	TRY(waitpid(pid, NULL, 0));
	return r;
}

static void what_a_process_serves_is_a_file_like_any(void **state)
{
	struct seen *w = *state;

	(void)mkdir(work_path("fs"), 0755);
	if (!can_run(w, act_served, "a file system served by a process"))
		return;
	(void)wrote(w, WIRE_OP_OPEN, work_path("fs/" FUSE_FILE));
	assert_int_equal(
		wrote(w, WIRE_OP_WRITE, work_path("fs/" FUSE_FILE))->file.ino,
		FUSE_FILE_INO);
	assert_int_equal(ran(w, work_path("fs/" FUSE_PROGRAM))->file.ino,
			 FUSE_PROGRAM_INO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mount_that_maps_owners_is_a_mount_like_any),
		cmocka_unit_test(what_is_done_below_another_root_has_its_names),
		cmocka_unit_test(what_a_process_serves_is_a_file_like_any),
	};

	return cmocka_run_group_tests_name("mounts", tests, seen_setup,
					   seen_teardown);
}
