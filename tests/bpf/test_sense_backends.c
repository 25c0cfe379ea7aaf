// SPDX-License-Identifier: Apache-2.0
/*
 * Every family on every backend that the sensor's table has for it, forced in
 * turn: either it attaches, and then its record of a witness comes from that
 * backend, or the sensor says why not, and it is this kernel's affair: refused.h.
 *
 * For the matrix each cell is told in a line of its own on stdout, a comment
 * to TAP:
 *
 *   # cell FAMILY BACKEND seen
 *   # cell FAMILY BACKEND part HOOK: WHY; HOOK: WHY …
 *   # cell FAMILY BACKEND no WHY
 *
 * and what the sensor chooses when nothing is forced:
 *
 *   # hook FAMILY BACKEND|- HOOK<tab>WHAT IT CANNOT SEE, OR WHY NOT
 *
 * with, of those hooks for which something better was tried, why not that:
 *
 *   # fell FAMILY HOOK<tab>WHY
 */
#include "harness.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "links.h"
#include "refused.h"
#include "sense/sensor_impl.h"

/* One test: a backend, and the families that the table has it for. */
struct turn {
	enum wire_backend backend;
	bool has[WIRE_FAM_COUNT];
	char name[48];
};

/* Which family counts a record; -1: none of one that makes events. */
static const int family_of[WIRE_TYPE_COUNT] = {
	[WIRE_NONE] = -1,
	[WIRE_FORK] = WIRE_FAM_FORK,
	[WIRE_EXEC] = WIRE_FAM_EXEC,
	[WIRE_EXIT] = WIRE_FAM_EXIT,
	[WIRE_CONNECT] = WIRE_FAM_CONNECT,
	[WIRE_CONNECT_RESULT] = -1,
	[WIRE_WRITE] = WIRE_FAM_WRITE,
	[WIRE_CGROUP] = WIRE_FAM_CGROUP,
	[WIRE_SCRIPT] = -1,
	[WIRE_LISTEN] = WIRE_FAM_LISTEN,
	[WIRE_LOAD] = WIRE_FAM_LOAD,
	[WIRE_TAMPER] = WIRE_FAM_TAMPER,
};
static_assert(sizeof(family_of) / sizeof(*family_of) == WIRE_TYPE_COUNT,
	      "a family for each record type");

static struct sensor_settings settings(void)
{
	return (struct sensor_settings){
		.ring_bytes = 1u << 20,
		.window_ms = 3600 * 1000,
		.unix_sockets = true,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
	};
}

static int write_a_file(void)
{
	int fd = open(work_path("witness"), O_WRONLY | O_CREAT | O_CLOEXEC,
		      0755);

	if (fd < 0 || write(fd, "x", 1) != 1)
		return -1;
	return close(fd);
}

/* Executable, and not the program that does it. */
static int map_a_file(void)
{
	int fd = open(work_path("witness"), O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	return p == MAP_FAILED ? -1 : close(fd);
}

/* Both ends in one process: the backlog takes the connection. */
static int listen_and_connect(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int one = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int two = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(one, (struct sockaddr *)&a, len) < 0 || listen(one, 1) < 0 ||
	    getsockname(one, (struct sockaddr *)&a, &len) < 0 ||
	    connect(two, (struct sockaddr *)&a, len) < 0)
		return -1;
	return close(one) | close(two);
}

/* A map of the sensor's own, by a descriptor that a fork has left us. */
static int change_a_map(void)
{
	struct bpf_map_info info;
	uint64_t key = 0;
	uint8_t one = 1;
	uint32_t size;
	int fd;

	for (fd = 3; fd < 1024; fd++) {
		size = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
		    strcmp(info.name, "env_names") == 0)
			return bpf_map_update_elem(fd, &key, &one, BPF_ANY);
	}
	return -1;
}

/* One of each kind: what a family's witness is, whoever asks. */
static int act_one_of_each(void *arg)
{
	int status;
	pid_t pid;

	(void)arg;
	if (write_a_file() < 0)
		return 90;
	if (map_a_file() < 0)
		return 91;
	if (listen_and_connect() < 0)
		return 92;
	if (change_a_map() < 0)
		return 96;
	pid = fork();
	if (!pid) {
		(void)execl("/bin/true", "true", NULL);
		_exit(93);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 94;
	return status ? 95 : 0;
}

static size_t count_of(const struct seen *w, enum wire_family family,
		       enum wire_backend backend)
{
	const struct wire_hdr *h;
	size_t i, n = 0;

	for (i = 0; i < w->count; i++) {
		h = w->records[i];
		n += h->backend == backend && family_of[h->type] == (int)family;
	}
	return n;
}

/* Not what nothing sees at all, which the coverage table also has. */
static bool is_dark_hook(const struct sensor_row *row, const char *family)
{
	size_t i;

	for (i = 0; i < sense_hook_count; i++)
		if (row->hook == sense_hooks[i].sees)
			return !row->active && strcmp(row->family, family) == 0;
	return false;
}

/* The cell, with the hooks of this family that the backend leaves dark. */
static void say_seen(const struct seen *w, enum wire_family family,
		     enum wire_backend backend)
{
	const char *name = sense_family_name(family), *comma = " ";
	struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t i, n = sensor_coverage(w->sensor, rows), dark = 0;

	for (i = 0; i < n; i++)
		dark += is_dark_hook(&rows[i], name);
	printf("# cell %s %s %s", name, sense_backend_name(backend),
	       dark ? "part" : "seen");
	for (i = 0; i < n; i++) {
		if (!is_dark_hook(&rows[i], name))
			continue;
		printf("%s%s: %s", comma, rows[i].hook, rows[i].reason);
		comma = "; ";
	}
	printf("\n");
}

/*
 * What is forced: all families of the turn, or one of them. The others are not
 * loaded, but for those that tell whose a record is.
 */
static int open_forced(const struct turn *turn, int only, struct seen **ret,
		       char what[static 256])
{
	struct sensor_settings s = settings();
	enum wire_family family;

	for (family = 0; family < WIRE_FAM_COUNT; family++) {
		if (only < 0 ? turn->has[family] : only == (int)family)
			s.force[family] = (uint8_t)turn->backend;
		else if (family != WIRE_FAM_FORK && family != WIRE_FAM_EXIT)
			s.force[family] = SENSOR_OFF;
	}
	return seen_try(&s, ret, what);
}

static void check_seen(struct seen *w, const struct turn *turn, int only)
{
	enum wire_family family;
	size_t n;

	seen_run(w, act_one_of_each, NULL);
	assert_int_equal(w->status, 0);
	for (family = 0; family < WIRE_FAM_COUNT; family++) {
		if (only < 0 ? !turn->has[family] : only != (int)family)
			continue;
		n = count_of(w, family, turn->backend);
		if (!n)
			print_error("attached, and silent: %s by %s\n",
				    sense_family_name(family),
				    sense_backend_name(turn->backend));
		assert_true(n > 0);
		say_seen(w, family, turn->backend);
	}
}

static void check_refused(const struct turn *turn, enum wire_family family,
			  const char *what, int r)
{
	printf("# cell %s %s no %s\n", sense_family_name(family),
	       sense_backend_name(turn->backend), what);
	assert_int_equal(r, -ENOTSUP);
	assert_non_null(strstr(what, sense_family_name(family)));
	assert_non_null(strstr(what, sense_backend_name(turn->backend)));
	if (!refused_rightly(family, turn->backend, what))
		fail_msg("this kernel has what %s by %s needs: %s",
			 sense_family_name(family),
			 sense_backend_name(turn->backend), what);
}

/*
 * All families at once, as loading takes seconds where the processor is
 * emulated. What is refused together is asked for one by one.
 */
static void speaks_or_says_why(void **state)
{
	const struct turn *turn = *state;
	enum wire_family family;
	struct seen *w = NULL;
	char what[256] = "";
	int fds = open_fds(), r;

	if (open_forced(turn, -1, &w, what) == 0) {
		check_seen(w, turn, -1);
		seen_close(w);
		assert_int_equal(open_fds(), fds);
		return;
	}
	for (family = 0; family < WIRE_FAM_COUNT; family++) {
		if (!turn->has[family])
			continue;
		*what = '\0';
		r = open_forced(turn, (int)family, &w, what);
		if (r < 0) {
			check_refused(turn, family, what, r);
		} else {
			check_seen(w, turn, (int)family);
			seen_close(w);
		}
		assert_int_equal(open_fds(), fds);
	}
}

static void say_fallen(const struct seen *w)
{
	size_t i;

	for (i = 0; i < sense_hook_count; i++)
		if (*w->sensor->a.hooks[i].reason)
			printf("# fell %s %s\t%s\n",
			       sense_family_name(sense_hooks[i].family),
			       sense_hooks[i].sees,
			       w->sensor->a.hooks[i].reason);
}

static void choice_is_told_whole(void **state)
{
	struct sensor_row rows[SENSOR_ROWS_MAX];
	struct sensor_settings s = settings();
	char what[256] = "";
	struct seen *w;
	size_t i, n;

	(void)state;
	assert_int_equal(seen_try(&s, &w, what), 0);
	n = sensor_coverage(w->sensor, rows);
	assert_true(n >= sense_hook_count);
	for (i = 0; i < n; i++) {
		printf("# hook %s %s %s\t%s\n", rows[i].family, rows[i].backend,
		       rows[i].hook, rows[i].reason);
		assert_true(rows[i].active || *rows[i].reason);
		/* Each call that this kernel has was looked at. */
		if (strstr(rows[i].hook, "does not know"))
			fail_msg("%s: %s", rows[i].hook, rows[i].reason);
	}
	say_fallen(w);
	seen_close(w);
}

static bool has_row_by(const struct sensor_row *rows, size_t n,
		       const char *backend)
{
	for (; n; rows++, n--)
		if (strcmp(rows->backend, backend) == 0)
			return true;
	return false;
}

/*
 * What every system call of the machine passes is attached only where nothing
 * better is there: not beside the hooks of the kernel's own functions.
 */
static void choice_spares_other_calls(void **state)
{
	struct sensor_row rows[SENSOR_ROWS_MAX];
	struct sensor_settings s = settings();
	bool has_hooks;
	char what[256] = "";
	struct seen *w;
	size_t n;

	(void)state;
	assert_int_equal(seen_try(&s, &w, what), 0);
	n = sensor_coverage(w->sensor, rows);
	has_hooks = has_row_by(rows, n, "lsm") || has_row_by(rows, n, "kprobe");
	assert_int_equal(links_newest(0, "sys_exit") == 0, has_hooks);
	assert_int_equal(links_newest(0, "sys_enter") == 0, has_hooks);
	seen_close(w);
}

/* From the sensor's table, so that a new hook is tested by being there. */
static void find_turns(struct turn turns[static WIRE_BACKEND_COUNT])
{
	const struct hook *hook;
	struct turn *turn;
	size_t i;

	for (hook = sense_hooks; hook < sense_hooks + sense_hook_count;
	     hook++) {
		for (i = 0; hook->makes_events && i < hook->count; i++) {
			turn = &turns[hook->probes[i].backend];
			turn->backend = hook->probes[i].backend;
			turn->has[hook->family] = true;
			(void)snprintf(turn->name, sizeof(turn->name),
				       "%s_speaks_or_says_why",
				       sense_backend_name(turn->backend));
		}
	}
}

static int clean_up(void **state)
{
	*state = NULL;
	return seen_teardown(state);
}

int main(void)
{
	/* Rows without a function are no tests to cmocka. */
	static struct CMUnitTest tests[WIRE_BACKEND_COUNT + 2];
	static struct turn turns[WIRE_BACKEND_COUNT];
	size_t i;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	find_turns(turns);
	for (i = 0; i < WIRE_BACKEND_COUNT; i++)
		if (*turns[i].name)
			tests[i] = (struct CMUnitTest){
				.name = turns[i].name,
				.test_func = speaks_or_says_why,
				.initial_state = &turns[i],
			};
	tests[i] = (struct CMUnitTest)cmocka_unit_test(choice_is_told_whole);
	tests[i + 1] =
		(struct CMUnitTest)cmocka_unit_test(choice_spares_other_calls);
	return cmocka_run_group_tests_name("backends", tests, NULL, clean_up);
}
