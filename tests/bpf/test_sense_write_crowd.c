/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change that waits in the kernel, while so many others begin one of theirs
 * that what is known of the first finds no room any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "change.h"
#include "fuse_server.h"

/*
 * What the kernel's maps have room for, thrice: each entry is spared once. That
 * is 2048, and 128 for each processor (agent/sense/load.c).
 */
#define CROWD_MAX 65536
#define BATCH	  128
#define ROOM	  (2048 + BATCH * get_nprocs_conf())
#define CROWD	  (ROOM < CROWD_MAX / 3 ? 3 * ROOM : CROWD_MAX)

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

static pthread_t crowd[CROWD_MAX];
static pid_t numbers[CROWD_MAX]; /* their threads */

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

static int begin_thread(int n, void *(*fn)(void *), void *arg)
{
	pthread_attr_t small;

	(void)pthread_attr_init(&small);
	(void)pthread_attr_setstacksize(&small, 64 << 10);
	return pthread_create(&crowd[n], &small, fn, arg) ? -1 : 0;
}

/* One after the other, or all at once: how many are still there. */
static int gather(bool stays)
{
	int i, n = 0;

	for (i = 0; i < CROWD; i++) {
		if (begin_thread(n, make_file, crowd) < 0)
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

/* By another process, which is to be ended; the other end of its gate, or -1. */
static int serve(pid_t *ret_server)
{
	int server, gate[2];
	pid_t pid;

	server = fuse_mount(work_path("fs"));
	if (server < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, gate) < 0)
		return -1;
	pid = fork();
	if (!pid)
		_exit(fuse_serve(server, gate[1]));
	(void)close(server);
	(void)close(gate[1]);
	*ret_server = pid;
	return pid < 0 ? -1 : gate[0];
}

static int with_server(int (*act)(int gate, const void *arg), const void *arg)
{
	pid_t server;
	int r, gate;

	if (enter_mounts() < 0 || (gate = serve(&server)) < 0)
		return CANNOT;
	r = act(gate, arg);
	TRY(umount2(work_path("fs"), DETACH));
	(void)kill(server, SIGKILL);
	TRY(waitpid(server, NULL, 0));
	return r;
}

static int while_one_waits(int gate, const void *arg)
{
	TRY(mount("full", work_path("full"), "tmpfs", 0, "nr_inodes=1"));
	return crowd_while_one_waits(gate, *(const bool *)arg);
}

static int act_crowd(void *arg)
{
	return with_server(while_one_waits, arg);
}

static bool has_server(const struct seen *w)
{
	if (WEXITSTATUS(w->status) == CANNOT)
		return false;
	assert_int_equal(w->status, 0);
	return true;
}

static bool is_crowded(struct seen *w, bool stays)
{
	(void)snprintf(removed, sizeof(removed), "%s",
		       work_path("fs/" FUSE_FILE));
	(void)snprintf(made, sizeof(made), "%s", work_path("full/x"));
	(void)mkdir(work_path("fs"), 0755);
	(void)mkdir(work_path("full"), 0755);
	seen_run(w, act_crowd, &stays);
	return has_server(w);
}

static void what_waits_while_a_crowd_goes_by_is_told(void **state)
{
	struct seen *w = *state;

	if (!is_crowded(w, false))
		return;
	assert_int_equal(seen_writes(w, WIRE_OP_UNLINK), 1);
	assert_string_equal(told_path(seen_write(w, WIRE_OP_UNLINK, 0)),
			    removed);
}

/* Of what has failed nothing is left, though who tried is still there. */
static void what_waits_in_a_crowd_that_failed_is_told(void **state)
{
	struct seen *w = *state;

	if (!is_crowded(w, true))
		return;
	assert_int_equal(seen_writes(w, WIRE_OP_UNLINK), 1);
	assert_string_equal(told_path(seen_write(w, WIRE_OP_UNLINK, 0)),
			    removed);
}

/* ---- all of them wait ------------------------------------------------------ */

/* Their own, as long as calls last. */
static char changed[CROWD_MAX][64];

static void *change_mode(void *arg)
{
	int n = (int)((char(*)[64])arg - changed);

	numbers[n] = gettid();
	(void)atomic_fetch_add(&arrived, 1);
	return chmod(arg, 0600) < 0 ? NULL : arg;
}

/* Not ready to run: then it waits, and for nothing else than in its call. */
static bool waits(pid_t thread)
{
	char path[64], text[512] = "", *end;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	(void)close(fd);
	end = strrchr(text, ')');
	return end && end[1] && end[2] != 'R';
}

static void until_all_wait(int n)
{
	int i;

	while (atomic_load(&arrived) < n)
		(void)usleep(1000);
	for (i = 0; i < n; i++)
		while (!waits(numbers[i]))
			(void)usleep(1000);
}

/* One after the other; of the first it was said that it waits. */
static int let_go(int gate, int n)
{
	char byte = 0;

	while (n--) {
		TRY(write(gate, &byte, 1));
		if (n)
			TRY(read(gate, &byte, 1));
	}
	return 0;
}

static int change_together(int gate, const void *arg)
{
	int i, n = CROWD, files = *(const int *)arg;
	char byte;

	for (i = 0; i < n; i++) {
		(void)snprintf(changed[i], sizeof(changed[i]), "%s/%d",
			       work_path("fs"), files > 1 ? i : 0);
		TRY(access(changed[i], F_OK));
	}
	for (i = 0; i < n; i++)
		TRY(begin_thread(i, change_mode, changed[i]));
	TRY(read(gate, &byte, 1));
	until_all_wait(n);
	TRY(let_go(gate, n));
	TRY(join((size_t)n));
	return 0;
}

static int act_together(void *arg)
{
	return with_server(change_together, arg);
}

static void is_told_or_counted(struct seen *w, int files)
{
	struct wire_counters before = seen_counters(w, WIRE_FAM_WRITE), after;
	uint64_t missed = sensor_missed(w->sensor, WIRE_FAM_WRITE);
	size_t told, sum;

	(void)mkdir(work_path("fs"), 0755);
	seen_run(w, act_together, &files);
	if (!has_server(w))
		return;
	after = seen_counters(w, WIRE_FAM_WRITE);
	told = seen_writes(w, WIRE_OP_CHMOD);
	assert_true(told > 0);
	sum = told + after.lost - before.lost;
	assert_true(sum <= (size_t)CROWD);
	/* Where threads preempt each other within the kernel. */
	missed = sensor_missed(w->sensor, WIRE_FAM_WRITE) - missed;
	print_message("# told %zu, lost %zu, runs missed %zu\n", told,
		      sum - told, (size_t)missed);
	assert_true(sum + missed >= (size_t)CROWD);
}

/* Each its own file: what is known of those that came first finds no room. */
static void a_crowd_that_waits_is_told_or_counted(void **state)
{
	is_told_or_counted(*state, CROWD);
}

/*
 * All the same file, so that each but the first waits before the kernel asks
 * whether it may: the mount that it asked for finds no room.
 */
static void a_crowd_before_one_file_is_told_or_counted(void **state)
{
	is_told_or_counted(*state, 1);
}

/* ---- beside them ------------------------------------------------------------ */

/* More than a kretprobe sees at once, see KRETPROBE_FULL (agent/sense/probes.h). */
#define WAITING (16 + 4 * get_nprocs_conf())

static void *remove_attribute(void *arg)
{
	int n = (int)((char(*)[64])arg - changed);

	numbers[n] = gettid();
	(void)atomic_fetch_add(&arrived, 1);
	return removexattr(arg, "trusted.a") < 0 ? NULL : arg;
}

/* While each of the kernel's functions is waited in. */
static int change_beside(void)
{
	const struct utimbuf times = { 1, 2 };
	int fd;

	TRY(chdir(work_dir()));
	TRY(fd = open("beside", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	TRY(ftruncate(fd, 2));
	TRY(close(fd));
	TRY(fd = open("beside1", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	TRY(chmod("beside", 0601));
	TRY(chown("beside", 1, 2));
	TRY(truncate("beside1", 3));
	TRY(utime("beside", &times));
	TRY(setxattr("beside", "trusted.a", "b", 1, 0));
	TRY(removexattr("beside", "trusted.a"));
	TRY(rename("beside", "beside2"));
	TRY(link("beside2", "beside3"));
	TRY(symlink("beside3", "beside4"));
	TRY(mknod("beside5", S_IFIFO | 0600, 0));
	TRY(mkdir("beside6", 0700));
	TRY(unlink("beside2"));
	TRY(rmdir("beside6"));
	return close(fd);
}

static int wait_beside(int gate, const void *arg)
{
	int i, n = 2 * WAITING, r;
	char byte;

	(void)arg;
	for (i = 0; i < n; i++) {
		(void)snprintf(changed[i], sizeof(changed[i]), "%s/%d",
			       work_path("fs"), i / 2);
		TRY(access(changed[i], F_OK));
	}
	for (i = 0; i < n; i++)
		TRY(begin_thread(i, i % 2 ? change_mode : remove_attribute,
				 changed[i]));
	TRY(read(gate, &byte, 1));
	until_all_wait(n);
	r = change_beside();
	TRY(let_go(gate, n));
	TRY(join((size_t)n));
	return r;
}

static int act_beside(void *arg)
{
	return with_server(wait_beside, arg);
}

static size_t told_beside(const struct seen *w, enum wire_write_op op)
{
	const struct wire_write *r;
	size_t i, n = 0;

	for (i = 0; (r = seen_write(w, op, i)); i++)
		n += strstr(told_path(r), "/beside") != NULL;
	return n;
}

static void what_is_done_while_others_wait_is_told(void **state)
{
	static const struct {
		enum wire_write_op op;
		size_t times;
	} want[] = {
		{ WIRE_OP_CHMOD, 1 },	{ WIRE_OP_CHOWN, 1 },
		{ WIRE_OP_UTIME, 1 },	{ WIRE_OP_XATTR, 2 },
		{ WIRE_OP_RENAME, 1 },	{ WIRE_OP_LINK, 1 },
		{ WIRE_OP_SYMLINK, 1 }, { WIRE_OP_MKNOD, 1 },
		{ WIRE_OP_MKDIR, 1 },	{ WIRE_OP_UNLINK, 1 },
		{ WIRE_OP_RMDIR, 1 },
	};
	struct seen *w = *state;
	struct wire_counters before = seen_counters(w, WIRE_FAM_WRITE), after;
	size_t i;

	(void)mkdir(work_path("fs"), 0755);
	seen_run(w, act_beside, NULL);
	if (!has_server(w))
		return;
	for (i = 0; i < sizeof(want) / sizeof(*want); i++)
		if (told_beside(w, want[i].op) != want[i].times)
			fail_msg("operation %d: told %zu times", want[i].op,
				 told_beside(w, want[i].op));
	assert_int_equal(seen_writes(w, WIRE_OP_CHMOD), WAITING + 1);
	if (seen_write(w, WIRE_OP_CHMOD, 0)->flags & WIRE_WRITE_SUBMITTED)
		assert_said(w, "mode, owner, size, times",
			    "told whether done or not");
	/* Nothing comes behind ftruncate(2) but its thread's next change. */
	after = seen_counters(w, WIRE_FAM_WRITE);
	assert_int_equal(
		told_beside(w, WIRE_OP_TRUNCATE) + after.lost - before.lost, 2);
}

/* ---- the last processor ---------------------------------------------------- */

static int change_on_each(const char *file)
{
	cpu_set_t all, one;
	int cpu;

	TRY(sched_getaffinity(0, sizeof(all), &all));
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		TRY(sched_setaffinity(0, sizeof(one), &one));
		TRY(chmod(file, 0600));
	}
	return 0;
}

/*
 * Each processor has begun a change before: it keeps entries for its next ones.
 * Then two wait at once on the last.
 */
static int change_everywhere(int gate, const void *arg)
{
	char byte;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		(void)snprintf(changed[i], sizeof(changed[i]), "%s/%d",
			       work_path("fs"), i);
		TRY(access(changed[i], F_OK));
	}
	TRY(change_on_each(work_path("plain")));
	for (i = 0; i < 2; i++) {
		TRY(begin_thread(i, change_mode, changed[i]));
		while (atomic_load(&arrived) <= i || !waits(numbers[i]))
			(void)usleep(1000);
	}
	TRY(read(gate, &byte, 1));
	TRY(let_go(gate, 2));
	TRY(join(2));
	return 0;
}

static int act_everywhere(void *arg)
{
	return with_server(change_everywhere, arg);
}

static void the_last_processor_has_room_as_the_first(void **state)
{
	struct seen *w = *state;
	size_t i, n = 0;

	(void)mkdir(work_path("fs"), 0755);
	assert_int_equal(copy_file("/bin/true", work_path("plain")), 0);
	seen_run(w, act_everywhere, NULL);
	if (!has_server(w))
		return;
	for (i = 0; i < seen_writes(w, WIRE_OP_CHMOD); i++)
		n += strstr(told_path(seen_write(w, WIRE_OP_CHMOD, i)),
			    "/fs/") != NULL;
	assert_int_equal(n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_while_a_crowd_goes_by_is_told),
		cmocka_unit_test(what_waits_in_a_crowd_that_failed_is_told),
		cmocka_unit_test(a_crowd_that_waits_is_told_or_counted),
		cmocka_unit_test(a_crowd_before_one_file_is_told_or_counted),
		cmocka_unit_test(what_is_done_while_others_wait_is_told),
		cmocka_unit_test(the_last_processor_has_room_as_the_first),
	};

	return cmocka_run_group_tests_name("write crowd", tests, seen_setup,
					   seen_teardown);
}
