/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A busy host: so many events per second, for so long or until SIGTERM.
 *
 *	act_soak DIR RATE SECONDS PROGRAM RARE-PROGRAM
 *
 * Of a hundred events 96 are files made and removed in DIR, two are refused
 * connections, and one program is run (its exit is the hundredth); each
 * hundredth of these is RARE-PROGRAM. Prints how many events it made.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS 5000000L

static volatile sig_atomic_t ended;

static void on_term(int signo)
{
	(void)signo;
	ended = 1;
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int make_and_remove(const char *dir, unsigned long n)
{
	char path[4096];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/file-%lu", dir, n);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	(void)close(fd);
	return unlink(path);
}

static int knock(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(1) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		errno = EISCONN;
	(void)close(fd);
	return errno == ECONNREFUSED ? 0 : -1;
}

static int start(char *program)
{
	char *argv[] = { program, NULL };
	pid_t pid;

	errno = posix_spawn(&pid, program, NULL, NULL, argv, NULL);
	return errno ? -1 : 0;
}

/* A hundred events; how long they may take is the caller's business. */
static int hundred(char **argv, unsigned long round)
{
	unsigned long i;

	for (i = 0; i < 48; i++) {
		if (make_and_remove(argv[1], round * 48 + i) < 0)
			return -1;
	}
	if (knock() < 0 || knock() < 0)
		return -1;
	return start(round % 100 ? argv[4] : argv[5]);
}

int main(int argc, char **argv)
{
	struct timespec tick = { 0, TICK_NS };
	unsigned long rounds = 0;
	double began, rate, seconds;

	if (argc != 6)
		return 2;
	rate = strtod(argv[2], NULL);
	seconds = strtod(argv[3], NULL);
	(void)signal(SIGTERM, on_term);
	/* Nobody waits for the children. */
	(void)signal(SIGCHLD, SIG_IGN);
	began = now();
	while (!ended && now() - began < seconds) {
		if ((double)rounds * 100 > (now() - began) * rate) {
			(void)nanosleep(&tick, NULL);
			continue;
		}
		if (hundred(argv, rounds++) < 0) {
			perror("act_soak");
			return 1;
		}
	}
	(void)printf("%lu %.3f\n", rounds * 100, now() - began);
	return 0;
}
