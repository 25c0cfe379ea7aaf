/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More than the ring holds: what is lost is counted to the last record, and
 * a flood costs neither execs nor another's first events.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sense/cgroup_root.h"

/* Much of it is for what else the machine does while nobody reads. */
#define FLOOD_RING (16u << 20)
#define FLOOD	   5000
#define EXECS	   20
#define CONNECTS   30000
#define CROWDS	   6
#define LEVELS	   18

static int make_files_here(const char *prefix, int n)
{
	char name[64];
	int i, fd;

	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s%d", prefix, i);
		fd = open(name, O_WRONLY | O_CREAT, 0644);
		if (fd < 0)
			return 91;
		(void)close(fd);
		(void)unlink(name);
	}
	return 0;
}

static int make_files(const char *prefix, int n)
{
	return chdir(work_dir()) < 0 ? 90 : make_files_here(prefix, n);
}

static int run_true(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		(void)execl("/bin/true", "true", NULL);
		_exit(97);
	}
	return waitpid(pid, &status, 0) == pid && !status ? 0 : 92;
}

static int act_flood(void *arg)
{
	int i, r = make_files("f", FLOOD);

	(void)arg;
	for (i = 0; i < EXECS && !r; i++)
		r = run_true();
	return r;
}

static void flood_is_counted_and_leaves_room_for_execs(void **state)
{
	struct wire_counters sum[WIRE_FAM_COUNT];
	struct seen *w = seen_open(FLOOD_RING, 0);
	uint64_t used, size;
	int f;

	(void)state;
	assert_non_null(w);
	/*
	 * Others on the host are counted too, so both sides are taken whole:
	 * from attaching to detaching.
	 */
	w->keep_all = true;
	seen_run_unread(w, act_flood, NULL);
	assert_int_equal(w->status, 0);
	sensor_fill(w->sensor, &used, &size);
	assert_int_equal(size, FLOOD_RING);
	assert_true(used < size);
	seen_stop(w);
	for (f = 0; f < WIRE_FAM_COUNT; f++)
		sum[f] = seen_counters(w, (enum wire_family)f);
	assert_true(sum[WIRE_FAM_WRITE].made >= FLOOD);
	assert_true(sum[WIRE_FAM_WRITE].lost > 0);
	assert_int_equal(seen_count(w, WIRE_WRITE) + sum[WIRE_FAM_WRITE].lost,
			 sum[WIRE_FAM_WRITE].made);
	assert_int_equal(sum[WIRE_FAM_EXEC].lost, 0);
	assert_int_equal(sum[WIRE_FAM_FORK].lost, 0);
	assert_true(seen_count(w, WIRE_EXEC) >= EXECS);
	assert_int_equal(seen_count(w, WIRE_EXEC), sum[WIRE_FAM_EXEC].made);
	seen_close(w);
}

/* ---- bystanders ---------------------------------------------------------- */

#define BYSTANDER "bystander"

/* One write, one connection and one exec, the first that this process does. */
static int stand_by(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = open(work_path(BYSTANDER), O_WRONLY | O_CREAT, 0644);
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || sock < 0)
		return 93;
	(void)close(fd);
	if (connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		return 94;
	(void)close(sock);
	return run_true();
}

static int ran_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status)
		       ? WEXITSTATUS(status)
		       : 95;
}

static pid_t run(int (*act)(void *arg), void *arg)
{
	pid_t pid = fork();

	if (!pid)
		_exit(act(arg));
	return pid;
}

static bool has_bystander(const struct seen *w, uint32_t *ret_tgid)
{
	const struct wire_write *r;
	size_t i, n = strlen(BYSTANDER);

	for (i = 0; (r = seen_nth(w, WIRE_WRITE, i)); i++) {
		if (r->op != WIRE_OP_OPEN || r->path.path.len < n ||
		    memcmp((const char *)r + r->path.path.off +
				   r->path.path.len - n,
			   BYSTANDER, n) != 0)
			continue;
		*ret_tgid = r->hdr.tgid;
		return true;
	}
	return false;
}

static size_t connects_of(const struct seen *w, uint32_t tgid)
{
	const struct wire_connect *r;
	size_t i, n = 0;

	for (i = 0; (r = seen_nth(w, WIRE_CONNECT, i)); i++)
		n += r->hdr.tgid == tgid;
	return n;
}

static void *flood_thread(void *prefix)
{
	return (void *)(intptr_t)make_files(prefix, FLOOD);
}

/* One socket asks for one place after the other; each is an event. */
static void *connect_thread(void *arg)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	intptr_t r = sock < 0;
	int i;

	(void)arg;
	for (i = 0; i < CONNECTS && !r; i++) {
		to.sin_port = htons((uint16_t)(1 + i));
		r = connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0;
	}
	(void)close(sock);
	return (void *)r;
}

/* Both CPUs, one process; all that follows is in the same cgroup. */
static int two_threads(void *(*thread)(void *arg))
{
	static char a[] = "a", b[] = "b";
	void *r1 = NULL, *r2 = NULL;
	pthread_t t1, t2;

	if (pthread_create(&t1, NULL, thread, a) ||
	    pthread_create(&t2, NULL, thread, b))
		return 96;
	(void)pthread_join(t1, &r1);
	(void)pthread_join(t2, &r2);
	return r1 || r2;
}

static int act_two_threads(void *arg)
{
	(void)arg;
	return two_threads(flood_thread);
}

static int act_two_connecting(void *arg)
{
	(void)arg;
	return two_threads(connect_thread);
}

static int act_by_a_process(void *arg)
{
	int r = ran_well(run(act_two_threads, arg));

	return r ? r : stand_by();
}

/* Down in directories of long names: a record of each file there is large. */
static int act_far_down(void *arg)
{
	char name[201];
	int i, r = 0;

	(void)arg;
	(void)memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	if (chdir(work_dir()) < 0)
		return 88;
	for (i = 0; i < LEVELS; i++)
		if (mkdir(name, 0755) < 0 || chdir(name) < 0)
			return 88;
	r = make_files_here("l", FLOOD);
	for (i = 0; i < LEVELS; i++)
		if (chdir("..") < 0 || rmdir(name) < 0)
			return 88;
	return r;
}

static int act_by_long_names(void *arg)
{
	int r = ran_well(run(act_far_down, arg));

	return r ? r : stand_by();
}

static int act_by_connects(void *arg)
{
	int r = ran_well(run(act_two_connecting, arg));

	return r ? r : stand_by();
}

/* Of a family: what was made is received or counted lost, to the last one. */
static void assert_balance(const struct seen *w, enum wire_family family,
			   enum wire_type type)
{
	struct wire_counters c = seen_counters(w, family);

	assert_int_equal(seen_count(w, type) + c.lost, c.made);
}

/* Whatever else runs here. */
static bool bystander_was_seen(enum wire_family flooded, int (*act)(void *arg),
			       void *arg)
{
	struct seen *w = seen_open(FLOOD_RING, 0);
	uint32_t tgid = 0;
	bool seen;

	assert_non_null(w);
	w->keep_all = true;
	seen_run_unread(w, act, arg);
	assert_int_equal(w->status, 0);
	seen_stop(w);
	assert_true(seen_counters(w, flooded).lost > 0);
	assert_balance(w, WIRE_FAM_WRITE, WIRE_WRITE);
	assert_balance(w, WIRE_FAM_EXEC, WIRE_EXEC);
	assert_int_equal(seen_counters(w, WIRE_FAM_EXEC).lost, 0);
	assert_int_equal(seen_counters(w, WIRE_FAM_EXIT).lost, 0);
	seen = has_bystander(w, &tgid) && connects_of(w, tgid) == 1;
	seen_close(w);
	return seen;
}

/*
 * The rest of a busy machine is a flood of its own, and nothing reads the
 * ring meanwhile: once of a few times it must have been quiet enough.
 */
#define TRIES 6

static void assert_bystander_is_seen(enum wire_family flooded,
				     int (*act)(void *arg), void *arg)
{
	int i;

	for (i = 0; i < TRIES; i++) {
		if (bystander_was_seen(flooded, act, arg))
			return;
	}
	fail_msg("refused room %d times", TRIES);
}

static void flood_by_a_process_costs_others_nothing(void **state)
{
	(void)state;
	assert_bystander_is_seen(WIRE_FAM_WRITE, act_by_a_process, NULL);
}

/* What counts is the room that records take, not how many they are. */
static void flood_of_long_names_costs_others_nothing(void **state)
{
	(void)state;
	assert_bystander_is_seen(WIRE_FAM_WRITE, act_by_long_names, NULL);
}

static void flood_of_connects_costs_others_nothing(void **state)
{
	(void)state;
	assert_bystander_is_seen(WIRE_FAM_CONNECT, act_by_connects, NULL);
}

static int join_cgroup(const char *dir)
{
	cleanup_close int fd = -1;
	char path[320];

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : 89;
}

/* Many processes, none of them for long, in a cgroup of their own. */
static int act_crowd(void *dir)
{
	char prefix[16];
	pid_t pids[2];
	int i, k, r = join_cgroup(dir);

	for (i = 0; i < 20 && !r; i++) {
		for (k = 0; k < 2; k++) {
			pids[k] = fork();
			if (!pids[k]) {
				(void)snprintf(prefix, sizeof(prefix),
					       "c%d_%d_", i, k);
				_exit(make_files(prefix, FLOOD / 20));
			}
		}
		for (k = 0; k < 2; k++)
			r |= ran_well(pids[k]);
	}
	return r;
}

/* A crowd in each of so many cgroups, all at once. */
struct crowds {
	char dirs[CROWDS][256];
	int n;
};

static int act_by_cgroups(void *arg)
{
	struct crowds *c = arg;
	pid_t pids[CROWDS];
	int i, r = 0;

	for (i = 0; i < c->n; i++)
		pids[i] = run(act_crowd, c->dirs[i]);
	for (i = 0; i < c->n; i++)
		r |= ran_well(pids[i]);
	return r ? r : stand_by();
}

static void assert_crowds_cost_others_nothing(int n)
{
	cleanup_close int root = -1;
	struct crowds c = { .n = n };
	int i;

	assert_int_equal(cgroup_root_open(&root), 0);
	for (i = 0; i < n; i++) {
		(void)snprintf(c.dirs[i], sizeof(c.dirs[i]),
			       "/proc/%d/fd/%d/picket-flood-%d-%d", getpid(),
			       root, getpid(), i);
		assert_int_equal(mkdir(c.dirs[i], 0755), 0);
	}
	assert_bystander_is_seen(WIRE_FAM_WRITE, act_by_cgroups, &c);
	for (i = 0; i < n; i++)
		assert_int_equal(rmdir(c.dirs[i]), 0);
}

static void flood_by_a_cgroup_costs_others_nothing(void **state)
{
	(void)state;
	assert_crowds_cost_others_nothing(1);
}

static void flood_by_many_cgroups_costs_others_nothing(void **state)
{
	(void)state;
	assert_crowds_cost_others_nothing(CROWDS);
}

/* ---- order --------------------------------------------------------------- */

#define GENERATIONS 60

/* Writes a file named by its generation, and becomes the next one. */
static int flood_generation(int argc, char **argv)
{
	int g = argc > 2 ? atoi(argv[2]) : 0, fd;
	char name[64], next[16];

	(void)snprintf(name, sizeof(name), "%s/g%d", argv[3], g);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return 90;
	(void)close(fd);
	if (g + 1 == GENERATIONS)
		return 0;
	(void)snprintf(next, sizeof(next), "%d", g + 1);
	(void)execl("/proc/self/exe", "flood", "--generation", next, argv[3],
		    NULL);
	return 91;
}

static int act_generations(void *dir)
{
	(void)execl("/proc/self/exe", "flood", "--generation", "0", dir, NULL);
	return 91;
}

static int act_amid_a_flood(void *dir)
{
	pid_t a = run(act_two_threads, NULL), b = run(act_generations, dir);
	int r = ran_well(b);

	return ran_well(a) | r;
}

/* The generation whose file this record opens; -1: another file. */
static int generation_of(const struct wire_write *w)
{
	const char *p = (const char *)w + w->path.path.off;
	size_t n = w->path.path.len, i = n;
	int g = 0, unit = 1;

	if (w->op != WIRE_OP_OPEN)
		return -1;
	while (i && p[i - 1] >= '0' && p[i - 1] <= '9') {
		g += (p[--i] - '0') * unit;
		unit *= 10;
	}
	return i < n && i >= 2 && p[i - 1] == 'g' && p[i - 2] == '/' ? g : -1;
}

/*
 * In the ring's order: a write of generation g comes behind the g-th exec of
 * its process and before the next, and carries that image's number.
 */
static void every_write_comes_under_the_image_that_made_it(void **state)
{
	struct seen *w = seen_open(FLOOD_RING, 0);
	uint32_t first = 0, tgid = 0, image = 0;
	size_t i, seen = 0;
	int g;

	(void)state;
	assert_non_null(w);
	seen_run(w, act_amid_a_flood, (void *)(uintptr_t)work_dir());
	assert_int_equal(w->status, 0);
	for (i = 0; i < w->count; i++) {
		const struct wire_hdr *h = w->records[i];

		if (h->type == WIRE_EXEC && (!tgid || h->tgid == tgid))
			image = h->image;
		if (h->type != WIRE_WRITE)
			continue;
		g = generation_of((const struct wire_write *)h);
		if (g < 0)
			continue;
		if (!tgid) {
			tgid = h->tgid;
			first = image - (uint32_t)g;
		}
		assert_int_equal(h->tgid, tgid);
		assert_int_equal(h->image, image);
		assert_int_equal(h->image - first, g);
		seen++;
	}
	/* It is a process of its own: what it does has room. */
	assert_true(seen > GENERATIONS / 2);
	seen_close(w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flood_is_counted_and_leaves_room_for_execs),
		cmocka_unit_test(flood_by_a_process_costs_others_nothing),
		cmocka_unit_test(flood_of_long_names_costs_others_nothing),
		cmocka_unit_test(flood_of_connects_costs_others_nothing),
		cmocka_unit_test(flood_by_a_cgroup_costs_others_nothing),
		cmocka_unit_test(flood_by_many_cgroups_costs_others_nothing),
		cmocka_unit_test(
			every_write_comes_under_the_image_that_made_it),
	};
	void *none = NULL;
	int r;

	if (argc == 4 && strcmp(argv[1], "--generation") == 0)
		return flood_generation(argc, argv);
	(void)work_dir();
	r = cmocka_run_group_tests_name("flood", tests, NULL, NULL);
	(void)seen_teardown(&none);
	return r;
}
