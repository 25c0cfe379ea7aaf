/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One kind of work, a number of times, and what it took: the same whoever
 * watches. Its own time is all of it, its children's and what the kernel does
 * on its behalf, monitors' programs included.
 *
 *	load KIND COUNT [CPU]
 *
 * Works in the current directory, which should be empty and on a tmpfs. Prints
 * "ready" once all is prepared, waits for a line or the end of its input, and
 * then prints "COUNT WALL_NS CPU_NS". The work is done in PARTS parts, and the
 * times are PARTS times those of the middle one: what else the machine does in
 * bursts is in some of the others.
 *
 * With LOAD_SETTLE_MS in the environment it waits for so long instead, before
 * and after, and prints a fourth number: what all tasks of the machine took in
 * between, by the kernel's count, less what they take while nothing is done. In
 * a guest whose clock counts instructions that is instructions.
 *
 * With LOAD_RATE it does no more than so many a second, in bursts of BURST.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerrordesc_np(errno));
	exit(1);
}

static void name_of(char out[static 32], unsigned long i)
{
	(void)snprintf(out, 32, "file-%lu", i);
}

/* Not posix_spawn: glibc's makes 120 system calls more, for the signals. */
static void run(char *const argv[])
{
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		execve(argv[0], argv, environ);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		fail(argv[0]);
}

static void spawn_one(unsigned long i)
{
	char *argv[] = { (char *)(uintptr_t) "/bin/true", NULL };

	(void)i;
	run(argv);
}

/* ---- files ------------------------------------------------------------------ */

static int open_or_fail(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		fail(name);
	return fd;
}

static void write_or_fail(int fd, const void *data, size_t n)
{
	if (write(fd, data, n) != (ssize_t)n)
		fail("write");
}

/* A new file, and something in it. */
static void create_one(unsigned long i)
{
	char name[32];
	int fd;

	name_of(name, i);
	fd = open_or_fail(name, O_WRONLY | O_CREAT | O_TRUNC);
	write_or_fail(fd, "x", 1);
	(void)close(fd);
}

static void create_unlink_one(unsigned long i)
{
	char name[32];

	name_of(name, i);
	(void)close(open_or_fail(name, O_WRONLY | O_CREAT | O_TRUNC));
	if (unlink(name) < 0)
		fail(name);
}

static void make_files(unsigned long n)
{
	char name[32];
	unsigned long i;

	for (i = 0; i < n; i++) {
		name_of(name, i);
		(void)close(open_or_fail(name, O_WRONLY | O_CREAT));
	}
}

/* Made by another process: so that opening them here is new to who watches. */
static void prepare_open(unsigned long n)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		make_files(n);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		fail("making files");
}

static void open_one(unsigned long i)
{
	char name[32];

	name_of(name, i);
	(void)close(open_or_fail(name, O_WRONLY));
}

static void prepare_one_file(unsigned long n)
{
	(void)n;
	make_files(1);
}

static void reopen_one(unsigned long i)
{
	(void)i;
	(void)close(open_or_fail("file-0", O_WRONLY));
}

static int written = -1;

static void prepare_write(unsigned long n)
{
	(void)n;
	written = open_or_fail("file-0", O_WRONLY | O_CREAT);
	write_or_fail(written, "x", 1);
}

static void write_one(unsigned long i)
{
	(void)i;
	if (pwrite(written, "x", 1, 0) != 1)
		fail("pwrite");
}

/* ---- sockets ---------------------------------------------------------------- */

static int listener = -1;
static struct sockaddr_in listening = { .sin_family = AF_INET };

static void prepare_connect(unsigned long n)
{
	socklen_t size = sizeof(listening);

	(void)n;
	listening.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&listening, size) < 0 ||
	    listen(listener, 16) < 0 ||
	    getsockname(listener, (struct sockaddr *)&listening, &size) < 0)
		fail("listening");
}

/* Both ends close with a reset: a port that waits is a port less. */
static void connect_one(unsigned long i)
{
	const struct linger reset = { .l_onoff = 1 };
	int fd, peer;

	(void)i;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&listening, sizeof(listening)) < 0)
		fail("connect");
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (peer < 0)
		fail("accept");
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)close(fd);
	(void)close(peer);
}

/* ---- a call of no interest ---------------------------------------------------- */

static void call_one(unsigned long i)
{
	(void)i;
	(void)syscall(SYS_getppid);
}

/* ---- a compile job ------------------------------------------------------------ */

/*
 * As strace counts `gcc -c` of a file of 200 lines: three programs, 343 opens
 * of which 98 find a header that is read, 765 readlinks and 171 stats, 2 files
 * made with 33 writes, one of them removed; 60 ms of thinking.
 */
enum {
	UNIT_HEADERS = 98,
	UNIT_MISSING = 245,
	UNIT_LINKS = 765,
	UNIT_STATS = 171,
	UNIT_WRITES = 16,
	UNIT_THOUGHT = 24000000,
};

static volatile uint64_t thought;

static void think(unsigned long n)
{
	uint64_t z = 42;

	while (n--)
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull + 1;
	thought = z;
}

static void write_file(const char *name)
{
	static const char block[4096];
	int fd = open_or_fail(name, O_WRONLY | O_CREAT | O_TRUNC), i;

	for (i = 0; i < UNIT_WRITES; i++)
		write_or_fail(fd, block, sizeof(block));
	(void)close(fd);
}

static void read_headers(void)
{
	char block[4096], name[32];
	struct stat st;
	int fd, i;

	for (i = 0; i < UNIT_LINKS; i++)
		(void)!readlink("/usr", block, sizeof(block));
	for (i = 0; i < UNIT_STATS; i++)
		(void)stat("/usr/bin", &st);
	for (i = 0; i < UNIT_MISSING; i++)
		(void)!open("no-such-header", O_RDONLY);
	for (i = 0; i < UNIT_HEADERS; i++) {
		name_of(name, (unsigned)i);
		fd = open_or_fail(name, O_RDONLY);
		(void)fstat(fd, &st);
		(void)!read(fd, block, sizeof(block));
		(void)close(fd);
	}
}

/* One of the unit's three programs: driver, compiler, assembler. */
static int unit(const char *part)
{
	char self[4096], compiler[] = "compile", assembler[] = "assemble";
	char word[] = "unit";
	char *argv[] = { self, word, compiler, NULL };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		fail("/proc/self/exe");
	self[n] = 0;
	if (!strcmp(part, "drive")) {
		run(argv);
		argv[2] = assembler;
		run(argv);
		(void)unlink("unit.s");
	} else if (!strcmp(part, "compile")) {
		read_headers();
		think(UNIT_THOUGHT);
		write_file("unit.s");
	} else {
		write_file("unit.o");
	}
	return 0;
}

static void prepare_mix(unsigned long n)
{
	(void)n;
	make_files(UNIT_HEADERS);
}

static void mix_one(unsigned long i)
{
	char self[4096], word[] = "unit", driver[] = "drive";
	char *argv[] = { self, word, driver, NULL };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)i;
	if (n < 0)
		fail("/proc/self/exe");
	self[n] = 0;
	run(argv);
}

/* ---- all of it ---------------------------------------------------------------- */

static const struct kind {
	const char *name;
	void (*prepare)(unsigned long n);
	void (*one)(unsigned long i);
} kinds[] = {
	{ "exec", NULL, spawn_one },
	{ "open", prepare_open, open_one },
	{ "create", NULL, create_one },
	{ "unlink", NULL, create_unlink_one },
	{ "reopen", prepare_one_file, reopen_one },
	{ "write", prepare_write, write_one },
	{ "connect", prepare_connect, connect_one },
	{ "call", NULL, call_one },
	{ "mix", prepare_mix, mix_one },
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t of_rusage(int who)
{
	struct rusage u;

	(void)getrusage(who, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

/* Exact for this process, to the microsecond for the children. */
static uint64_t cpu_ns(void)
{
	return now_ns(CLOCK_PROCESS_CPUTIME_ID) + of_rusage(RUSAGE_CHILDREN);
}

#define PARTS 16u

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t of_middle(uint64_t parts[static PARTS])
{
	qsort(parts, PARTS, sizeof(parts[0]), compare);
	return (parts[PARTS / 2 - 1] + parts[PARTS / 2]) * (PARTS / 2);
}

/* Of all processors, what tasks ran for; the seventh figure of each. */
static unsigned long busy_ns(void)
{
	FILE *f = fopen("/proc/schedstat", "re");
	unsigned long sum = 0, one;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "cpu%*u %*u %*u %*u %*u %*u %*u %lu", &one) ==
		    1)
			sum += one;
	if (!f || fclose(f))
		fail("/proc/schedstat");
	return sum;
}

/* Until all is quiet, or until whoever started this says go on. */
static unsigned long settle(void)
{
	const char *ms = getenv("LOAD_SETTLE_MS");
	char byte;

	if (ms) {
		(void)usleep((useconds_t)atoi(ms) * 1000);
		return busy_ns();
	}
	printf("ready\n");
	(void)fflush(stdout);
	(void)!read(STDIN_FILENO, &byte, 1);
	return 0;
}

#define BURST 64u

/* Until it is time for the next ones, if there is a rate. */
static void keep_pace(uint64_t began_ns, unsigned long done, unsigned long rate)
{
	uint64_t due_ns;
	struct timespec t;

	if (!rate || done % BURST)
		return;
	due_ns = began_ns + done * 1000000000u / rate;
	t.tv_sec = (time_t)(due_ns / 1000000000u);
	t.tv_nsec = (long)(due_ns % 1000000000u);
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void measure(const struct kind *k, unsigned long n)
{
	const char *asked = getenv("LOAD_RATE");
	unsigned long rate = asked ? strtoul(asked, NULL, 10) : 0;
	uint64_t wall[PARTS], cpu[PARTS], began_ns;
	unsigned long i, part, idle, busy;

	n -= n % PARTS;

	if (k->prepare)
		k->prepare(n);
	idle = busy = settle();
	if (getenv("LOAD_SETTLE_MS")) {
		busy = settle();
		idle = busy - idle;
	}
	began_ns = now_ns(CLOCK_MONOTONIC);
	for (part = 0; part < PARTS; part++) {
		wall[part] = now_ns(CLOCK_MONOTONIC);
		cpu[part] = cpu_ns();
		for (i = 0; i < n / PARTS; i++) {
			k->one(part * (n / PARTS) + i);
			keep_pace(began_ns, part * (n / PARTS) + i, rate);
		}
		cpu[part] = cpu_ns() - cpu[part];
		wall[part] = now_ns(CLOCK_MONOTONIC) - wall[part];
	}
	if (getenv("LOAD_SETTLE_MS"))
		busy = settle() - busy - idle;
	printf("%lu %lu %lu %lu\n", n, of_middle(wall), of_middle(cpu), busy);
}

static void pin(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)atoi(cpu), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		fail("pinning");
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc == 3 && !strcmp(argv[1], "unit"))
		return unit(argv[2]);
	if (argc > 3)
		pin(argv[3]);
	for (i = 0; argc > 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, argv[1]) != 0)
			continue;
		measure(&kinds[i], strtoul(argv[2], NULL, 10));
		return 0;
	}
	fprintf(stderr, "usage: load KIND COUNT [CPU]\n");
	return 2;
}
