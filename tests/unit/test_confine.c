// SPDX-License-Identifier: Apache-2.0
/* out/confine: what is given up is gone. Each test is a child of its own. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
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

/* ---- files ---------------------------------------------------------------------- */

static char state_dir[64], other_dir[64];

static bool makes(const char *dir)
{
	char path[96];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	(void)close(fd);
	return unlink(path) == 0;
}

static int confined_to_state(void)
{
	const char *const dirs[] = { state_dir };
	struct confine_user nobody = { .found = false };
	const char *what;

	if (confine_drop(&nobody, &what) < 0)
		return -1;
	return confine_files(dirs, 1);
}

static int writes_only_there(void)
{
	char text[8];
	int fd;

	if (!makes(other_dir) || !makes(state_dir))
		return 1;
	if (confined_to_state() <= 0)
		return 2;
	if (makes(other_dir) || errno != EACCES)
		return 3;
	if (!makes(state_dir))
		return 4;
	if (mkdir("/tmp/picket-confined", 0700) == 0 || errno != EACCES)
		return 5;
	fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, 4) == 4 ? 0 : 6;
}

static int replaces_there(void)
{
	char path[96];
	int fd;

	if (confined_to_state() <= 0)
		return 1;
	fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fs_replace(fd, "kept", "abc", 3, 0640) < 0 ||
	    fs_replace(fd, "kept", "abcd", 4, 0640) < 0)
		return 2;
	(void)snprintf(path, sizeof(path), "%s/kept", state_dir);
	return unlink(path) == 0 ? 0 : 3;
}

static int cannot_exec_by_file(void)
{
	char *argv[] = { (char[]){ "true" }, NULL };

	/* Without the filter of system calls. */
	if (confined_to_state() <= 0)
		return 1;
	(void)execve("/bin/true", argv, NULL);
	return errno == EACCES ? 0 : 2;
}

static int binds_no_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd, abi = confined_to_state();

	if (abi < 0)
		return 1;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 2;
	/* Kernels from 6.7 on. */
	if (abi < 4)
		return 0;
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 &&
			       errno == EACCES
		       ? 0
		       : 3;
}

static void files_are_written_in_the_state_directory_only(void **state)
{
	(void)state;
	(void)snprintf(state_dir, sizeof(state_dir),
		       "/tmp/picket-confine-XXXXXX");
	(void)snprintf(other_dir, sizeof(other_dir),
		       "/tmp/picket-confine-XXXXXX");
	assert_non_null(mkdtemp(state_dir));
	assert_non_null(mkdtemp(other_dir));
	assert_int_equal(in_child(writes_only_there), 0);
	assert_int_equal(in_child(replaces_there), 0);
	assert_int_equal(in_child(cannot_exec_by_file), 0);
	assert_int_equal(in_child(binds_no_port), 0);
	assert_int_equal(rmdir(state_dir), 0);
	assert_int_equal(rmdir(other_dir), 0);
}

static int makes_only_such_sockets(void)
{
	static const int good[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	static const int bad[] = { AF_PACKET, AF_VSOCK, AF_ALG, AF_KEY };
	size_t i;

	if (confined() < 0)
		return 1;
	for (i = 0; i < 4; i++) {
		if (socket(good[i], SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0)
			return 2;
		if (socket(bad[i], SOCK_RAW | SOCK_CLOEXEC, 0) >= 0 ||
		    errno != EAFNOSUPPORT)
			return 3;
	}
	return 0;
}

static void sockets_are_of_four_families(void **state)
{
	(void)state;
	assert_int_equal(in_child(makes_only_such_sockets), 0);
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
		cmocka_unit_test(files_are_written_in_the_state_directory_only),
		cmocka_unit_test(sockets_are_of_four_families),
		cmocka_unit_test(users_come_from_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
