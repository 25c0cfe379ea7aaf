/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which backend serves: the one that was asked for or an error that says why,
 * and for each kind of program the answer of the running kernel.
 */
#include "harness.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sense/backend_try.h"
#include "sense/kernel_btf.h"
#include "sense/probes.h"

static struct sensor_settings settings(enum wire_family family,
				       enum wire_backend force)
{
	struct sensor_settings s = {
		.ring_bytes = 256u << 10,
		.window_ms = 1000,
	};

	s.force[family] = (uint8_t)force;
	return s;
}

/* Rows of this family that this backend serves, and that another one does. */
static void count_rows(const struct sensor *s, const char *family,
		       const char *backend, size_t ret[static 2])
{
	struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t i, n = sensor_coverage(s, rows);

	ret[0] = ret[1] = 0;
	for (i = 0; i < n; i++)
		if (rows[i].active && strcmp(rows[i].family, family) == 0)
			ret[strcmp(rows[i].backend, backend) != 0]++;
}

static void what_was_asked_for_serves(void **state)
{
	static const enum wire_family families[] = { WIRE_FAM_EXEC,
						     WIRE_FAM_WRITE };
	char what[256] = "";
	struct sensor *s;
	size_t i, rows[2];

	(void)state;
	for (i = 0; i < 2; i++) {
		struct sensor_settings set =
			settings(families[i], WIRE_BACKEND_RAW_TP);

		assert_int_equal(sensor_open(&set, &s, what), 0);
		count_rows(s, sense_family_name(families[i]), "raw_tp", rows);
		sensor_close(s);
		assert_true(rows[0] > 0);
		/* Hooks that make no events may use what they like. */
		assert_true(rows[1] <= 1);
	}
}

static void what_no_hook_of_a_family_has_is_an_error(void **state)
{
	struct sensor_settings set =
		settings(WIRE_FAM_EXEC, WIRE_BACKEND_CGROUP);
	int fds = open_fds();
	char what[256] = "";
	struct sensor *s;

	(void)state;
	assert_int_equal(sensor_open(&set, &s, what), -ENOTSUP);
	assert_non_null(strstr(what, "no usable hook for exec"));
	assert_non_null(strstr(what, "no program for cgroup"));
	assert_int_equal(open_fds(), fds);
}

static void the_kernel_is_asked_about_each_kind(void **state)
{
	static const enum wire_backend kinds[] = { WIRE_BACKEND_LSM,
						   WIRE_BACKEND_FENTRY,
						   WIRE_BACKEND_KPROBE };
	struct btf *kernel = kernel_btf_open();
	char why[120], begins[16];
	int fds, r;
	size_t i;

	(void)state;
	assert_non_null(kernel);
	fds = open_fds();
	for (i = 0; i < 3; i++) {
		*why = '\0';
		r = backend_try(kinds[i], kernel, why);
		print_message("%s: %s\n", sense_backend_name(kinds[i]),
			      r ? why : "works");
		(void)snprintf(begins, sizeof(begins),
			       "%s: ", sense_backend_name(kinds[i]));
		assert_true(r <= 0);
		assert_int_equal(r < 0,
				 strncmp(why, begins, strlen(begins)) == 0);
	}
	assert_int_equal(open_fds(), fds);
	btf__free(kernel);
}

static void what_this_kernel_does_not_have_is_not_found(void **state)
{
	struct btf *kernel = kernel_btf_open();

	(void)state;
	assert_true(kernel_btf_target(kernel, "fentry/do_exit") > 0);
	assert_true(kernel_btf_target(kernel, "fexit/do_exit") > 0);
	assert_true(kernel_btf_target(kernel, "lsm/file_open") > 0);
	assert_true(kernel_btf_target(kernel, "lsm.s/file_open") > 0);
	assert_true(kernel_btf_target(kernel, "tp_btf/sched_process_exit") > 0);
	assert_int_equal(kernel_btf_target(kernel, "fentry/no_such_call"), 0);
	assert_int_equal(kernel_btf_target(kernel, "lsm/no_such_hook"), 0);
	assert_int_equal(kernel_btf_target(kernel, "tp_btf/do_exit"), 0);
	assert_int_equal(kernel_btf_target(kernel, "kprobe/no_such_call"),
			 -ENOTSUP);
	assert_int_equal(kernel_btf_target(kernel, "cgroup/connect4"),
			 -ENOTSUP);
	btf__free(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_asked_for_serves),
		cmocka_unit_test(what_no_hook_of_a_family_has_is_an_error),
		cmocka_unit_test(the_kernel_is_asked_about_each_kind),
		cmocka_unit_test(what_this_kernel_does_not_have_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
