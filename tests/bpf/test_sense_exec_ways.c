// SPDX-License-Identifier: Apache-2.0
/*
 * Ways to run a program that look like something else. Each really made; the
 * exec must be there once, under the right process and file.
 */
#include "harness.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EMPTY_PATH 0x1000 /* AT_EMPTY_PATH */

static char *const no_env[] = { NULL };
static char *const one_arg[] = { (char[]){ "true" }, NULL };

/*
 * The one program that these tests run, ours alone. By its name busybox knows
 * what it is to be.
 */
static const char *program(void)
{
	const char *path = work_path("true");

	if (access(path, X_OK) < 0)
		assert_int_equal(copy_file("/bin/true", path), 0);
	return path;
}

static const struct wire_exec *only_exec(const struct seen *w)
{
	assert_int_equal(seen_count(w, WIRE_EXEC), 1);
	return seen_nth(w, WIRE_EXEC, 0);
}

static void assert_program(const struct wire_exec *e)
{
	struct stat st;

	assert_path(e, &e->exe, program());
	assert_int_equal(stat(program(), &st), 0);
	assert_int_equal(e->file.ino, st.st_ino);
	assert_int_equal(e->file.size, st.st_size);
}

/* That program, by the child itself. */
static void assert_ran(const struct seen *w)
{
	assert_int_equal(only_exec(w)->hdr.tgid, w->child);
	assert_program(only_exec(w));
}

static int act_run(void *arg)
{
	(void)execve(arg, one_arg, no_env);
	return 97;
}

static int act_execveat(void *arg)
{
	int fd = open(arg, O_PATH | O_CLOEXEC);

	(void)syscall(SYS_execveat, fd, "", one_arg, no_env, EMPTY_PATH);
	return 97;
}

static void by_descriptor_and_empty_path(void **state)
{
	struct seen *w = *state;

	seen_run(w, act_execveat, (void *)(uintptr_t)program());
	assert_ran(w);
	assert_true(only_exec(w)->flags & WIRE_EXEC_BY_FD);
}

static int act_execveat_below(void *arg)
{
	int fd = open(work_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)syscall(SYS_execveat, fd, arg, one_arg, no_env, 0);
	return 97;
}

static void by_directory_and_name(void **state)
{
	struct seen *w = *state;

	(void)program();
	seen_run(w, act_execveat_below, (char[]){ "true" });
	assert_ran(w);
}

static void by_a_symbolic_link(void **state)
{
	const char *link = work_path("link");
	struct seen *w = *state;

	(void)unlink(link);
	assert_int_equal(symlink(program(), link), 0);
	seen_run(w, act_run, (void *)(uintptr_t)link);
	assert_ran(w);
	assert_str(only_exec(w), only_exec(w)->filename, link);
}

/* The kernel follows no more. */
#define LINKS 39

static void by_a_long_chain_of_links(void **state)
{
	char name[32], to[32] = "true";
	struct seen *w = *state;
	int i;

	(void)program();
	for (i = 0; i < LINKS; i++) {
		(void)snprintf(name, sizeof(name), "chain-%d", i);
		assert_int_equal(symlink(to, work_path(name)), 0);
		memcpy(to, name, sizeof(to));
	}
	seen_run(w, act_run, (void *)(uintptr_t)work_path(name));
	assert_ran(w);
}

static void by_a_way_through_parents(void **state)
{
	char path[PATH_MAX];
	struct seen *w = *state;

	(void)program();
	(void)mkdir(work_path("sub"), 0755);
	(void)snprintf(path, sizeof(path), "%s/sub/.././sub/..//true",
		       work_dir());
	seen_run(w, act_run, path);
	assert_ran(w);
}

static void by_a_name_as_long_as_can_be(void **state)
{
	static char path[PATH_MAX];
	struct seen *w = *state;
	size_t n;

	n = (size_t)snprintf(path, sizeof(path), "%s", work_dir());
	while (n + strlen("/true") + 2 < sizeof(path)) {
		path[n++] = '/';
		path[n++] = '.';
	}
	(void)snprintf(path + n, sizeof(path) - n, "/true");
	(void)program();
	seen_run(w, act_run, path);
	assert_ran(w);
	assert_str(only_exec(w), only_exec(w)->filename, path);
}

static int act_by_interpreter(void *arg)
{
	char *argv[] = { (char[]){ "sh" }, arg, NULL };

	(void)execve("/bin/sh", argv, no_env);
	return 97;
}

static void a_script_given_to_its_interpreter(void **state)
{
	const char *file = work_path("text");
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	const struct wire_exec *e;
	struct seen *w = *state;
	char want[PATH_MAX];
	size_t n;

	assert_int_equal(write(fd, "exit 5\n", 7), 7);
	assert_int_equal(close(fd), 0);
	seen_run(w, act_by_interpreter, (void *)(uintptr_t)file);
	assert_int_equal(w->status, 5 << 8);
	e = only_exec(w);
	n = (size_t)snprintf(want, sizeof(want), "sh%c%s", 0, file) + 1;
	assert_bytes(e, e->args, want, n);
	/* For the kernel it is an argument like any other. */
	assert_int_equal(e->flags & WIRE_EXEC_SCRIPT, 0);
}

/* ---- by other kinds of process -------------------------------------------- */

static int act_vfork(void *arg)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		(void)execve(arg, one_arg, no_env);
		_exit(97);
	}
	return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 96;
}

static int act_posix_spawn(void *arg)
{
	int status;
	pid_t pid;

	if (posix_spawn(&pid, arg, NULL, NULL, one_arg, no_env) != 0)
		return 97;
	return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 96;
}

/* The same by a child of the child, whose fork was told before. */
static void assert_ran_in_a_child(const struct seen *w)
{
	const struct wire_exec *e = only_exec(w);
	const struct wire_fork *f;

	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_FORK), 2);
	f = seen_nth(w, WIRE_FORK, 1);
	assert_int_equal(f->parent_tgid, w->child);
	assert_int_equal(e->hdr.tgid, f->hdr.tgid);
	assert_int_equal(e->hdr.start_ns, f->hdr.start_ns);
	assert_int_equal(e->hdr.image, f->hdr.image + 1);
	assert_int_equal(e->parent_tgid, w->child);
	assert_program(e);
}

static void by_vfork(void **state)
{
	seen_run(*state, act_vfork, (void *)(uintptr_t)program());
	assert_ran_in_a_child(*state);
}

static void by_posix_spawn(void **state)
{
	seen_run(*state, act_posix_spawn, (void *)(uintptr_t)program());
	assert_ran_in_a_child(*state);
}

#if defined(__x86_64__)
/*
 * execve of the 32-bit table: its pointers are of 32 bits, so what they point
 * at lies below 4 GiB.
 */
static int act_int80(void *arg)
{
	char *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	uint32_t *argv, *envp;
	long r;

	if (low == MAP_FAILED)
		return 98;
	(void)snprintf(low, 4096, "%s", (const char *)arg);
	argv = (uint32_t *)(void *)(low + 4096);
	argv[0] = (uint32_t)(uintptr_t)low;
	argv[1] = 0;
	envp = argv + 2;
	envp[0] = 0;
	__asm__ volatile("push %%rbx\n\t"
			 "mov %%rdi, %%rbx\n\t"
			 "int $0x80\n\t"
			 "pop %%rbx"
			 : "=a"(r)
			 : "a"(11l), "D"(low), "c"(argv), "d"(envp)
			 : "memory", "r8", "r9", "r10", "r11");
	(void)r;
	return 97;
}

static void by_the_32_bit_call(void **state)
{
	struct seen *w = *state;

	seen_run(w, act_int80, (void *)(uintptr_t)program());
	assert_ran(w);
}
#endif

/* ---- in other places ----------------------------------------------------- */

static int enter_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int act_hidden_by_mount(void *arg)
{
	if (enter_mounts() < 0 ||
	    mount("tmpfs", work_path("place"), "tmpfs", 0, NULL) < 0 ||
	    copy_file(arg, work_path("place/hidden")) < 0)
		return 96;
	return act_run((void *)(uintptr_t)work_path("place/hidden"));
}

static void in_a_mount_namespace(void **state)
{
	const struct wire_exec *e;
	struct seen *w = *state;

	(void)mkdir(work_path("place"), 0755);
	seen_run(w, act_hidden_by_mount, (void *)(uintptr_t)program());
	e = only_exec(w);
	assert_path(e, &e->exe, work_path("place/hidden"));
	assert_int_equal(e->exe.tail, strlen("/hidden"));
	assert_true(access(work_path("place/hidden"), F_OK) < 0);
}

static int mount_overlay(void)
{
	char options[3 * PATH_MAX];

	(void)snprintf(options, sizeof(options),
		       "lowerdir=%s,upperdir=%s,workdir=%s",
		       work_path("over/lower"), work_path("over/upper"),
		       work_path("over/work"));
	return mount("overlay", work_path("over/all"), "overlay", 0, options);
}

/* Upper and work lie on a tmpfs of the namespace's own. */
static int act_overlay(void *arg)
{
	const char *const dirs[] = { "over/lower", "over/upper", "over/work",
				     "over/all" };
	size_t i;

	if (enter_mounts() < 0 ||
	    mount("tmpfs", work_path("over"), "tmpfs", 0, NULL) < 0)
		return 96;
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(work_path(dirs[i]), 0755) < 0)
			return 95;
	if (copy_file(program(), work_path("over/lower/old")) < 0 ||
	    mount_overlay() < 0 ||
	    copy_file(program(), work_path("over/all/new")) < 0)
		return 94;
	return act_run((void *)(uintptr_t)work_path(arg));
}

static void in_an_overlay_with_its_layer(void **state)
{
	const struct wire_exec *e;
	struct seen *w = *state;

	(void)program();
	(void)mkdir(work_path("over"), 0755);
	seen_run(w, act_overlay, (char[]){ "over/all/new" });
	e = only_exec(w);
	assert_path(e, &e->exe, work_path("over/all/new"));
	assert_int_equal(e->file.flags, WIRE_FILE_OVERLAY_UPPER);
	seen_run(w, act_overlay, (char[]){ "over/all/old" });
	e = only_exec(w);
	assert_path(e, &e->exe, work_path("over/all/old"));
	assert_int_equal(e->file.flags, WIRE_FILE_OVERLAY_LOWER);
}

static int act_pid_namespace(void *arg)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) < 0)
		return 98;
	pid = fork();
	if (!pid)
		_exit(act_run(arg));
	return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 96;
}

static void in_a_pid_namespace(void **state)
{
	struct seen *w = *state;

	seen_run(w, act_pid_namespace, (void *)(uintptr_t)program());
	assert_ran_in_a_child(w);
	assert_int_equal(only_exec(w)->ns_pid, 1);
	assert_true(only_exec(w)->hdr.tgid > 1);
}

/* ---- more than one --------------------------------------------------------- */

static int write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, "x", 1) != 1)
		return -1;
	return close(fd);
}

/* This writes, then a shell does, then the program that it becomes. */
static int act_exec_twice(void *arg)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, arg, NULL };

	if (write_file(work_path("first")) < 0)
		return 98;
	(void)execve("/bin/sh", argv, no_env);
	return 97;
}

static uint32_t image_that_wrote(const struct seen *w, const char *path)
{
	const struct wire_write *r;
	const char *got;
	size_t i;

	for (i = 0; (r = seen_write(w, WIRE_OP_WRITE, i)); i++) {
		got = (const char *)r + r->path.path.off;
		if (r->path.path.len == strlen(path) &&
		    memcmp(got, path, strlen(path)) == 0) {
			assert_int_equal(r->hdr.tgid, w->child);
			return r->hdr.image;
		}
	}
	fail_msg("nobody wrote %s", path);
	return 0;
}

static void each_write_is_under_its_own_image(void **state)
{
	char script[3 * PATH_MAX];
	const struct wire_exec *e;
	struct seen *w = *state;
	uint32_t image;

	(void)snprintf(script, sizeof(script),
		       "echo x >%s; exec /bin/dd if=/dev/zero of=%s bs=1 "
		       "count=1 2>/dev/null",
		       work_path("second"), work_path("third"));
	seen_run(w, act_exec_twice, script);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_EXEC), 2);
	e = seen_nth(w, WIRE_EXEC, 0);
	image = e->hdr.image;
	assert_int_equal(image_that_wrote(w, work_path("first")), image - 1);
	assert_int_equal(image_that_wrote(w, work_path("second")), image);
	assert_int_equal(image_that_wrote(w, work_path("third")), image + 1);
}

/* Every way to fail that the kernel has on the way to the new image. */
static int act_fail(void *arg)
{
	static const char truncated[] = "\177ELF";
	int fd = open(work_path("cut"), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	(void)arg;
	if (fd < 0 || write(fd, truncated, 4) != 4 || close(fd) < 0)
		return 98;
	(void)execve(work_path("nothing"), one_arg, no_env);
	(void)execve(work_dir(), one_arg, no_env);
	(void)execve(work_path("cut"), one_arg, no_env);
	(void)syscall(SYS_execve, program(), 8, no_env);
	(void)execve("", one_arg, no_env);
	(void)syscall(SYS_execveat, 9999, "", one_arg, no_env, EMPTY_PATH);
	return 0;
}

static void what_fails_is_no_exec(void **state)
{
	struct seen *w = *state;

	(void)program();
	seen_run(w, act_fail, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_EXEC), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_descriptor_and_empty_path),
		cmocka_unit_test(by_directory_and_name),
		cmocka_unit_test(by_a_symbolic_link),
		cmocka_unit_test(by_a_long_chain_of_links),
		cmocka_unit_test(by_a_way_through_parents),
		cmocka_unit_test(by_a_name_as_long_as_can_be),
		cmocka_unit_test(a_script_given_to_its_interpreter),
		cmocka_unit_test(by_vfork),
		cmocka_unit_test(by_posix_spawn),
#if defined(__x86_64__)
		cmocka_unit_test(by_the_32_bit_call),
#endif
		cmocka_unit_test(in_a_mount_namespace),
		cmocka_unit_test(in_an_overlay_with_its_layer),
		cmocka_unit_test(in_a_pid_namespace),
		cmocka_unit_test(each_write_is_under_its_own_image),
		cmocka_unit_test(what_fails_is_no_exec),
	};

	return cmocka_run_group_tests_name("exec ways", tests, seen_setup,
					   seen_teardown);
}
