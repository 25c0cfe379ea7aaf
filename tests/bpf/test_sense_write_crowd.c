/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change that waits in the kernel, while so many others begin one of theirs
 * that what is known of the first finds no room any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "change.h"
#include "fuse_server.h"

/* What the kernel's map has room for, thrice: it spares each entry once. */
#define CROWD (3 * 2048)

#define DETACH 2

/* Of their own, as long as calls last: by some backends names are callers'. */
static char removed[4096], made[4096];

/* Gives back what it was given, if it came out as it should. */
static void *remove_file(void *arg)
{
	return unlink(removed) < 0 ? NULL : arg;
}

/* Held while a crowd is to stay; how many of it have come. */
static pthread_mutex_t staying = PTHREAD_MUTEX_INITIALIZER;
static atomic_int arrived;

/* The same. Nothing is made, for want of inodes: that is found out late. */
static void *make_file(void *arg)
{
	int fd = open(made, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	if (fd >= 0 || errno != ENOSPC)
		arg = NULL;
	(void)atomic_fetch_add(&arrived, 1);
	(void)pthread_mutex_lock(&staying);
	(void)pthread_mutex_unlock(&staying);
	return arg;
}

static pthread_t crowd[CROWD];

/* To their ends: 0, or -1 if one did not come out as it should. */
static int join(size_t n)
{
	int r = 0;
	void *did;

	while (n--)
		if (pthread_join(crowd[n], &did) || !did)
			r = -1;
	return r;
}

/* One after the other, or all at once: how many are still there. */
static int gather(bool stays)
{
	pthread_attr_t small;
	int i, n = 0;

	(void)pthread_attr_init(&small);
	(void)pthread_attr_setstacksize(&small, 64 << 10);
	for (i = 0; i < CROWD; i++) {
		if (pthread_create(&crowd[n], &small, make_file, crowd))
			return -1;
		n++;
		if (!stays && join((size_t)n--) < 0)
			return -1;
	}
	while (atomic_load(&arrived) < CROWD)
		(void)usleep(1000);
	return n;
}

static int crowd_while_one_waits(int gate, bool stays)
{
	pthread_t thread;
	char byte;
	void *did;
	int n;

	if (pthread_create(&thread, NULL, remove_file, &byte))
		return 92;
	TRY(read(gate, &byte, 1));
	if (stays)
		(void)pthread_mutex_lock(&staying);
	TRY(n = gather(stays));
	TRY(write(gate, &byte, 1));
	if (pthread_join(thread, &did) || did != &byte)
		return 93;
	if (stays)
		(void)pthread_mutex_unlock(&staying);
	TRY(join((size_t)n));
	return 0;
}

static int act_crowd(void *arg)
{
	int r, server, gate[2];
	pid_t pid;

	if (enter_mounts() < 0 || (server = fuse_mount(work_path("fs"))) < 0)
		return CANNOT;
	TRY(mount("full", work_path("full"), "tmpfs", 0, "nr_inodes=1"));
	TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, gate));
	TRY(pid = fork());
	if (!pid)
		_exit(fuse_serve(server, gate[1]));
	(void)close(server);
	r = crowd_while_one_waits(gate[0], *(bool *)arg);
	TRY(umount2(work_path("fs"), DETACH));
	(void)kill(pid, SIGKILL);
	TRY(waitpid(pid, NULL, 0));
	return r;
}

static bool is_crowded(struct seen *w, bool stays)
{
	(void)snprintf(removed, sizeof(removed), "%s",
		       work_path("fs/" FUSE_FILE));
	(void)snprintf(made, sizeof(made), "%s", work_path("full/x"));
	(void)mkdir(work_path("fs"), 0755);
	(void)mkdir(work_path("full"), 0755);
	seen_run(w, act_crowd, &stays);
	if (WEXITSTATUS(w->status) == CANNOT)
		return false;
	assert_int_equal(w->status, 0);
	return true;
}

/* Of those that are gone nothing is left. */
static void what_waits_while_a_crowd_goes_by_is_told(void **state)
{
	struct seen *w = *state;

	if (!is_crowded(w, false))
		return;
	assert_int_equal(seen_writes(w, WIRE_OP_UNLINK), 1);
	assert_string_equal(told_path(seen_write(w, WIRE_OP_UNLINK, 0)),
			    removed);
}

static void what_waits_in_a_crowd_is_told_or_said(void **state)
{
	struct seen *w = *state;

	if (!is_crowded(w, true))
		return;
	if (seen_writes(w, WIRE_OP_UNLINK) == 0)
		assert_said(w, "unlink", "while thousands of threads");
	else
		assert_string_equal(told_path(seen_write(w, WIRE_OP_UNLINK, 0)),
				    removed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_while_a_crowd_goes_by_is_told),
		cmocka_unit_test(what_waits_in_a_crowd_is_told_or_said),
	};

	return cmocka_run_group_tests_name("write crowd", tests, seen_setup,
					   seen_teardown);
}
