/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many processes that do nothing, each with an exec of its own.
 *
 *	crowd COUNT
 *
 * Prints "ready" when all are there. They end when the input of the first ends,
 * which all have, and so when whoever holds the other end of it does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int wait_for_end(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	char self[] = "/proc/self/exe", name[] = "member";
	char *member[] = { name, NULL };
	unsigned long i, n;

	if (argc == 1 && !strcmp(argv[0], name))
		return wait_for_end();
	if (argc != 2) {
		(void)fprintf(stderr, "usage: crowd COUNT\n");
		return 2;
	}
	n = strtoul(argv[1], NULL, 10);
	for (i = 0; i < n; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			execve(self, member, environ);
			_exit(127);
		}
		if (pid < 0) {
			perror("crowd: vfork");
			return 1;
		}
	}
	(void)printf("ready\n");
	(void)fflush(stdout);
	(void)wait_for_end();
	while (wait(NULL) > 0)
		;
	return 0;
}
