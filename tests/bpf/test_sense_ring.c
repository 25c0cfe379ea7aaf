/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor as a whole: what it opens it closes, what it cannot see it says,
 * cgroups get names. What becomes of a flood is in test_sense_flood.c.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sense/cgroup_root.h"

#define SMALL_RING (256u << 10)

static const struct sensor_settings defaults = {
	.ring_bytes = SMALL_RING,
	.window_ms = 1000,
};

static void opening_and_closing_leaves_no_descriptor(void **state)
{
	char what[256] = "";
	struct sensor *s;
	int fds = open_fds();

	(void)state;
	assert_int_equal(sensor_open(&defaults, &s, what), 0);
	assert_true(open_fds() > fds);
	sensor_stop(s);
	sensor_close(s);
	assert_int_equal(open_fds(), fds);
}

/* Of these there is nothing to see here: no SCTP, and no file server. */
static void check_what_nothing_watches(const struct sensor_row *rows, size_t n)
{
	static const struct {
		const char *family, *what, *words;
	} spots[] = {
		{ "connect", "SCTP by sctp_connectx and sctp_bindx",
		  "not watched by this version" },
		{ "write", "names changed by the kernel's file servers",
		  "nfsd, ksmbd: no process asks" },
		{ "write", "what devices and file systems do by ioctl(2)",
		  "SCSI and NVMe commands" },
		{ "write", "files of an overlay by their names below it",
		  "has the overlay's names" },
		{ "write", "process accounting", "that acct(2) named" },
		{ "write", "pages swapped to a file", "that swapon(2) named" },
		{ "connect", "addresses that another BPF program changes",
		  "of TCP the outcome has the other" },
		{ "load", "memory attached by shmat(2) to be executed",
		  "not watched by this version" },
		{ "tamper", "picket slowed down",
		  "its priority, processors and scheduling" },
	};
	size_t i, j;

	for (i = 0; i < sizeof(spots) / sizeof(spots[0]); i++) {
		for (j = 0; j < n && strcmp(rows[j].hook, spots[i].what); j++)
			;
		assert_true(j < n);
		assert_string_equal(rows[j].family, spots[i].family);
		assert_false(rows[j].active);
		assert_non_null(strstr(rows[j].reason, spots[i].words));
		/* All of it: what has no room is cut off. */
		assert_true(strlen(rows[j].reason) + 1 <
			    sizeof(rows[j].reason));
	}
}

static void every_hook_is_in_the_coverage_table(void **state)
{
	static const char *const active[] = { "fork",	 "exec",  "exit",
					      "connect", "write", "cgroup" };
	struct sensor_row rows[SENSOR_ROWS_MAX];
	char what[256] = "";
	struct sensor *s;
	size_t n, i, j, seen;

	(void)state;
	assert_int_equal(sensor_open(&defaults, &s, what), 0);
	n = sensor_coverage(s, rows);
	for (i = 0; i < sizeof(active) / sizeof(active[0]); i++) {
		for (j = seen = 0; j < n; j++)
			seen += rows[j].active &&
				strcmp(rows[j].family, active[i]) == 0;
		assert_true(seen > 0);
	}
	for (j = 0; j < n; j++) {
		assert_true(*rows[j].hook);
		/* What is not seen says why. */
		assert_true(
			rows[j].active ||
			(*rows[j].reason && strcmp(rows[j].backend, "-") == 0));
	}
	check_what_nothing_watches(rows, n);
	sensor_close(s);
}

static int act_true(void *arg)
{
	(void)arg;
	(void)execl("/bin/true", "true", NULL);
	return 97;
}

static void forced_backend_is_the_one_that_speaks(void **state)
{
	struct sensor_settings forced = defaults;
	struct seen w = { 0 };
	char what[256] = "";

	(void)state;
	forced.force[WIRE_FAM_EXEC] = WIRE_BACKEND_RAW_TP;
	forced.force[WIRE_FAM_EXIT] = WIRE_BACKEND_RAW_TP;
	forced.force[WIRE_FAM_FORK] = WIRE_BACKEND_RAW_TP;
	forced.force[WIRE_FAM_WRITE] = WIRE_BACKEND_RAW_TP;
	assert_int_equal(sensor_open(&forced, &w.sensor, what), 0);
	seen_run(&w, act_true, NULL);
	assert_int_equal(
		((const struct wire_hdr *)seen_nth(&w, WIRE_EXEC, 0))->backend,
		WIRE_BACKEND_RAW_TP);
	assert_int_equal(
		((const struct wire_hdr *)seen_nth(&w, WIRE_EXIT, 0))->backend,
		WIRE_BACKEND_RAW_TP);
	sensor_close(w.sensor);
}

static void forced_backend_that_is_not_there_is_an_error(void **state)
{
	struct sensor_settings forced = defaults;
	int fds = open_fds();
	char what[256] = "";
	struct sensor *s;

	(void)state;
	forced.force[WIRE_FAM_EXEC] = WIRE_BACKEND_CGROUP;
	assert_int_equal(sensor_open(&forced, &s, what), -ENOTSUP);
	assert_non_null(strstr(what, "exec"));
	assert_int_equal(open_fds(), fds);
}

static void without_privileges_is_refused_in_words(void **state)
{
	char what[256] = "";
	struct sensor *s;
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(1);
		if (sensor_open(&defaults, &s, what) != -EPERM)
			_exit(2);
		_exit(strstr(what, "CAP_BPF") ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int count_two(void *arg, const void *data, size_t size)
{
	(void)data;
	(void)size;
	return ++*(int *)arg == 2 ? -11 : 0;
}

static void reading_stops_where_it_is_told(void **state)
{
	struct seen *w = seen_open(SMALL_RING, 1000);
	int n = 0, status;
	pid_t pid;

	(void)state;
	assert_non_null(w);
	pid = fork();
	if (!pid)
		_exit(act_true(NULL));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(sensor_read(w->sensor, count_two, &n, 1), 1);
	assert_int_equal(n, 1);
	assert_int_equal(sensor_read(w->sensor, count_two, &n, 100), -11);
	assert_int_equal(n, 2);
	/* The record that fn refused is gone; the third is still there. */
	n = 10;
	assert_true(sensor_read(w->sensor, count_two, &n, 1) >= 1);
	seen_close(w);
}

static int act_mkdir(void *arg)
{
	return mkdir(arg, 0755) < 0 ? 90 : 0;
}

/* As `submit` in bpf/emit.h has it. */
#define WAKE_PART (SMALL_RING / 32)

static void run_true(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(act_true(NULL));
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static uint64_t fill_of(const struct sensor *s)
{
	uint64_t used, size;

	sensor_fill(s, &used, &size);
	return used;
}

/* The kernel itself wakes only who has read everything. */
static void reader_that_is_behind_is_woken_as_the_ring_fills(void **state)
{
	struct epoll_event edge = { .events = EPOLLIN | EPOLLET };
	cleanup_close int ep = epoll_create1(EPOLL_CLOEXEC);
	struct seen *w = seen_open(SMALL_RING, 1000);
	uint64_t begin;

	(void)state;
	assert_non_null(w);
	assert_int_equal(
		epoll_ctl(ep, EPOLL_CTL_ADD, sensor_fd(w->sensor), &edge), 0);
	run_true();
	assert_int_equal(epoll_wait(ep, &edge, 1, 30000), 1);
	begin = fill_of(w->sensor);
	while (fill_of(w->sensor) < begin + 2 * (uint64_t)WAKE_PART)
		run_true();
	assert_int_equal(epoll_wait(ep, &edge, 1, 30000), 1);
	seen_close(w);
}

static void new_cgroup_is_told_with_its_name(void **state)
{
	struct seen *w = seen_open(SMALL_RING, 1000);
	cleanup_close int root = -1;
	const struct wire_cgroup *c = NULL;
	char path[256], name[64];
	struct stat st;
	size_t i;

	(void)state;
	assert_non_null(w);
	assert_int_equal(cgroup_root_open(&root), 0);
	(void)snprintf(name, sizeof(name), "/picket-test-%d", getpid());
	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d%s", getpid(), root,
		       name);
	seen_run(w, act_mkdir, path);
	assert_int_equal(w->status, 0);
	assert_int_equal(stat(path, &st), 0);
	for (i = 0; (c = seen_nth(w, WIRE_CGROUP, i)); i++)
		if (c->id == st.st_ino && c->hierarchy == 0)
			break;
	(void)rmdir(path);
	assert_non_null(c);
	assert_str(c, c->path, name);
	seen_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening_and_closing_leaves_no_descriptor),
		cmocka_unit_test(every_hook_is_in_the_coverage_table),
		cmocka_unit_test(forced_backend_is_the_one_that_speaks),
		cmocka_unit_test(forced_backend_that_is_not_there_is_an_error),
		cmocka_unit_test(without_privileges_is_refused_in_words),
		cmocka_unit_test(reading_stops_where_it_is_told),
		cmocka_unit_test(
			reader_that_is_behind_is_woken_as_the_ring_fills),
		cmocka_unit_test(new_cgroup_is_told_with_its_name),
	};
	void *none = NULL;
	int r;

	/* Made here, or each child makes one of its own. */
	(void)work_dir();
	r = cmocka_run_group_tests_name("ring", tests, NULL, NULL);
	(void)seen_teardown(&none);
	return r;
}
