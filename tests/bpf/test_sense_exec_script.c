// SPDX-License-Identifier: Apache-2.0
/*
 * Scripts: which file it was that the kernel gave to an interpreter, by each
 * hook that can tell, and that the coverage table says so where none can.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sense/probes.h"

#define HOOK	   "files of #! scripts and the like"
#define EMPTY_PATH 0x1000 /* AT_EMPTY_PATH */

static char *const no_env[] = { NULL };

/* A file with these bytes, executable. */
static const char *make_file(const char *name, const char *bytes)
{
	const char *path = work_path(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	size_t n = strlen(bytes);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(close(fd), 0);
	return path;
}

/* Asked for before what follows, by the same process; it fails. NULL: none. */
static const char *fails_first;

/* Run in a child of the child: what does not end it may follow. */
static int spawn(const char *path)
{
	char *argv[] = { (char[]){ "s" }, NULL };
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		if (fails_first)
			(void)execve(fails_first, argv, no_env);
		(void)execve(path, argv, no_env);
		_exit(errno == ENOENT || errno == ENOEXEC ? 66 : 67);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status)
		       ? WEXITSTATUS(status)
		       : -1;
}

static int act_spawn(void *arg)
{
	return spawn(arg);
}

static bool is_told(const struct seen *w)
{
	struct sensor_row row = seen_row(w, HOOK);

	/* What cannot be seen is said. */
	if (!row.active)
		assert_true(strlen(row.reason) > 0);
	return row.active;
}

/* The record that the exec says is its script's; NULL: it says none. */
static const struct wire_script *script_of(const struct seen *w,
					   const struct wire_exec *e)
{
	const struct wire_script *s;
	size_t i;

	for (i = 0; e->script_ns && (s = seen_nth(w, WIRE_SCRIPT, i)); i++)
		if (s->hdr.time_ns == e->script_ns &&
		    s->hdr.tgid == e->hdr.tgid)
			return s;
	assert_int_equal(e->script_ns, 0);
	return NULL;
}

static const struct wire_exec *only_exec(const struct seen *w)
{
	assert_int_equal(seen_count(w, WIRE_EXEC), 1);
	return seen_nth(w, WIRE_EXEC, 0);
}

static void assert_script_is(const struct seen *w, const char *path)
{
	const struct wire_exec *e = only_exec(w);
	const struct wire_script *s = script_of(w, e);
	struct stat st;

	assert_true(e->flags & WIRE_EXEC_SCRIPT);
	if (!is_told(w)) {
		assert_null(s);
		return;
	}
	assert_non_null(s);
	assert_string_equal(sense_backend_name(s->hdr.backend),
			    seen_row(w, HOOK).backend);
	assert_path(s, &s->path, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(s->file.ino, st.st_ino);
	assert_int_equal(s->file.size, st.st_size);
	assert_int_equal(s->hdr.image + 1, e->hdr.image);
}

static void the_script_is_the_kernels_file(struct seen *w)
{
	const char *path = make_file("script", "#!/bin/sh\nexit 7\n");

	seen_run(w, act_spawn, (void *)(uintptr_t)path);
	assert_int_equal(w->status, 7 << 8);
	assert_script_is(w, path);
}

static void a_link_does_not_hide_the_script(struct seen *w)
{
	const char *path = make_file("script", "#!/bin/sh\nexit 7\n");
	const char *link = work_path("innocent");
	const struct wire_exec *e;

	(void)unlink(link);
	assert_int_equal(symlink(path, link), 0);
	seen_run(w, act_spawn, (void *)(uintptr_t)link);
	assert_script_is(w, path);
	e = only_exec(w);
	assert_str(e, e->filename, link);
}

static void a_native_program_pays_no_record(struct seen *w)
{
	seen_run(w, act_spawn, (char[]){ "/bin/true" });
	assert_int_equal(seen_count(w, WIRE_EXEC), 1);
	assert_int_equal(seen_count(w, WIRE_SCRIPT), 0);
	assert_int_equal(only_exec(w)->script_ns, 0);
}

static void the_first_of_nested_scripts_is_the_one_asked_for(struct seen *w)
{
	char line[4200];
	const char *inner = make_file("inner", "#!/bin/sh\nexit 7\n"), *outer;

	(void)snprintf(line, sizeof(line), "#!%s\n", inner);
	outer = make_file("outer", line);
	seen_run(w, act_spawn, (void *)(uintptr_t)outer);
	assert_script_is(w, outer);
}

/* Two that fail, each in another way, then a program, in one process. */
static int act_fail_then_run(void *arg)
{
	char *argv[] = { (char[]){ "s" }, NULL };

	(void)arg;
	if (execve(work_path("no-interpreter"), argv, no_env) == 0 ||
	    errno != ENOENT)
		return 98;
	if (execve(work_path("no-program"), argv, no_env) == 0 ||
	    errno != ENOEXEC)
		return 97;
	(void)execve("/bin/true", argv, no_env);
	return 96;
}

static void failed_scripts_are_no_execs_and_nobodys(struct seen *w)
{
	(void)make_file("no-interpreter", "#!/nonexistent/interpreter\n");
	(void)make_file("no-program", "this is text\n");
	seen_run(w, act_fail_then_run, NULL);
	assert_int_equal(only_exec(w)->script_ns, 0);
	assert_int_equal(only_exec(w)->flags & WIRE_EXEC_SCRIPT, 0);
	/* They were asked for, and nothing says that they ran. */
	if (is_told(w))
		assert_int_equal(seen_count(w, WIRE_SCRIPT), 2);
}

static int act_by_descriptor(void *arg)
{
	char *argv[] = { (char[]){ "s" }, NULL };
	int fd = open(arg, O_RDONLY);

	/* Not close-on-exec: the interpreter opens /dev/fd/N again. */
	(void)syscall(SYS_execveat, fd, "", argv, no_env, EMPTY_PATH);
	return 97;
}

static void a_script_by_descriptor_has_its_path(struct seen *w)
{
	const char *path = make_file("script", "#!/bin/true\n");

	seen_run(w, act_by_descriptor, (void *)(uintptr_t)path);
	assert_script_is(w, path);
	assert_true(only_exec(w)->flags & WIRE_EXEC_BY_FD);
}

static int act_memfd(void *arg)
{
	char *argv[] = { (char[]){ "s" }, NULL };
	int fd = memfd_create("thing", 0);

	(void)arg;
	if (write(fd, "#!/bin/true\n", 12) != 12)
		return 98;
	(void)syscall(SYS_execveat, fd, "", argv, no_env, EMPTY_PATH);
	return 97;
}

static void a_script_in_memory_is_told_as_such(struct seen *w)
{
	const struct wire_script *s;

	seen_run(w, act_memfd, NULL);
	s = script_of(w, only_exec(w));
	if (!is_told(w))
		return;
	assert_non_null(s);
	assert_str(s, s->path.path, "/memfd:thing");
	assert_true(s->file.flags & WIRE_FILE_MEMFD);
}

/* ---- binfmt_misc --------------------------------------------------------- */

/* By its name busybox knows what it is to be. */
static const char *interpreter(void)
{
	return work_path("interpreter/true");
}

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = (ssize_t)strlen(text);

	if (fd < 0)
		return -1;
	if (write(fd, text, (size_t)n) != n) {
		(void)close(fd);
		return -1;
	}
	return close(fd);
}

/*
 * A user namespace has a registry of its own since 6.7; before, only a guest
 * that is ours alone may change the machine's.
 */
static int register_in_namespace(const char *dir)
{
	char path[4200], line[4400];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    write_to("/proc/self/setgroups", "deny") < 0 ||
	    write_to("/proc/self/uid_map", "0 0 1") < 0 ||
	    write_to("/proc/self/gid_map", "0 0 1") < 0 ||
	    mount("binfmt_misc", dir, "binfmt_misc", 0, NULL) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/register", dir);
	(void)snprintf(line, sizeof(line),
		       ":picket:E::picket-test::%s:", interpreter());
	return write_to(path, line);
}

#define NO_NAMESPACED_REGISTRY 55

static int act_misc(void *arg)
{
	if (register_in_namespace(work_path("misc")) < 0)
		return NO_NAMESPACED_REGISTRY;
	return spawn(arg);
}

/* In a guest whose kernel is its own: the whole machine's registry. */
static int act_misc_guest(void *arg)
{
	const char *dir = work_path("misc");
	char path[4200], line[4400];
	int r;

	if (mount("binfmt_misc", dir, "binfmt_misc", 0, NULL) < 0)
		return NO_NAMESPACED_REGISTRY;
	(void)snprintf(path, sizeof(path), "%s/register", dir);
	(void)snprintf(line, sizeof(line),
		       ":picket:E::picket-test::%s:", interpreter());
	if (write_to(path, line) < 0)
		return 98;
	r = spawn(arg);
	(void)snprintf(path, sizeof(path), "%s/picket", dir);
	if (write_to(path, "-1") < 0 || umount(dir) < 0)
		return 97;
	return r;
}

/* Run this file, which the name gives to an interpreter. */
static void run_misc(struct seen *w, const char *path)
{
	(void)mkdir(work_path("misc"), 0755);
	(void)mkdir(work_path("interpreter"), 0755);
	assert_int_equal(copy_file("/bin/true", interpreter()), 0);
	seen_run(w, act_misc, (void *)(uintptr_t)path);
	if (w->status == NO_NAMESPACED_REGISTRY << 8 && getenv("PICKET_GUEST"))
		seen_run(w, act_misc_guest, (void *)(uintptr_t)path);
	if (w->status == NO_NAMESPACED_REGISTRY << 8) {
		print_message("binfmt_misc cannot be had by itself here\n");
		skip();
	}
	assert_int_equal(w->status, 0);
	assert_path(only_exec(w), &only_exec(w)->exe, interpreter());
}

static void what_binfmt_misc_interprets_is_named(struct seen *w)
{
	const char *path = make_file("data.picket-test", "not a program\n");

	run_misc(w, path);
	assert_script_is(w, path);
}

/*
 * A native program leaves before its file is told, so it must not be given
 * that of the script which the same process had tried before.
 */
static void a_native_file_for_an_interpreter_is_nobodys(struct seen *w)
{
	const char *path = work_path("native.picket-test");

	assert_int_equal(copy_file("/bin/true", path), 0);
	fails_first = make_file("fails", "#!/nonexistent/interpreter\n");
	run_misc(w, path);
	fails_first = NULL;
	assert_true(only_exec(w)->flags & WIRE_EXEC_SCRIPT);
	assert_int_equal(only_exec(w)->script_ns, 0);
	if (is_told(w))
		assert_int_equal(seen_count(w, WIRE_SCRIPT), 1);
}

/* ---- each by each hook --------------------------------------------------- */

/* NONE: what the sensor chooses. */
static const enum wire_backend backends[] = {
	WIRE_BACKEND_NONE,
	WIRE_BACKEND_LSM,
	WIRE_BACKEND_FENTRY,
	WIRE_BACKEND_KPROBE,
};

static const struct {
	const char *name;
	void (*run)(struct seen *w);
} checks[] = {
	{ "the_script_is_the_kernels_file", the_script_is_the_kernels_file },
	{ "a_link_does_not_hide_the_script", a_link_does_not_hide_the_script },
	{ "a_native_program_pays_no_record", a_native_program_pays_no_record },
	{ "the_first_of_nested_scripts_is_the_one_asked_for",
	  the_first_of_nested_scripts_is_the_one_asked_for },
	{ "failed_scripts_are_no_execs_and_nobodys",
	  failed_scripts_are_no_execs_and_nobodys },
	{ "a_script_by_descriptor_has_its_path",
	  a_script_by_descriptor_has_its_path },
	{ "a_script_in_memory_is_told_as_such",
	  a_script_in_memory_is_told_as_such },
	{ "what_binfmt_misc_interprets_is_named",
	  what_binfmt_misc_interprets_is_named },
	{ "a_native_file_for_an_interpreter_is_nobodys",
	  a_native_file_for_an_interpreter_is_nobodys },
};

#define BACKENDS (sizeof(backends) / sizeof(backends[0]))
#define CHECKS	 (sizeof(checks) / sizeof(checks[0]))

/* One of both at a time, made once for all checks. */
static struct {
	enum wire_backend backend;
	struct seen *w; /* NULL: refused, and why */
	char why[256];
	bool is_open;
} now;

static void close_now(void)
{
	if (now.w)
		seen_close(now.w);
	memset(&now, 0, sizeof(now));
}

static void open_now(enum wire_backend backend)
{
	struct sensor_settings s = {
		.ring_bytes = 8u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
	};

	close_now();
	s.force[WIRE_FAM_EXEC] = (uint8_t)backend;
	now.backend = backend;
	now.is_open = true;
	if (seen_try(&s, &now.w, now.why) < 0)
		now.w = NULL;
}

static void check_one(void **state)
{
	size_t i = *(const size_t *)*state;
	enum wire_backend backend = backends[i / CHECKS];

	if (!now.is_open || now.backend != backend)
		open_now(backend);
	if (now.w) {
		if (backend)
			assert_string_equal(seen_row(now.w, HOOK).backend,
					    sense_backend_name(backend));
		checks[i % CHECKS].run(now.w);
		return;
	}
	/* Asked for and not to be had: an error that says both. */
	assert_int_not_equal(backend, WIRE_BACKEND_NONE);
	assert_non_null(strstr(now.why, "exec"));
	assert_non_null(strstr(now.why, sense_backend_name(backend)));
}

static int group_teardown(void **state)
{
	close_now();
	return seen_teardown(state);
}

int main(void)
{
	static struct CMUnitTest tests[BACKENDS * CHECKS];
	static size_t numbers[BACKENDS * CHECKS];
	static char names[BACKENDS * CHECKS][80];
	size_t i;

	for (i = 0; i < BACKENDS * CHECKS; i++) {
		enum wire_backend b = backends[i / CHECKS];

		numbers[i] = i;
		(void)snprintf(names[i], sizeof(names[i]), "%s.%s",
			       b ? sense_backend_name(b) : "auto",
			       checks[i % CHECKS].name);
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = check_one,
			.initial_state = &numbers[i],
		};
	}
	return cmocka_run_group_tests_name("scripts", tests, NULL,
					   group_teardown);
}
