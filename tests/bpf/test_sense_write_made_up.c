/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that were not done and return as if they were: a filter (seccomp) can
 * answer in the kernel's place, a tracer as well, each without any privilege.
 * Nobody may have it told that way, as a fact, that he changed a file.
 */
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void make(const char *name)
{
	assert_int_equal(mknod(work_path(name), S_IFREG | 0644, 0), 0);
}

/* From now on these three answer what `action` says. */
static int filter_calls(uint32_t action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fchmod, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ftruncate, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, action),
	};
	struct sock_fprog program = { COUNT(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

struct way {
	uint32_t action;
	int open;
};

/* All three answer 0, or TRY's number. */
static int act_filtered(void *arg)
{
	const struct way *way = arg;
	int fd;

	TRY(chdir(work_dir()));
	TRY(fd = open("filtered", way->open));
	TRY(filter_calls(way->action));
	TRY(fchmod(fd, 0777));
	TRY(ftruncate(fd, 0));
	TRY(syscall(SYS_renameat2, AT_FDCWD, "filtered", AT_FDCWD, "moved", 0));
	return 0;
}

static void what_a_filter_answers_is_not_told_as_done(void **state)
{
	struct way way = { SECCOMP_RET_ERRNO, O_RDONLY };
	const struct wire_write *r;
	struct seen *w = *state;
	size_t i;

	make("filtered");
	seen_run(w, act_filtered, &way);
	assert_int_equal(w->status, 0);
	assert_int_equal(access(work_path("filtered"), F_OK), 0);
	assert_int_equal(seen_writes(w, WIRE_OP_TRUNCATE), 0);
	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++) {
		assert_false(is_from_kernel(r));
		assert_true(r->flags & WIRE_WRITE_SUBMITTED);
	}
	assert_int_equal(unlink(work_path("filtered")), 0);
}

static void what_a_filter_lets_through_is_told_as_done(void **state)
{
	struct way way = { SECCOMP_RET_ALLOW, O_RDWR };
	static const struct change want[] = {
		{ WIRE_OP_CHMOD, "filtered", NULL, 0777, 0, 0 },
		{ WIRE_OP_TRUNCATE, "filtered", NULL, 0, 0, 0 },
		{ WIRE_OP_RENAME, "filtered", "moved", 0, 0, 0 },
	};
	struct seen *w = *state;

	make("filtered");
	seen_run(w, act_filtered, &way);
	assert_int_equal(w->status, 0);
	assert_changes(w,
		       1u << WIRE_OP_CHMOD | 1u << WIRE_OP_TRUNCATE |
			       1u << WIRE_OP_RENAME,
		       want, COUNT(want));
	assert_int_equal(unlink(work_path("moved")), 0);
}

#if defined(__x86_64__)

/* Each call of this one is its tracer's. */
static int be_traced(int fd)
{
	TRY(ptrace(PTRACE_TRACEME, 0, 0, 0));
	(void)raise(SIGSTOP);
	(void)!write(fd, "made up", 7);
	(void)unlink("traced");
	_exit(0);
}

/* The next call is skipped, and answers this. */
static int answer_call(pid_t pid, unsigned long long answer)
{
	struct user_regs_struct regs;

	TRY(ptrace(PTRACE_SYSEMU, pid, 0, 0));
	TRY(waitpid(pid, NULL, 0));
	TRY(ptrace(PTRACE_GETREGS, pid, 0, &regs));
	regs.rax = answer;
	TRY(ptrace(PTRACE_SETREGS, pid, 0, &regs));
	return 0;
}

static int act_emulated(void *arg)
{
	pid_t pid;
	int fd;

	(void)arg;
	TRY(chdir(work_dir()));
	TRY(fd = open("traced", O_RDONLY));
	TRY(pid = fork());
	if (pid == 0)
		_exit(be_traced(fd));
	TRY(waitpid(pid, NULL, 0));
	if (answer_call(pid, 7) || answer_call(pid, 0))
		return 92;
	/* Until both have come back. */
	TRY(ptrace(PTRACE_SYSEMU, pid, 0, 0));
	TRY(waitpid(pid, NULL, 0));
	TRY(kill(pid, SIGKILL));
	TRY(waitpid(pid, NULL, 0));
	return 0;
}

static void what_a_tracer_answers_is_not_told_as_done(void **state)
{
	const struct wire_write *r;
	struct seen *w = *state;

	make("traced");
	seen_run(w, act_emulated, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(access(work_path("traced"), F_OK), 0);
	assert_int_equal(seen_writes(w, WIRE_OP_WRITE), 0);
	r = seen_write(w, WIRE_OP_UNLINK, 0);
	if (r) {
		assert_false(is_from_kernel(r));
		assert_true(r->flags & WIRE_WRITE_SUBMITTED);
	}
	assert_int_equal(unlink(work_path("traced")), 0);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_filter_answers_is_not_told_as_done),
		cmocka_unit_test(what_a_filter_lets_through_is_told_as_done),
#if defined(__x86_64__)
		cmocka_unit_test(what_a_tracer_answers_is_not_told_as_done),
#endif
	};

	return cmocka_run_group_tests(tests, seen_setup, seen_teardown);
}
