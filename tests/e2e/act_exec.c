// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a program in one of the ways that are not a plain execve by name:
 *
 *   act_exec thread  PATH [ARG…]	from a thread that is not the leader
 *   act_exec memfd   PATH [ARG…]	from a copy in a memfd
 *   act_exec deleted PATH [ARG…]	by descriptor, PATH unlinked before
 *   act_exec fd      PATH [ARG…]	by descriptor, PATH still there
 *   act_exec many N  PATH [ARG…]	N times, one after the other, by vfork
 *
 * argv[0] of the program is PATH, its environment is this one's.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

extern char **environ;

static int failed(const char *what)
{
	fprintf(stderr, "act_exec: %s: %s\n", what, strerror(errno));
	return 1;
}

static int exec_fd(int fd, char **argv)
{
	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return failed("execveat");
}

static void *in_thread(void *argv)
{
	char **args = argv;

	execve(args[0], args, environ);
	exit(failed("execve"));
}

static int run_thread(char **argv)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, in_thread, argv);
	if (errno)
		return failed("pthread_create");
	/* Never joined: the exec ends this thread, the leader. */
	pthread_join(thread, NULL);
	return 1;
}

static int run_memfd(char **argv)
{
	int from = open(argv[0], O_RDONLY | O_CLOEXEC);
	int to = memfd_create("act", MFD_CLOEXEC);
	struct stat st;
	off_t at = 0;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return failed(argv[0]);
	while (at < st.st_size)
		if (sendfile(to, from, &at, (size_t)(st.st_size - at)) <= 0)
			return failed("sendfile");
	return exec_fd(to, argv);
}

static int run_deleted(char **argv)
{
	int fd = open(argv[0], O_PATH | O_CLOEXEC);

	if (fd < 0 || unlink(argv[0]) < 0)
		return failed(argv[0]);
	return exec_fd(fd, argv);
}

static int run_fd(char **argv)
{
	int fd = open(argv[0], O_PATH | O_CLOEXEC);

	return fd < 0 ? failed(argv[0]) : exec_fd(fd, argv);
}

static int run_many(char **argv)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(argv[0], &end, 10);
	if (errno || *end || !argv[1])
		return 2;
	for (unsigned long i = 0; i < n; i++) {
		int status;
		pid_t pid;

		errno = posix_spawn(&pid, argv[1], NULL, NULL, argv + 1,
				    environ);
		if (errno)
			return failed(argv[1]);
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			return failed("waitpid");
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **argv);
} ways[] = {
	{ "thread", run_thread },   { "memfd", run_memfd },
	{ "deleted", run_deleted }, { "fd", run_fd },
	{ "many", run_many },
};

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(argv[1], ways[i].name))
			return ways[i].run(argv + 2);
	return 2;
}
