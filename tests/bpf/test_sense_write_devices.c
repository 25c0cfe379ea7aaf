/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes to what is no file of a plain file system, on whatever backend
 * speaks: a device, blocks that files share, the memory of a process.
 */
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int act_loop(void *arg)
{
	char *device = arg;
	int control, loop, file, n;

	control = open("/dev/loop-control", O_RDWR);
	if (control < 0)
		return CANNOT;
	TRY(file = open(work_path("disk"), O_RDWR));
	/* Somebody else may be quicker. */
	do {
		n = ioctl(control, LOOP_CTL_GET_FREE);
		(void)snprintf(device, 32, "/dev/loop%d", n);
		loop = n < 0 ? -1 : open(device, O_RDWR);
		if (loop < 0)
			return CANNOT;
	} while (ioctl(loop, LOOP_SET_FD, file) < 0 && errno == EBUSY);
	n = pwrite(loop, "x", 1, 512) != 1 || fsync(loop) < 0;
	(void)ioctl(loop, LOOP_CLR_FD, 0);
	return n ? 95 : 0;
}

static void a_loop_device_is_a_file_like_any(void **state)
{
	const struct wire_write *r = NULL;
	struct seen *w = *state;
	char zero[64] = "";
	int fd, i;

	fd = open(work_path("disk"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	(void)close(fd);
	seen_run(w, act_loop, zero);
	if (WEXITSTATUS(w->status) == CANNOT) {
		print_message("# loop devices: not on this machine\n");
		return;
	}
	assert_int_equal(w->status, 0);
	for (i = 0; i < 2; i++) {
		r = seen_write(w, i ? WIRE_OP_WRITE : WIRE_OP_OPEN, i ? 0 : 1);
		assert_non_null(r);
		assert_int_equal(strncmp(told_path(r), "/dev/loop", 9), 0);
		assert_int_equal(r->file.mode & S_IFMT, S_IFBLK);
	}
	assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 1);
}

static int quietly(const char *const *words)
{
	int status;
	pid_t pid;

	TRY(pid = fork());
	if (!pid) {
		(void)close(1);
		(void)close(2);
		(void)execvp(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	TRY(waitpid(pid, &status, 0));
	return status ? -1 : 0;
}

/* A file system that shares blocks, on a file; in a namespace of our own. */
static int set_up_clones(void)
{
	const char *const make_it[] = { "mkfs.btrfs", "-q", work_path("blocks"),
					NULL };
	const char *const mount_it[] = {
		"mount", "-o", "loop", work_path("blocks"), work_path("clones"),
		NULL
	};

	if (quietly(make_it) < 0 || enter_mounts() < 0)
		return -1;
	return quietly(mount_it);
}

static int act_clones(void *arg)
{
	struct file_clone_range part = { .src_length = 4096 };
	char block[8192] = { 1 };
	int from, to;

	(void)arg;
	if (set_up_clones() < 0)
		return CANNOT;
	TRY(chdir(work_path("clones")));
	TRY(from = open("from", O_RDWR | O_CREAT, 0600));
	TRY(write(from, block, sizeof(block)));
	TRY(to = open("whole", O_WRONLY | O_CREAT, 0600));
	TRY(ioctl(to, FICLONE, from));
	TRY(to = open("part", O_WRONLY | O_CREAT, 0600));
	part.src_fd = from;
	TRY(ioctl(to, FICLONERANGE, &part));
	/* A copy that the file system makes a clone of. */
	TRY(to = open("copy", O_WRONLY | O_CREAT, 0600));
	TRY(lseek(from, 0, SEEK_SET));
	TRY(copy_file_range(from, NULL, to, NULL, sizeof(block), 0));
	return 0;
}

static void shared_blocks_are_writes(void **state)
{
	static const char *const names[] = { "from", "whole", "part", "copy" };
	const struct wire_write *r;
	struct seen *w = *state;
	char path[4096];
	size_t i, k, n;
	int fd;

	fd = open(work_path("blocks"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 256 << 20), 0);
	(void)close(fd);
	assert_int_equal(mkdir(work_path("clones"), 0755), 0);
	if (!can_run(w, act_clones, "a file system with clones"))
		return;
	for (k = 0; k < COUNT(names); k++) {
		(void)snprintf(path, sizeof(path), "%s/%s", work_path("clones"),
			       names[k]);
		for (i = n = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++)
			n += r->op == WIRE_OP_WRITE &&
			     strcmp(told_path(r), path) == 0;
		assert_int_equal(n, 1);
	}
}

static int act_memory(void *arg)
{
	static char target[8] = "before";
	char name[40];
	pid_t pid;
	int fd, r;

	(void)arg;
	TRY(pid = fork());
	if (!pid) {
		(void)pause();
		_exit(0);
	}
	(void)snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	fd = open(name, O_RDWR);
	r = fd < 0 || pwrite(fd, "after", 6, (off_t)(uintptr_t)target) != 6;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return r ? 95 : 0;
}

static void memory_of_a_process_is_told(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;
	int i;

	assert_true(can_run(w, act_memory, "/proc/PID/mem"));
	for (i = 0; i < 2; i++) {
		r = seen_write(w, i ? WIRE_OP_WRITE : WIRE_OP_OPEN, 0);
		assert_non_null(r);
		assert_int_equal(strncmp(told_path(r), "/proc/", 6), 0);
		assert_string_equal(strrchr(told_path(r), '/'), "/mem");
	}
	assert_int_equal(seen_count(w, WIRE_WRITE), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loop_device_is_a_file_like_any),
		cmocka_unit_test(shared_blocks_are_writes),
		cmocka_unit_test(memory_of_a_process_is_told),
	};

	return cmocka_run_group_tests_name("write_devices", tests, seen_setup,
					   seen_teardown);
}
