// SPDX-License-Identifier: Apache-2.0
/*
 * Looking after what is attached, over restarts too: in a bpf file system of
 * the test's own, with the few programs that it takes.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "links.h"

static struct sensor_settings settings(void)
{
	return (struct sensor_settings){
		.ring_bytes = 1u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
		.pin_dir = work_path("bpf/picket"),
		.holder = "a test",
		.force = {
			[WIRE_FAM_CONNECT] = WIRE_BACKEND_CGROUP,
			[WIRE_FAM_WRITE] = SENSOR_OFF,
			[WIRE_FAM_LISTEN] = SENSOR_OFF,
			[WIRE_FAM_LOAD] = SENSOR_OFF,
			[WIRE_FAM_TAMPER] = SENSOR_OFF,
		},
	};
}

static bool open_again(struct seen **ret)
{
	const struct sensor_journal journal = { .last_seq = 0 };
	const struct sensor_settings s = settings();
	struct sensor_past past;
	char what[256] = "";

	if (seen_try(&s, ret, what) < 0) {
		print_error("sensor_open: %s\n", what);
		fail();
	}
	assert_string_equal(sensor_pin_trouble((*ret)->sensor), "");
	sensor_resume((*ret)->sensor, &journal, &past);
	return past.is_adopted;
}

/* As if it had been killed: what is pinned runs on. */
static void leave(struct seen *w)
{
	assert_true(sensor_keep(w->sensor));
	seen_close(w);
}

static void end(struct seen *w)
{
	sensor_stop(w->sensor);
	seen_close(w);
}

/* ---- taken over ---------------------------------------------------------- */

static void what_was_taken_over_is_not_taken_for_put_out(void **state)
{
	struct sensor_harm harm;
	struct seen *w;

	(void)state;
	assert_false(open_again(&w));
	assert_false(sensor_check(w->sensor, &harm));
	leave(w);
	assert_true(open_again(&w));
	assert_false(sensor_check(w->sensor, &harm));
	assert_true(seen_row(w, "processes made").active);
	assert_true(seen_row(w, "connect, IPv4").active);
	end(w);
}

/* ---- put out and attached again ------------------------------------------- */

static int act_connect(void *arg)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)arg;
	if (fd < 0)
		return 1;
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	       errno != ECONNREFUSED;
}

/* By the hook that is put out: there is a second witness, who always tells. */
static size_t connects_told(struct seen *w)
{
	const struct wire_hdr *h;
	size_t i, n = 0;

	seen_run(w, act_connect, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_CONNECT), 1);
	for (i = 0; (h = seen_nth(w, WIRE_CONNECT, i)); i++)
		n += h->backend == WIRE_BACKEND_CGROUP;
	return n;
}

static int link_fd(void)
{
	uint32_t id = links_newest(BPF_LINK_TYPE_CGROUP, "connect4_cgroup");
	int fd;

	assert_true(id > 0);
	fd = bpf_link_get_fd_by_id(id);
	assert_true(fd >= 0);
	return fd;
}

static void detach(struct seen *w)
{
	int fd = link_fd();

	(void)w;
	assert_int_equal(bpf_link_detach(fd), 0);
	(void)close(fd);
}

/* One that sees nothing and says nothing. */
static void replace(struct seen *w)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
	int fd = link_fd(), program;

	(void)w;
	program = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "blind", "GPL",
				code, 2, &opts);
	assert_true(program >= 0);
	assert_int_equal(bpf_link_update(fd, program, NULL), 0);
	(void)close(program);
	(void)close(fd);
}

static void put_out_and_mended(struct seen *w, void (*harm_it)(struct seen *w),
			       const char *why)
{
	struct sensor_harm harm;

	assert_int_equal(connects_told(w), 1);
	harm_it(w);
	assert_int_equal(connects_told(w), 0);
	assert_true(sensor_check(w->sensor, &harm));
	assert_int_equal(harm.hooks, 1);
	assert_false(seen_row(w, "connect, IPv4").active);
	assert_non_null(strstr(seen_row(w, "connect, IPv4").reason, why));
	assert_true(seen_row(w, "connect, IPv6").active);
	assert_int_equal(connects_told(w), 0);

	assert_int_equal(sensor_mend(w->sensor), 1);
	assert_true(seen_row(w, "connect, IPv4").active);
	assert_false(sensor_check(w->sensor, &harm));
	assert_int_equal(sensor_mend(w->sensor), 0);
	/* Once: neither half of what was there runs as well. */
	assert_int_equal(connects_told(w), 1);
}

static void hook_that_was_detached_is_attached_again(void **state)
{
	struct seen *w;

	(void)state;
	assert_false(open_again(&w));
	put_out_and_mended(w, detach, "detached by somebody else");
	end(w);
}

static void hook_that_was_replaced_is_attached_again(void **state)
{
	struct seen *w;

	(void)state;
	assert_false(open_again(&w));
	put_out_and_mended(w, replace, "another program put in its place");
	end(w);
}

static void so_is_one_that_was_taken_over_and_the_next_start_takes_it(
	void **state)
{
	struct seen *w;

	(void)state;
	assert_false(open_again(&w));
	leave(w);
	assert_true(open_again(&w));
	put_out_and_mended(w, detach, "detached by somebody else");
	leave(w);
	assert_true(open_again(&w));
	assert_int_equal(connects_told(w), 1);
	end(w);
}

static void who_fights_is_not_fought_in_a_loop(void **state)
{
	struct sensor_harm harm;
	struct sensor_row row;
	struct seen *w;

	(void)state;
	assert_false(open_again(&w));
	put_out_and_mended(w, detach, "detached by somebody else");
	detach(w);
	/* Told again, and not mended at once. */
	assert_true(sensor_check(w->sensor, &harm));
	assert_int_equal(harm.hooks, 1);
	assert_int_equal(sensor_mend(w->sensor), 0);
	assert_int_equal(sensor_mend(w->sensor), 0);
	row = seen_row(w, "connect, IPv4");
	assert_false(row.active);
	assert_non_null(strstr(row.reason, "next try within 5 s"));
	/* A kill now: the next start has all of its hooks. */
	leave(w);
	assert_false(open_again(&w));
	assert_true(seen_row(w, "connect, IPv4").active);
	assert_int_equal(connects_told(w), 1);
	sensor_forget_formers(w->sensor);
	end(w);
}

/* ---- pins ------------------------------------------------------------------ */

/* The one generation that is there. */
static const char *generation(void)
{
	static char path[300];
	DIR *d = opendir(work_path("bpf/picket"));
	const struct dirent *e;

	*path = '\0';
	while (d && (e = readdir(d)))
		if (strchr(e->d_name, '-'))
			(void)snprintf(path, sizeof(path), "bpf/picket/%s",
				       e->d_name);
	if (d)
		(void)closedir(d);
	assert_true(*path);
	return work_path(path);
}

static int unpin_one(const char *name)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", generation(), name);
	return unlink(path);
}

static void pins_that_were_taken_away_are_put_back(void **state)
{
	struct sensor_harm harm;
	struct seen *w;

	(void)state;
	assert_false(open_again(&w));
	assert_false(sensor_check(w->sensor, &harm));
	assert_int_equal(unpin_one("link_connect4_cgroup"), 0);
	assert_int_equal(unpin_one("map_ring"), 0);
	assert_int_equal(unpin_one("map_account"), 0);
	assert_true(sensor_check(w->sensor, &harm));
	assert_int_equal(harm.pins, 3);
	assert_int_equal(harm.hooks, 0);
	assert_false(harm.pins_astray);
	assert_false(sensor_check(w->sensor, &harm));
	leave(w);
	assert_true(open_again(&w));
	assert_int_equal(connects_told(w), 1);
	end(w);
}

static void pin_of_something_else_in_its_place_goes(void **state)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "other", 4, 4, 1, NULL);
	struct sensor_harm harm;
	char path[400];
	struct seen *w;

	(void)state;
	assert_true(map >= 0);
	assert_false(open_again(&w));
	assert_int_equal(unpin_one("map_counters"), 0);
	(void)snprintf(path, sizeof(path), "%s/map_counters", generation());
	assert_int_equal(bpf_obj_pin(map, path), 0);
	assert_true(sensor_check(w->sensor, &harm));
	assert_int_equal(harm.pins, 1);
	leave(w);
	assert_true(open_again(&w));
	end(w);
	(void)close(map);
}

static void directory_of_the_pins_taken_away_is_told_once(void **state)
{
	struct sensor_harm harm;
	struct seen *w;

	(void)state;
	assert_false(open_again(&w));
	assert_int_equal(rename(work_path("bpf/picket"), work_path("bpf/away")),
			 0);
	assert_true(sensor_check(w->sensor, &harm));
	assert_true(harm.pins_astray);
	assert_non_null(
		strstr(sensor_pin_trouble(w->sensor), "is not where it was"));
	assert_false(sensor_check(w->sensor, &harm));
	assert_int_equal(connects_told(w), 1);
	assert_int_equal(rename(work_path("bpf/away"), work_path("bpf/picket")),
			 0);
	end(w);
	assert_int_equal(access(work_path("bpf/picket"), F_OK), -1);
}

/* ---- pins that are not what they are called --------------------------------- */

static void put_map(const char *path, enum bpf_map_type type, uint32_t bytes)
{
	int map = bpf_map_create(
		type, "other", type == BPF_MAP_TYPE_RINGBUF ? 0 : 4,
		type == BPF_MAP_TYPE_RINGBUF ? 0 : bytes,
		type == BPF_MAP_TYPE_RINGBUF ? bytes : 64, NULL);

	assert_true(map >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(bpf_obj_pin(map, path), 0);
	(void)close(map);
}

/* What is read from there is read into memory of one shape. */
static void map_of_another_shape_is_not_taken_over(void **state)
{
	static const struct {
		const char *name;
		enum bpf_map_type type;
		uint32_t bytes;
	} cases[] = {
		{ "map_counters", BPF_MAP_TYPE_PERCPU_ARRAY, 8192 },
		{ "map_written", BPF_MAP_TYPE_HASH, 8192 },
		{ "map_control", BPF_MAP_TYPE_ARRAY, 8192 },
		{ "map_ring", BPF_MAP_TYPE_RINGBUF, 1u << 19 },
		{ "map_ring", BPF_MAP_TYPE_RINGBUF, 1u << 21 },
		{ "map_account", BPF_MAP_TYPE_ARRAY, 8192 },
	};
	struct sensor_harm harm;
	struct wire_counters c;
	struct seen *w;
	char path[400];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(open_again(&w));
		leave(w);
		(void)snprintf(path, sizeof(path), "%s/%s", generation(),
			       cases[i].name);
		put_map(path, cases[i].type, cases[i].bytes);
		assert_false(open_again(&w));
		assert_int_equal(connects_told(w), 1);
		assert_int_equal(
			sensor_counters(w->sensor, 0, WIRE_FAM_EXEC, &c), 0);
		(void)sensor_former_untold(w->sensor, WIRE_FAM_EXEC);
		assert_false(sensor_check(w->sensor, &harm));
		sensor_forget_formers(w->sensor);
		end(w);
	}
}

static void holder_of_another_shape_says_nothing(void **state)
{
	const struct sensor_settings s = settings();
	struct seen *w, *second = NULL;
	char what[256] = "";

	(void)state;
	assert_false(open_again(&w));
	put_map(work_path("bpf/picket/holder"), BPF_MAP_TYPE_ARRAY, 1u << 16);
	assert_int_equal(seen_try(&s, &second, what), -EWOULDBLOCK);
	assert_string_equal(what, "another picket runs: it does not say which");
	end(w);
}

/* ---- whom the programs leave out ------------------------------------------- */

static void who_makes_himself_picket_is_found_out(void **state)
{
	struct wire_control other = { .self.tgid = 1 }, is = { .self.tgid = 0 };
	struct sensor_harm harm;
	uint32_t key = 0;
	struct seen *w;
	char path[400];
	int fd;

	(void)state;
	assert_false(open_again(&w));
	(void)snprintf(path, sizeof(path), "%s/map_control", generation());
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &key, &other, BPF_ANY), 0);
	assert_true(sensor_check(w->sensor, &harm));
	assert_true(harm.control);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &is), 0);
	assert_int_equal(is.self.tgid, getpid());
	assert_false(sensor_check(w->sensor, &harm));
	(void)close(fd);
	end(w);
}

/* In a mount namespace of our own: nothing is left, however this ends. */
static int setup(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNS) < 0 ||
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	       mkdir(work_path("bpf"), 0755) < 0 ||
	       mount("bpf", work_path("bpf"), "bpf", 0, NULL) < 0;
}

static int teardown(void **state)
{
	(void)umount2(work_path("bpf"), MNT_DETACH);
	return seen_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_taken_over_is_not_taken_for_put_out),
		cmocka_unit_test(hook_that_was_detached_is_attached_again),
		cmocka_unit_test(hook_that_was_replaced_is_attached_again),
		cmocka_unit_test(
			so_is_one_that_was_taken_over_and_the_next_start_takes_it),
		cmocka_unit_test(who_fights_is_not_fought_in_a_loop),
		cmocka_unit_test(pins_that_were_taken_away_are_put_back),
		cmocka_unit_test(pin_of_something_else_in_its_place_goes),
		cmocka_unit_test(directory_of_the_pins_taken_away_is_told_once),
		cmocka_unit_test(map_of_another_shape_is_not_taken_over),
		cmocka_unit_test(holder_of_another_shape_says_nothing),
		cmocka_unit_test(who_makes_himself_picket_is_found_out),
	};

	return cmocka_run_group_tests_name("care", tests, setup, teardown);
}
