// SPDX-License-Identifier: Apache-2.0
/* out/confine: what is given up is gone. Each test is a child of its own. */
#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "out/confine.h"

/* The child's own finding as exit code; 0 is good. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int confined(void)
{
	struct confine_user nobody = { .found = false };
	const char *what;

	if (confine_drop(&nobody, &what) < 0 || confine_syscalls() < 0)
		return -1;
	return 0;
}

static int cannot_exec(void)
{
	char *argv[] = { (char[]){ "true" }, NULL };

	if (confined() < 0)
		return 1;
	(void)execve("/bin/true", argv, NULL);
	return errno == EPERM ? 0 : 2;
}

static int cannot_listen(void)
{
	int fd;

	if (confined() < 0)
		return 1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 2;
	return listen(fd, 1) < 0 && errno == EPERM ? 0 : 3;
}

static int cannot_gain(void)
{
	if (confined() < 0)
		return 1;
	/* As root too: the user that it is has no rights of its own. */
	return setgroups(0, NULL) < 0 && errno == EPERM ? 0 : 2;
}

static int has_no_new_privs(void)
{
	if (confined() < 0)
		return 1;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 2;
}

static int still_works(void)
{
	char buf[4];
	int fds[2];

	if (confined() < 0)
		return 1;
	if (pipe(fds) < 0 || write(fds[1], "abc", 3) != 3)
		return 2;
	return read(fds[0], buf, 3) == 3 ? 0 : 3;
}

static void exec_is_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(cannot_exec), 0);
}

static void listening_is_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(cannot_listen), 0);
}

static void capabilities_do_not_come_back(void **state)
{
	(void)state;
	assert_int_equal(in_child(cannot_gain), 0);
	assert_int_equal(in_child(has_no_new_privs), 0);
}

static void ordinary_calls_go_on(void **state)
{
	(void)state;
	assert_int_equal(in_child(still_works), 0);
}

static void users_come_from_the_file(void **state)
{
	struct confine_user u;

	(void)state;
	assert_int_equal(confine_find_user("root", &u), 0);
	assert_true(u.found);
	assert_int_equal(u.uid, 0);
	assert_int_equal(confine_find_user("no-such-user-here", &u), 0);
	assert_false(u.found);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(exec_is_refused),
		cmocka_unit_test(listening_is_refused),
		cmocka_unit_test(capabilities_do_not_come_back),
		cmocka_unit_test(ordinary_calls_go_on),
		cmocka_unit_test(users_come_from_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
