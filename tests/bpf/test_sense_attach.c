/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which backend serves: the one that was asked for or an error that says why,
 * and for each kind of program the answer of the running kernel.
 */
#include "harness.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sense/backend_try.h"
#include "sense/choice.h"
#include "sense/generation.h"
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

static const struct hook *hook_of(const struct sensor_row *row)
{
	size_t i;

	for (i = 0; i < sense_hook_count; i++)
		if (row->hook == sense_hooks[i].sees)
			return &sense_hooks[i];
	return NULL;
}

static bool has_program(const struct hook *h, enum wire_backend backend)
{
	size_t i;

	for (i = 0; i < h->count; i++)
		if (h->probes[i].backend == backend)
			return true;
	return false;
}

/* Asked for and there: so it serves, unless the kernel has no such thing. */
static void check_forced(const struct sensor_row *row, enum wire_backend force)
{
	const struct hook *h = hook_of(row);
	bool is_it = strcmp(row->backend, sense_backend_name(force)) == 0;
	bool is_fine = is_it;

	if (!h)
		return;
	if (!is_it && has_program(h, force))
		is_fine = !row->active && strstr(row->reason, "has no ");
	else if (!is_it)
		is_fine = !row->active || strstr(row->reason, "no program for");
	if (!is_fine)
		fail_msg("%s asked for: '%s' is at %s (%s)",
			 sense_backend_name(force), row->hook, row->backend,
			 row->reason);
}

static void every_hook_of_a_family_has_what_was_asked_for(void **state)
{
	static const struct {
		enum wire_family family;
		enum wire_backend force;
	} asked[] = {
		{ WIRE_FAM_EXEC, WIRE_BACKEND_TP_BTF },
		{ WIRE_FAM_LISTEN, WIRE_BACKEND_CGROUP },
		{ WIRE_FAM_LISTEN, WIRE_BACKEND_RAW_TP },
		{ WIRE_FAM_LOAD, WIRE_BACKEND_RAW_TP },
		{ WIRE_FAM_CONNECT, WIRE_BACKEND_CGROUP },
		{ WIRE_FAM_TAMPER, WIRE_BACKEND_RAW_TP },
	};
	struct sensor_row rows[SENSOR_ROWS_MAX];
	char what[256] = "";
	struct sensor *s;
	size_t i, k, n;

	(void)state;
	for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct sensor_settings set =
			settings(asked[i].family, asked[i].force);

		/* unix_sockets = no is another reason to be off. */
		set.unix_sockets = true;
		if (sensor_open(&set, &s, what) < 0)
			fail_msg("%s", what);
		n = sensor_coverage(s, rows);
		for (k = 0; k < n; k++)
			if (strcmp(rows[k].family,
				   sense_family_name(asked[i].family)) == 0)
				check_forced(&rows[k], asked[i].force);
		sensor_close(s);
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
	assert_non_null(strstr(what, "exec = cgroup"));
	assert_non_null(strstr(what, "no program for"));
	assert_int_equal(open_fds(), fds);
}

static size_t hook_called(const char *sees)
{
	size_t i;

	for (i = 0; i < sense_hook_count; i++)
		if (strcmp(sense_hooks[i].sees, sees) == 0)
			return i;
	fail_msg("no hook is called '%s'", sees);
	return 0;
}

/* As though the kernel had taken this backend's program for each hook. */
static void pretend_all_serve(struct attachment *a, uint8_t backend)
{
	const struct hook *h;
	size_t i, k;

	for (i = 0; i < sense_hook_count; i++) {
		h = &sense_hooks[i];
		for (k = 0; k + 1 < h->count; k++)
			if (h->probes[k].backend == backend)
				break;
		a->hooks[i].probe = k;
		a->programs[a->program_count++].name = h->probes[k].program;
	}
}

static int check_settled(const struct choice *c, char what[static 256])
{
	attach_settle(c->a);
	return choice_check(c, what);
}

/*
 * Which no kernel here does to order: the first hook of a family has what was
 * asked for, and another one is refused it.
 */
static void one_hook_refused_what_was_asked_for_is_an_error(void **state)
{
	static struct attachment a;
	struct sensor_settings set =
		settings(WIRE_FAM_CONNECT, WIRE_BACKEND_CGROUP);
	struct choice c = { .settings = &set, .a = &a };
	struct attached *second = &a.hooks[hook_called("connect, IPv6")];
	char what[256] = "";
	size_t probe;

	(void)state;
	pretend_all_serve(&a, WIRE_BACKEND_CGROUP);
	assert_int_equal(check_settled(&c, what), 0);
	probe = second->probe;
	second->probe = sense_hooks[hook_called("connect, IPv6")].count;
	/* This kernel has no place for it: the row says so, picket runs. */
	(void)snprintf(second->reason, sizeof(second->reason), "has none");
	assert_int_equal(check_settled(&c, what), 0);
	/* It has, and said no. */
	second->refused = true;
	(void)snprintf(second->reason, sizeof(second->reason),
		       "not attached: Argument list too long");
	assert_int_equal(check_settled(&c, what), -ENOTSUP);
	assert_string_equal(what, "connect = cgroup: 'connect, IPv6': not "
				  "attached: Argument list too long");
	/* Nobody asked: then another one may serve, or none. */
	set.force[WIRE_FAM_CONNECT] = 0;
	assert_int_equal(check_settled(&c, what), 0);
	set.force[WIRE_FAM_CONNECT] = WIRE_BACKEND_CGROUP;
	second->probe = probe;
	assert_int_equal(check_settled(&c, what), 0);
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
	assert_true(kernel_btf_target(kernel, "kprobe/do_exit") > 0);
	assert_true(kernel_btf_target(kernel, "kretprobe/do_exit") > 0);
	assert_int_equal(kernel_btf_target(kernel, "kprobe/no_such_call"), 0);
	assert_true(kernel_btf_target(kernel, "raw_tp/sys_enter") > 0);
	assert_int_equal(kernel_btf_target(kernel, "raw_tp/no_such_point"), 0);
	assert_int_equal(kernel_btf_target(kernel, "cgroup/connect4"),
			 -ENOTSUP);
	btf__free(kernel);
}

static int remove_files(void **state)
{
	(void)state;
	(void)unlink(work_path("self"));
	(void)unlink(work_path("child"));
	return rmdir(work_dir());
}

static void generation_is_what_the_programs_are_made_of(void **state)
{
	static const char *const names[] = { "LD_PRELOAD", NULL };
	const struct sensor_settings plain = settings(WIRE_FAM_EXEC, 0);
	struct sensor_settings changed[4] = { plain, plain, plain, plain };
	char first[PINS_NAME_MAX], other[PINS_NAME_MAX];
	size_t i;

	(void)state;
	changed[0].ring_bytes *= 2;
	changed[1].window_ms++;
	changed[2].env_names = names;
	changed[3].force[WIRE_FAM_WRITE] = WIRE_BACKEND_RAW_TP;
	assert_int_equal(generation_name(&plain, first), 0);
	assert_true(generation_is_readable(first));
	for (i = 0; i < 4; i++) {
		assert_int_equal(generation_name(&changed[i], other), 0);
		assert_string_not_equal(first, other);
		/* Records mean the same all the while. */
		assert_true(generation_is_readable(other));
	}
	/* Who it is that reads does not matter. */
	changed[0] = plain;
	changed[0].self_tgid = 77;
	changed[0].pin_dir = "/elsewhere";
	assert_int_equal(generation_name(&changed[0], other), 0);
	assert_string_equal(first, other);
	assert_false(
		generation_is_readable("00000000deadbeef-0123456789abcdef"));
}

/* Counts writes by one thread group. */
struct writes_of {
	uint32_t tgid;
	size_t count;
};

static int count_writes(void *arg, const void *data, size_t size)
{
	const struct wire_hdr *h = data;
	struct writes_of *w = arg;

	(void)size;
	w->count += h->type == WIRE_WRITE && h->tgid == w->tgid;
	return 0;
}

static void make_file(const char *name)
{
	int fd = open(work_path(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	(void)close(fd);
}

/* How many of the writes of a child, or of this process, are told. */
static size_t told_writes(bool by_child)
{
	struct sensor_settings set = settings(WIRE_FAM_EXEC, 0);
	struct writes_of seen = { .tgid = (uint32_t)getpid() };
	char what[256] = "", c = 'g';
	struct sensor *s;
	int go[2], status;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	if (by_child)
		seen.tgid = (uint32_t)fork();
	if (!seen.tgid) {
		_exit(read(go[0], &c, 1) == 1 ? (make_file("child"), 0) : 1);
	}
	/* The child has the agent's number, and another start. */
	set.self_tgid = seen.tgid;
	assert_int_equal(sensor_open(&set, &s, what), 0);
	assert_int_equal(write(go[1], &c, 1), 1);
	if (by_child)
		assert_int_equal(waitpid((pid_t)seen.tgid, &status, 0),
				 (pid_t)seen.tgid);
	else
		make_file("self");
	sensor_stop(s);
	while (sensor_read(s, count_writes, &seen, 1000) > 0)
		;
	sensor_close(s);
	(void)close(go[0]);
	(void)close(go[1]);
	return seen.count;
}

static void only_the_agent_itself_is_not_watched(void **state)
{
	(void)state;
	assert_int_equal(told_writes(false), 0);
	assert_true(told_writes(true) > 0);
}

/* All rows of this family are off, and those of hooks say why. */
static void assert_off(const struct sensor_row *rows, size_t n,
		       const char *family)
{
	size_t i, off = 0;

	for (i = 0; i < n; i++) {
		if (strcmp(rows[i].family, family) != 0)
			continue;
		assert_false(rows[i].active);
		off += strstr(rows[i].reason, "switched off") != NULL;
	}
	assert_true(off > 0);
}

static void family_that_is_off_is_silent_and_says_so(void **state)
{
	struct sensor_settings s = settings(WIRE_FAM_LOAD, SENSOR_OFF);
	const char *begin = "descriptors swapped during a call";
	struct sensor_row rows[SENSOR_ROWS_MAX];
	struct sensor *sensor;
	char what[256] = "";
	size_t i, n, by_calls = 0, begins = 0;

	(void)state;
	s.force[WIRE_FAM_WRITE] = SENSOR_OFF;
	assert_int_equal(sensor_open(&s, &sensor, what), 0);
	n = sensor_coverage(sensor, rows);
	assert_off(rows, n, "load");
	assert_off(rows, n, "write");
	/* What sees calls begin is the others', too. */
	for (i = 0; i < n; i++) {
		if (!strcmp(rows[i].hook, begin))
			begins += rows[i].active;
		if (!strcmp(rows[i].hook, "packet sockets"))
			by_calls = !strcmp(rows[i].backend, "tp_btf") ||
				   !strcmp(rows[i].backend, "raw_tp");
	}
	assert_true(begins >= by_calls);
	sensor_close(sensor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(family_that_is_off_is_silent_and_says_so),
		cmocka_unit_test(what_was_asked_for_serves),
		cmocka_unit_test(every_hook_of_a_family_has_what_was_asked_for),
		cmocka_unit_test(what_no_hook_of_a_family_has_is_an_error),
		cmocka_unit_test(
			one_hook_refused_what_was_asked_for_is_an_error),
		cmocka_unit_test(the_kernel_is_asked_about_each_kind),
		cmocka_unit_test(what_this_kernel_does_not_have_is_not_found),
		cmocka_unit_test(generation_is_what_the_programs_are_made_of),
		cmocka_unit_test(only_the_agent_itself_is_not_watched),
	};

	return cmocka_run_group_tests(tests, NULL, remove_files);
}
