// SPDX-License-Identifier: Apache-2.0
/*
 * Pseudo files that say how much of the machine somebody may have, or that he is
 * to be ended first: they are told of picket, which here is this test, of its
 * cgroup and those above that, and of nobody else.
 */
#include "change.h"
#include "forced.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a controller that asks for nothing else, and that nothing is taken by. */
#define CONTROLLER "pids"
#define LIMIT_FILE "pids.max"
#define SWITCHES   "cgroup.subtree_control"

/* work_path()'s buffers are few. */
static char top[256], upper[300], lower[320], beside[320];
static bool is_version_2, was_switched_on;

static int move(pid_t pid, const char *dir)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	return write_in(dir, "cgroup.procs", number);
}

/* The machine's own root may have it on already, and then keeps it. */
static bool is_switched_on(void)
{
	char path[512], line[256] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/" SWITCHES, top);
	f = fopen(path, "re");
	if (!f)
		return false;
	(void)!fgets(line, sizeof(line), f);
	(void)fclose(f);
	return strstr(line, CONTROLLER);
}

/* In whichever hierarchy the controller is: of version 2, or a mount of 1. */
static int mount_hierarchy(void)
{
	if (enter_mounts() < 0)
		return -1;
	if (mount("none", top, "cgroup2", 0, NULL) == 0) {
		is_version_2 = true;
		was_switched_on = is_switched_on();
		if (write_in(top, SWITCHES, "+" CONTROLLER) == 0)
			return 0;
		is_version_2 = false;
		(void)umount(top);
	}
	return mount("none", top, "cgroup", 0, CONTROLLER);
}

/* Where a process is in it, as a directory of ours; 0, or -1. */
static int find_cgroup(pid_t pid, char out[static 512])
{
	char name[64], line[512], *path;
	int r = -1;
	FILE *f;

	(void)snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	f = fopen(name, "re");
	while (f && r < 0 && fgets(line, sizeof(line), f)) {
		path = strchr(line, '/');
		if (!path ||
		    !strstr(line, is_version_2 ? "0::/" : ":" CONTROLLER ":"))
			continue;
		path[strcspn(path, "\n")] = '\0';
		r = snprintf(out, 512, "%s%s", top, path) < 512 ? 0 : -1;
	}
	if (f)
		(void)fclose(f);
	return r;
}

static int make_cgroups(void)
{
	if (mount_hierarchy() < 0)
		return CANNOT;
	TRY(mkdir(upper, 0755));
	/* Version 1 has no such file. */
	(void)write_in(upper, SWITCHES, "+" CONTROLLER);
	TRY(mkdir(lower, 0755));
	TRY(mkdir(beside, 0755));
	return 0;
}

static int act_limit(void *arg)
{
	const pid_t *picket = arg;
	int r = make_cgroups(), wrong;
	char home[512];

	if (r)
		return r;
	TRY(find_cgroup(*picket, home));
	wrong = move(*picket, lower) < 0 ||
		write_in(lower, LIMIT_FILE, "max") < 0 ||
		write_in(upper, LIMIT_FILE, "max") < 0 ||
		write_in(beside, LIMIT_FILE, "max") < 0;
	r = move(*picket, home);
	TRY(rmdir(beside));
	TRY(rmdir(lower));
	TRY(rmdir(upper));
	if (is_version_2 && !was_switched_on)
		TRY(write_in(top, SWITCHES, "-" CONTROLLER));
	return r || wrong ? 92 : 0;
}

static bool is_told(const struct seen *w, const char *dir, const char *file)
{
	const struct wire_write *r;
	char path[512];
	size_t i;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	for (i = 0; (r = seen_write(w, WIRE_OP_WRITE, i)); i++)
		if (strcmp(told_path(r), path) == 0)
			return true;
	return false;
}

static void run_limit(struct seen *w, pid_t picket)
{
	seen_run(w, act_limit, &picket);
	if (WEXITSTATUS(w->status) == CANNOT) {
		print_message("no hierarchy with " CONTROLLER ": %s\n",
			      strerrordesc_np(errno));
		skip();
	}
	assert_int_equal(w->status, 0);
}

static void what_slows_picket_is_told_and_nobody_elses(void **state)
{
	struct seen *w = *state;

	run_limit(w, getpid());
	assert_true(is_told(w, lower, LIMIT_FILE));
	assert_true(is_told(w, upper, LIMIT_FILE));
	assert_false(is_told(w, beside, LIMIT_FILE));
	assert_false(is_told(w, lower, "cgroup.procs"));
}

static void a_helper_of_pickets_is_slowed_as_picket(void **state)
{
	struct sensor_settings s = {
		.ring_bytes = 1u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
	};
	pid_t helper = fork();
	struct seen *w = NULL;
	char what[256];
	int status;

	(void)state;
	if (!helper)
		for (;;)
			(void)pause();
	/* Not in the first place: that which is gone leaves no hole. */
	s.mates[1] = (uint32_t)helper;
	forced_by_env(s.force);
	assert_int_equal(seen_try(&s, &w, what), 0);
	run_limit(w, helper);
	assert_int_equal(kill(helper, SIGKILL), 0);
	assert_int_equal(waitpid(helper, &status, 0), helper);
	assert_true(is_told(w, lower, LIMIT_FILE));
	assert_true(is_told(w, upper, LIMIT_FILE));
	assert_false(is_told(w, beside, LIMIT_FILE));
	seen_close(w);
}

static int act_prefer(void *arg)
{
	char dir[64];

	(void)arg;
	(void)snprintf(dir, sizeof(dir), "/proc/%d", (int)getppid());
	TRY(write_in(dir, "oom_score_adj", "0"));
	TRY(write_in("/proc/self", "oom_score_adj", "0"));
	return 0;
}

static void who_is_ended_first_is_told_of_picket_alone(void **state)
{
	char dir[64];
	struct seen *w = *state;

	seen_run(w, act_prefer, NULL);
	assert_int_equal(w->status, 0);
	(void)snprintf(dir, sizeof(dir), "/proc/%d", (int)getpid());
	assert_true(is_told(w, dir, "oom_score_adj"));
	(void)snprintf(dir, sizeof(dir), "/proc/%u", w->child);
	assert_false(is_told(w, dir, "oom_score_adj"));
}

static int setup(void **state)
{
	(void)snprintf(top, sizeof(top), "%s/cgroups", work_dir());
	(void)snprintf(upper, sizeof(upper), "%s/picket-test-%d", top,
		       getpid());
	(void)snprintf(lower, sizeof(lower), "%s/below", upper);
	(void)snprintf(beside, sizeof(beside), "%s/beside", upper);
	return mkdir(top, 0700) < 0 ? -1 : seen_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_slows_picket_is_told_and_nobody_elses),
		cmocka_unit_test(a_helper_of_pickets_is_slowed_as_picket),
		cmocka_unit_test(who_is_ended_first_is_told_of_picket_alone),
	};

	return cmocka_run_group_tests_name("write picket", tests, setup,
					   seen_teardown);
}
