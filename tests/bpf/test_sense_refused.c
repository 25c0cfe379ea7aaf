/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that the kernel refuses costs its own hook and nothing else, also
 * where two that go together are refused at once, one to each of the threads
 * that load. Here it is this program that refuses, in the place of libc.
 */
#include "harness.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "sense/sensor.h"

/* As the kernel has them, which keeps fifteen bytes of a name; NULL: none. */
static const char *const *refused;

static bool is_refused(const union bpf_attr *attr)
{
	const char *const *name;

	for (name = refused; name && *name; name++)
		if (strcmp(attr->prog_name, *name) == 0)
			return true;
	return false;
}

long syscall(long number, ...);

long syscall(long number, ...)
{
	long (*next)(long, ...) =
		(long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long arg[6];
	va_list args;
	size_t i;

	va_start(args, number);
	for (i = 0; i < 6; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_bpf && arg[0] == BPF_PROG_LOAD &&
	    is_refused((const union bpf_attr *)arg[1])) {
		errno = EINVAL;
		return -1;
	}
	return next(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

static size_t open_rows(const char *const *without,
			struct sensor_row rows[static SENSOR_ROWS_MAX])
{
	const struct sensor_settings settings = {
		.ring_bytes = 256u << 10,
		.window_ms = 1000,
	};
	char what[256] = "";
	struct sensor *s;
	size_t n;
	int r;

	refused = without;
	r = sensor_open(&settings, &s, what);
	refused = NULL;
	if (r < 0)
		fail_msg("%s", what);
	n = sensor_coverage(s, rows);
	sensor_close(s);
	return n;
}

/* Without what is tried first of each kind, there are tracepoints. */
#define KINDS "picket_try"

static void what_goes_together_is_refused_to_both_threads(void **state)
{
	static const char *const kinds[] = { KINDS, NULL };
	static const char *const uring[] = { KINDS, "uring_submit_tp",
					     "uring_submit_ol",
					     "uring_complete_", NULL };
	static struct sensor_row whole[SENSOR_ROWS_MAX], rows[SENSOR_ROWS_MAX];
	size_t n = open_rows(kinds, whole), i, lost = 0, had = 0;

	(void)state;
	assert_int_equal(open_rows(uring, rows), n);
	for (i = 0; i < n; i++) {
		had += whole[i].active &&
		       strcmp(whole[i].hook, "changes through io_uring") == 0;
		if (rows[i].active == whole[i].active)
			continue;
		assert_string_equal(rows[i].hook, "changes through io_uring");
		assert_non_null(strstr(rows[i].reason, "not loaded"));
		lost++;
	}
	/* On 5.10 it is not there to be lost. */
	assert_int_equal(lost, had);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_together_is_refused_to_both_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
