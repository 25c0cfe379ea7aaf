// SPDX-License-Identifier: Apache-2.0
/*
 * Runs that the kernel leaves out, made to happen. A program of a tracepoint is
 * not run again on a processor where it is under way: so one process changes
 * the states of sockets on one processor, and another's packets are steered
 * there, whose softirq comes in between and changes states as well.
 *
 * What is left out is the softirq's, so all that the process did is told.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"

/* Listening sockets of one burst; and of bursts, until something is missed. */
#define BURST	   250
#define BURSTS_MAX 200

/* The processors that are used, and what a burst came to. */
struct scene {
	int cpu[2];
	unsigned listened;
};

static int stay_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

/* Two that this process may run on, and that a mask of 32 bits can name. */
static bool find_cpus(struct scene *s)
{
	cpu_set_t all;
	int cpu, n = 0;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return false;
	for (cpu = 0; cpu < 32 && n < 2; cpu++)
		if (CPU_ISSET(cpu, &all))
			s->cpu[n++] = cpu;
	return n == 2;
}

static int bring_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);

	(void)close(fd);
	return r;
}

/* A loopback of our own, whose packets are received on this processor. */
static int make_network(int cpu)
{
	const char *at = work_path("sys");
	char path[400], mask[16];
	int fd, n;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("sysfs", at, "sysfs", 0, NULL) < 0 || bring_up_loopback() < 0)
		return -1;
	(void)snprintf(path, sizeof(path),
		       "%s/class/net/lo/queues/rx-0/rps_cpus", at);
	n = snprintf(mask, sizeof(mask), "%x", 1u << cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, mask, (size_t)n) != n)
		return -1;
	return close(fd);
}

static int serve(struct sockaddr_in *a, int backlog)
{
	socklen_t len = sizeof(*a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*a = (struct sockaddr_in){ .sin_family = AF_INET };
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)a, sizeof(*a)) < 0 ||
	    listen(fd, backlog) < 0 ||
	    getsockname(fd, (struct sockaddr *)a, &len) < 0)
		return -1;
	return fd;
}

/* Connects until it is killed; reset at once, so that nothing lingers. */
static void connect_on_and_on(int server, const struct sockaddr_in *a)
{
	const struct linger none = { .l_onoff = 1 };
	int fd;

	for (;;) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none,
				 sizeof(none));
		if (connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0)
			(void)close(accept(server, NULL, NULL));
		(void)close(fd);
	}
}

static int act_both_at_once(void *arg)
{
	const struct scene *s = arg;
	struct sockaddr_in a, other;
	int server, fd, i, status, r = 0;
	pid_t pid;

	if (make_network(s->cpu[0]) < 0)
		return 90;
	server = serve(&a, 64);
	pid = fork();
	if (!pid) {
		if (stay_on(s->cpu[1]) < 0)
			_exit(91);
		connect_on_and_on(server, &a);
	}
	if (server < 0 || pid < 0 || stay_on(s->cpu[0]) < 0)
		r = 92;
	for (i = 0; i < BURST && !r; i++) {
		fd = serve(&other, 1);
		if (fd < 0)
			r = 93;
		(void)close(fd);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return r ? r : WIFSIGNALED(status) ? 0 : 94;
}

static uint64_t missed(const struct seen *w)
{
	return sensor_missed(w->sensor, WIRE_FAM_LISTEN) +
	       sensor_missed(w->sensor, WIRE_FAM_CONNECT);
}

/* Tracepoints are looked after, and counted, since 6.2 (05b24ff9b2cf). */
static bool kernel_counts(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	return uname(&u) == 0 &&
	       sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 2));
}

static void runs_that_the_kernel_leaves_out_are_counted(void **state)
{
	struct sensor_settings settings = {
		.ring_bytes = 16u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
		.force = { [WIRE_FAM_WRITE] = SENSOR_OFF,
			   [WIRE_FAM_LOAD] = SENSOR_OFF,
			   [WIRE_FAM_TAMPER] = SENSOR_OFF },
	};
	struct scene scene;
	struct seen *w = NULL;
	uint64_t lost, before;
	char what[256] = "";
	int burst;

	(void)state;
	if (!kernel_counts() || !find_cpus(&scene)) {
		net_lacks();
		return;
	}
	assert_int_equal(mkdir(work_path("sys"), 0755), 0);
	assert_int_equal(seen_try(&settings, &w, what), 0);
	for (burst = 0; burst < BURSTS_MAX && !missed(w); burst++) {
		before = seen_counters(w, WIRE_FAM_LISTEN).lost;
		seen_run(w, act_both_at_once, &scene);
		assert_int_equal(w->status, 0);
		lost = seen_counters(w, WIRE_FAM_LISTEN).lost - before;
		/* One more: the server. */
		assert_int_equal(seen_count(w, WIRE_LISTEN) + lost, BURST + 1);
	}
	print_message("%llu runs left out in %d bursts\n",
		      (unsigned long long)missed(w), burst);
	assert_true(missed(w) > 0);
	/* Of no other family's. */
	assert_int_equal(sensor_missed(w->sensor, WIRE_FAM_WRITE), 0);
	seen_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_that_the_kernel_leaves_out_are_counted),
	};
	void *none = NULL;
	int r;

	(void)work_dir();
	r = cmocka_run_group_tests_name("missed", tests, NULL, NULL);
	(void)seen_teardown(&none);
	return r;
}
