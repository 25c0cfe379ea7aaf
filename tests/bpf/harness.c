/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the kernel side share. A record belongs to the child's
 * family if its process was forked from one that does, by the fork records
 * themselves: the machine does other things meanwhile.
 */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "forced.h"

#define DEADLINE_S 60

const char *const seen_env_names[] = { "LD_PRELOAD", "PICKET_TEST_LONG",
				       "BASH_ENV", NULL };

static bool is_family(const struct seen *w, uint32_t tgid, uint64_t start_ns)
{
	size_t i;

	for (i = 0; i < w->family_count; i++)
		if (w->family[i].tgid == tgid &&
		    w->family[i].start_ns == start_ns)
			return true;
	return false;
}

static void join_family(struct seen *w, const struct wire_fork *f)
{
	if (f->hdr.tgid != w->child &&
	    !is_family(w, f->parent_tgid, f->parent_start_ns))
		return;
	assert_true(w->family_count < sizeof(w->family) / sizeof(w->family[0]));
	w->family[w->family_count].tgid = f->hdr.tgid;
	w->family[w->family_count].start_ns = f->hdr.start_ns;
	w->family_count++;
}

static int keep(void *arg, const void *data, size_t size)
{
	const struct wire_hdr *h = data;
	struct seen *w = arg;
	void *copy;

	assert_true(size >= sizeof(*h));
	assert_true(h->size <= size);
	assert_true(h->type > WIRE_NONE && h->type < WIRE_TYPE_COUNT);
	if (h->type == WIRE_FORK)
		join_family(w, data);
	if (!w->keep_all && !(h->flags & WIRE_F_NO_TASK) &&
	    !is_family(w, h->tgid, h->start_ns))
		return 0;
	if (h->type == WIRE_EXIT && h->tgid == w->child)
		w->ended = true;
	if (w->count == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 64;
		w->records = realloc(w->records, w->cap * sizeof(*w->records));
		assert_non_null(w->records);
	}
	copy = malloc(h->size);
	assert_non_null(copy);
	memcpy(copy, data, h->size);
	w->records[w->count++] = copy;
	return 0;
}

static void forget(struct seen *w)
{
	while (w->count)
		free(w->records[--w->count]);
	w->family_count = 0;
	w->ended = false;
}

int seen_try(const struct sensor_settings *settings, struct seen **ret,
	     char what[static 256])
{
	struct seen *w = calloc(1, sizeof(*w));
	int r;

	assert_non_null(w);
	r = sensor_open(settings, &w->sensor, what);
	if (r < 0) {
		free(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct seen *seen_open(uint64_t ring_bytes, uint64_t window_ms)
{
	struct sensor_settings s = {
		.ring_bytes = ring_bytes,
		.window_ms = window_ms,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
	};
	char what[256] = "";
	struct seen *w;

	forced_by_env(s.force);
	if (seen_try(&s, &w, what) == 0)
		return w;
	print_error("sensor_open: %s\n", what);
	return NULL;
}

void seen_close(struct seen *w)
{
	forget(w);
	free(w->records);
	sensor_close(w->sensor);
	free(w);
}

int seen_setup(void **state)
{
	*state = seen_open(8u << 20, 3600 * 1000);
	return *state ? 0 : -1;
}

/* Some of what is there is deeper than any path can say; rm copes. */
static bool remove_tree(const char *path)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		(void)execlp("rm", "rm", "-rf", path, NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

int seen_teardown(void **state)
{
	if (*state)
		seen_close(*state);
	if (!remove_tree(work_dir()))
		print_error("%s is left behind\n", work_dir());
	return 0;
}

static void run(struct seen *w, int (*act)(void *arg), void *arg, bool unread)
{
	uint64_t deadline;
	struct pollfd p = { .fd = sensor_fd(w->sensor), .events = POLLIN };
	int go[2];
	pid_t pid;
	char c;

	while (sensor_read(w->sensor, keep, w, 1000) > 0)
		;
	if (!w->keep_all)
		forget(w);
	w->ended = false;
	/* Else each would make its own, where no test before did. */
	(void)work_dir();
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		(void)close(go[1]);
		_exit(read(go[0], &c, 1) == 1 ? act(arg) : 99);
	}
	w->child = (uint32_t)pid;
	(void)close(go[0]);
	assert_int_equal(write(go[1], "g", 1), 1);
	(void)close(go[1]);
	if (unread)
		assert_int_equal(waitpid(pid, &w->status, 0), pid);
	deadline = clock_mono_ns() + DEADLINE_S * NS_PER_S;
	while (!w->ended && clock_mono_ns() < deadline) {
		assert_true(sensor_read(w->sensor, keep, w, 1000) >= 0);
		if (!w->ended)
			(void)poll(&p, 1, 100);
	}
	if (!unread)
		assert_int_equal(waitpid(pid, &w->status, 0), pid);
	while (sensor_read(w->sensor, keep, w, 1000) > 0)
		;
	assert_true(w->ended);
}

void seen_stop(struct seen *w)
{
	sensor_stop(w->sensor);
	while (sensor_read(w->sensor, keep, w, 1000) > 0)
		;
}

void seen_run(struct seen *w, int (*act)(void *arg), void *arg)
{
	run(w, act, arg, false);
}

void seen_run_unread(struct seen *w, int (*act)(void *arg), void *arg)
{
	run(w, act, arg, true);
}

const void *seen_nth(const struct seen *w, enum wire_type type, size_t n)
{
	const struct wire_hdr *h;
	size_t i;

	for (i = 0; i < w->count; i++) {
		h = w->records[i];
		if (h->type == type && n-- == 0)
			return h;
	}
	return NULL;
}

size_t seen_count(const struct seen *w, enum wire_type type)
{
	size_t n = 0;

	while (seen_nth(w, type, n))
		n++;
	return n;
}

/* The next write record with this op from *i on, which goes behind it. */
static const struct wire_write *next_write(const struct seen *w,
					   enum wire_write_op op, size_t *i)
{
	const struct wire_write *r;

	while (*i < w->count) {
		r = w->records[(*i)++];
		if (r->hdr.type == WIRE_WRITE && r->op == op)
			return r;
	}
	return NULL;
}

const struct wire_write *seen_write(const struct seen *w, enum wire_write_op op,
				    size_t n)
{
	const struct wire_write *r;
	size_t i = 0;

	do
		r = next_write(w, op, &i);
	while (r && n--);
	return r;
}

size_t seen_writes(const struct seen *w, enum wire_write_op op)
{
	size_t i = 0, n = 0;

	while (next_write(w, op, &i))
		n++;
	return n;
}

const struct wire_load *seen_load(const struct seen *w, enum wire_load_op op,
				  size_t n)
{
	const struct wire_load *r;
	size_t i;

	for (i = 0; (r = seen_nth(w, WIRE_LOAD, i)); i++)
		if (r->op == op && n-- == 0)
			return r;
	return NULL;
}

struct sensor_row seen_row(const struct seen *w, const char *hook)
{
	struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t n = sensor_coverage(w->sensor, rows), i;

	for (i = 0; i < n; i++)
		if (strcmp(rows[i].hook, hook) == 0)
			return rows[i];
	fail_msg("no hook is called '%s'", hook);
	return rows[0];
}

struct wire_counters seen_counters(const struct seen *w,
				   enum wire_family family)
{
	struct wire_counters sum = { 0 }, one;
	unsigned cpu;

	for (cpu = 0; sensor_counters(w->sensor, cpu, family, &one) == 0;
	     cpu++) {
		sum.made += one.made;
		sum.lost += one.lost;
		sum.skipped += one.skipped;
		sum.summed += one.summed;
	}
	assert_int_equal(cpu, sensor_cpus(w->sensor));
	return sum;
}

void assert_bytes(const void *record, struct wire_str s, const void *want,
		  size_t n)
{
	const struct wire_hdr *h = record;

	assert_true((size_t)s.off + s.len <= h->size);
	if (s.len != n)
		print_error("got %u bytes: %.*s\n", s.len, (int)s.len,
			    (const char *)record + s.off);
	assert_int_equal(s.len, n);
	assert_memory_equal((const char *)record + s.off, want, n);
}

void assert_str(const void *record, struct wire_str s, const char *want)
{
	assert_bytes(record, s, want, strlen(want));
}

void assert_path(const void *record, const struct wire_path *p,
		 const char *want)
{
	assert_str(record, p->path, want);
	assert_int_equal(p->flags, 0);
}

#define WORK_PREFIX "picket-bpf-"

/* What tests left that were killed: the name says whose it was. */
static void sweep(void)
{
	DIR *d = opendir("/tmp");
	const struct dirent *e;
	char path[300];
	int pid;

	while (d && (e = readdir(d))) {
		if (sscanf(e->d_name, WORK_PREFIX "%d-", &pid) != 1 ||
		    pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		(void)snprintf(path, sizeof(path), "/tmp/%s", e->d_name);
		(void)remove_tree(path);
	}
	if (d)
		(void)closedir(d);
}

const char *work_dir(void)
{
	static char dir[64];

	if (!*dir) {
		sweep();
		(void)snprintf(dir, sizeof(dir),
			       "/tmp/" WORK_PREFIX "%d-XXXXXX", getpid());
		if (!mkdtemp(dir))
			abort();
	}
	return dir;
}

const char *work_path(const char *name)
{
	static char paths[8][4096];
	static unsigned next;
	char *p = paths[next++ % 8];

	(void)snprintf(p, sizeof(paths[0]), "%s/%s", work_dir(), name);
	return p;
}

int write_in(const char *dir, const char *file, const char *text)
{
	char path[512];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	r = fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text);
	(void)close(fd);
	return r ? -1 : 0;
}

int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out, r = 0;
	struct stat st;

	if (in < 0)
		return -errno;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (out < 0 || fstat(in, &st) < 0 ||
	    sendfile(out, in, NULL, (size_t)st.st_size) != st.st_size)
		r = -EIO;
	(void)close(in);
	if (out >= 0)
		(void)close(out);
	return r;
}

int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}
