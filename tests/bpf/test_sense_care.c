// SPDX-License-Identifier: Apache-2.0
/*
 * Looking after what is attached, over restarts too: in a bpf file system of
 * the test's own, with the few programs that it takes.
 */
#include "harness.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forced.h"

static struct sensor_settings settings(void)
{
	return (struct sensor_settings){
		.ring_bytes = 1u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
		.pin_dir = work_path("bpf/picket"),
		.holder = "a test",
		.force = {
			[WIRE_FAM_CONNECT] = WIRE_BACKEND_CGROUP,
			[WIRE_FAM_WRITE] = SENSOR_OFF,
			[WIRE_FAM_LISTEN] = SENSOR_OFF,
			[WIRE_FAM_LOAD] = SENSOR_OFF,
			[WIRE_FAM_TAMPER] = SENSOR_OFF,
		},
	};
}

static bool open_again(struct seen **ret)
{
	const struct sensor_journal journal = { .last_seq = 0 };
	const struct sensor_settings s = settings();
	struct sensor_past past;
	char what[256] = "";

	if (seen_try(&s, ret, what) < 0) {
		print_error("sensor_open: %s\n", what);
		fail();
	}
	assert_string_equal(sensor_pin_trouble((*ret)->sensor), "");
	sensor_resume((*ret)->sensor, &journal, &past);
	return past.is_adopted;
}

/* As if it had been killed: what is pinned runs on. */
static void leave(struct seen *w)
{
	sensor_keep(w->sensor);
	seen_close(w);
}

static void end(struct seen *w)
{
	sensor_stop(w->sensor);
	seen_close(w);
}

/* ---- taken over ---------------------------------------------------------- */

static void what_was_taken_over_is_not_taken_for_put_out(void **state)
{
	struct seen *w;

	(void)state;
	assert_false(open_again(&w));
	assert_int_equal(sensor_check(w->sensor), 0);
	leave(w);
	assert_true(open_again(&w));
	assert_int_equal(sensor_check(w->sensor), 0);
	assert_true(seen_row(w, "processes made").active);
	assert_true(seen_row(w, "connect, IPv4").active);
	end(w);
}

/* In a mount namespace of our own: nothing is left, however this ends. */
static int setup(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNS) < 0 ||
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	       mkdir(work_path("bpf"), 0755) < 0 ||
	       mount("bpf", work_path("bpf"), "bpf", 0, NULL) < 0;
}

static int teardown(void **state)
{
	(void)umount2(work_path("bpf"), MNT_DETACH);
	return seen_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_taken_over_is_not_taken_for_put_out),
	};

	return cmocka_run_group_tests_name("care", tests, setup, teardown);
}
