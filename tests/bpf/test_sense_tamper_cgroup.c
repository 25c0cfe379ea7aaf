// SPDX-License-Identifier: Apache-2.0
/*
 * Picket, which here is this test, moved into another cgroup and frozen there,
 * by its child.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forced.h"
#include "tampered.h"

#define NAMED "name=picket-test"

/* Who is moved, in the unified hierarchy or in what is mounted at `top`. */
struct deed {
	pid_t target;
	bool is_mounted;
	bool by_thread; /* the file of threads, as version 1 has it */
};

/* work_path()'s buffers are few. */
static char top[256], upper[300], lower[300];

static int move(pid_t pid, const char *dir, const char *file)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	return write_in(dir, file, number);
}

static int mount_unified(void)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("none", top, "cgroup2", 0, NULL);
}

/* Two, the one in the other. */
static int make_cgroups(bool is_mounted)
{
	if (!is_mounted && mount_unified() < 0)
		return -1;
	return mkdir(upper, 0755) < 0 ? -1 : mkdir(lower, 0755);
}

static int remove_cgroups(void)
{
	return rmdir(lower) | rmdir(upper);
}

static int act_move(void *arg)
{
	const struct deed *d = arg;
	int r;

	if (make_cgroups(d->is_mounted) < 0)
		return 1;
	r = move(d->target, lower, d->by_thread ? "tasks" : "cgroup.procs");
	if (move(d->target, top, "cgroup.procs") < 0)
		return 2;
	if (remove_cgroups() < 0)
		return 3;
	return r < 0 ? 4 : 0;
}

/* The hierarchy's number, as the kernel says it of those who run. */
static unsigned hierarchy_of(const char *name)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	unsigned number, found = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, name) && sscanf(line, "%u:", &number) == 1)
			found = number;
	if (f)
		(void)fclose(f);
	return found;
}

static void check_move(const struct seen *w, size_t n, pid_t target,
		       const char *path)
{
	const struct wire_tamper *r = tamper_nth(w, WIRE_TAMPER_MOVE, n);

	assert_int_equal(w->status, 0);
	assert_non_null(r);
	assert_int_equal(r->hdr.tgid, w->child);
	assert_int_equal(r->flags, WIRE_TAMPER_SELF);
	assert_int_equal(r->target_tgid, target);
	assert_true(r->target_start_ns > 0);
	assert_str(r, r->cgroup, path);
}

static const char *below_top(const char *dir)
{
	return dir + strlen(top);
}

static void picket_moved_to_another_cgroup_is_told(void **state)
{
	struct deed d = { .target = getpid() };

	assert_true(seen_row(*state, "picket moved to another cgroup").active);
	seen_run(*state, act_move, &d);
	check_move(*state, 0, getpid(), below_top(lower));
	assert_int_equal(tamper_nth(*state, WIRE_TAMPER_MOVE, 0)->hierarchy, 0);
	check_move(*state, 1, getpid(), "/");
	assert_null(tamper_nth(*state, WIRE_TAMPER_MOVE, 2));
}

/* Its own freezer and shares are each hierarchy's. */
static void in_version_1_it_is_told_with_the_hierarchy(void **state)
{
	struct deed d = { .target = getpid(), .is_mounted = true };
	unsigned number;
	int i;

	if (mount("none", top, "cgroup", 0, "none," NAMED) < 0) {
		print_message("no hierarchy of version 1: %s\n",
			      strerrordesc_np(errno));
		skip();
	}
	number = hierarchy_of(NAMED);
	for (i = 0; i < 2; i++) {
		d.by_thread = i;
		seen_run(*state, act_move, &d);
		check_move(*state, 0, getpid(), below_top(lower));
		assert_int_equal(
			tamper_nth(*state, WIRE_TAMPER_MOVE, 0)->hierarchy,
			number);
		check_move(*state, 1, getpid(), "/");
		assert_null(tamper_nth(*state, WIRE_TAMPER_MOVE, 2));
	}
	assert_true(number > 0);
	assert_int_equal(umount(top), 0);
}

/* Thawed and put back, whatever became of it. */
static int act_freeze(void *arg)
{
	const struct deed *d = arg;
	int r = 0;

	if (make_cgroups(false) < 0)
		return 1;
	if (move(d->target, lower, "cgroup.procs") < 0 ||
	    write_in(upper, "cgroup.freeze", "1") < 0)
		r = 4;
	if (write_in(upper, "cgroup.freeze", "0") < 0)
		return 5;
	if (move(d->target, top, "cgroup.procs") < 0)
		return 2;
	if (remove_cgroups() < 0)
		return 3;
	return r;
}

static void check_freeze(const struct seen *w, pid_t target)
{
	const struct wire_tamper *r = tamper_only(w, WIRE_TAMPER_FREEZE);

	assert_int_equal(r->flags, WIRE_TAMPER_SELF);
	assert_int_equal(r->target_tgid, target);
	assert_true(r->target_start_ns > 0);
	assert_str(r, r->cgroup, below_top(lower));
	assert_int_equal(r->hierarchy, 0);
}

static void picket_frozen_by_a_cgroup_above_its_own_is_told(void **state)
{
	struct sensor_row row = seen_row(*state, "picket's cgroup frozen");
	struct deed d = { .target = getpid() };

	assert_true(row.active);
	assert_non_null(strstr(row.reason, "version 1's freezer"));
	seen_run(*state, act_freeze, &d);
	check_freeze(*state, getpid());
}

/* Itself, and one that is nobody's: as one that is moved, and as one frozen. */
static int act_on_others(void *arg)
{
	struct deed d = { .target = fork() };
	int r, status;

	(void)arg;
	if (!d.target)
		for (;;)
			(void)pause();
	r = act_freeze(&d);
	if (!r && (mkdir(upper, 0755) < 0 ||
		   move(getpid(), upper, "cgroup.procs") < 0 ||
		   move(getpid(), top, "cgroup.procs") < 0 || rmdir(upper) < 0))
		r = 6;
	if (kill(d.target, SIGKILL) < 0 ||
	    waitpid(d.target, &status, 0) != d.target)
		return 7;
	return r;
}

static void others_moved_and_frozen_are_not(void **state)
{
	struct seen *w = *state;

	seen_run(w, act_on_others, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_TAMPER), 0);
}

static int act_nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void nor_is_picket_that_moves_itself(void **state)
{
	struct seen *w = *state;
	int r;

	assert_int_equal(mount("none", top, "cgroup2", 0, NULL), 0);
	assert_int_equal(mkdir(upper, 0755), 0);
	/* What is done before the child is there. */
	w->keep_all = true;
	r = move(getpid(), upper, "cgroup.procs");
	assert_int_equal(move(getpid(), top, "cgroup.procs"), 0);
	seen_run(w, act_nothing, NULL);
	w->keep_all = false;
	assert_int_equal(rmdir(upper), 0);
	assert_int_equal(umount(top), 0);
	assert_int_equal(r, 0);
	assert_int_equal(seen_count(w, WIRE_TAMPER), 0);
}

static void a_helper_of_pickets_is_picket(void **state)
{
	struct sensor_settings s = {
		.ring_bytes = 1u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
	};
	struct deed d = { .target = fork() };
	struct seen *w = NULL;
	char what[256];
	int status;

	(void)state;
	if (!d.target)
		for (;;)
			(void)pause();
	/* Not in the first place: that which is gone leaves no hole. */
	s.mates[1] = (uint32_t)d.target;
	forced_by_env(s.force);
	assert_int_equal(seen_try(&s, &w, what), 0);
	seen_run(w, act_freeze, &d);
	assert_int_equal(kill(d.target, SIGKILL), 0);
	assert_int_equal(waitpid(d.target, &status, 0), d.target);
	check_move(w, 0, d.target, below_top(lower));
	check_freeze(w, d.target);
	seen_close(w);
}

static int setup(void **state)
{
	(void)snprintf(top, sizeof(top), "%s/cgroups", work_dir());
	(void)snprintf(upper, sizeof(upper), "%s/picket-test-%d", top,
		       getpid());
	(void)snprintf(lower, sizeof(lower), "%s/picket-test-%d/below", top,
		       getpid());
	return mkdir(top, 0700) < 0 ? -1 : seen_setup(state);
}

/* A test that failed may have left its hierarchy there. */
static int teardown(void **state)
{
	(void)umount(top);
	return seen_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picket_moved_to_another_cgroup_is_told),
		cmocka_unit_test(in_version_1_it_is_told_with_the_hierarchy),
		cmocka_unit_test(
			picket_frozen_by_a_cgroup_above_its_own_is_told),
		cmocka_unit_test(others_moved_and_frozen_are_not),
		cmocka_unit_test(nor_is_picket_that_moves_itself),
		cmocka_unit_test(a_helper_of_pickets_is_picket),
	};

	return cmocka_run_group_tests_name("tamper cgroup", tests, setup,
					   teardown);
}
