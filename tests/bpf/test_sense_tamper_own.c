// SPDX-License-Identifier: Apache-2.0
/*
 * What is done to picket's own in the kernel, which here is this test's: its
 * child changes maps, detaches links, removes pins.
 */
#include "harness.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forced.h"
#include "links.h"
#include "tampered.h"

static int own_map(const char *name, uint32_t *ret_id)
{
	struct bpf_map_info info;
	uint32_t size;
	int fd;

	for (fd = 3; fd < 1024; fd++) {
		size = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
		    strcmp(info.name, name) == 0) {
			*ret_id = info.id;
			return fd;
		}
	}
	return -1;
}

/* By its number, as somebody would who was not given it. */
static int act_change_map(void *arg)
{
	uint64_t key = 0;
	uint8_t one = 1;
	int fd = bpf_map_get_fd_by_id(*(uint32_t *)arg);

	return fd < 0 || bpf_map_update_elem(fd, &key, &one, BPF_ANY) < 0;
}

static void a_map_of_pickets_changed_is_told(void **state)
{
	const struct wire_tamper *r;
	uint32_t id;

	assert_true(own_map("env_names", &id) >= 0);
	seen_run(*state, act_change_map, &id);
	r = tamper_only(*state, WIRE_TAMPER_BPF);
	assert_forced(&r->hdr, WIRE_FAM_TAMPER);
	assert_int_equal(r->arg, BPF_MAP_UPDATE_ELEM);
	assert_int_equal(r->id, id);
	assert_int_equal(r->target_tgid, 0);
	assert_true(r->flags & WIRE_TAMPER_SELF);
}

static int act_change_own_map(void *arg)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "env_names", 8, 1, 4, NULL);
	uint64_t key = 0;
	uint8_t one = 1;

	(void)arg;
	return fd < 0 || bpf_map_update_elem(fd, &key, &one, BPF_ANY) < 0;
}

static void a_map_of_ones_own_is_not(void **state)
{
	struct seen *w = *state;

	seen_run(w, act_change_own_map, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_TAMPER), 0);
}

/* The link that runs this program, by its number. */
static int act_detach(void *arg)
{
	int fd = bpf_link_get_fd_by_id(*(uint32_t *)arg);

	return fd < 0 || bpf_link_detach(fd) < 0;
}

/* With a sensor of its own, which is not the same afterwards. */
static void a_detached_hook_is_told_and_missed(void **state)
{
	struct sensor_settings s = {
		.ring_bytes = 1u << 20,
		.window_ms = 3600 * 1000,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
		.force[WIRE_FAM_CONNECT] = WIRE_BACKEND_CGROUP,
	};
	const struct wire_tamper *r;
	struct sensor_harm harm;
	struct seen *w = NULL;
	char what[256];
	uint32_t id;

	(void)state;
	assert_int_equal(seen_try(&s, &w, what), 0);
	assert_false(sensor_check(w->sensor, &harm));
	assert_true(seen_row(w, "connect, IPv4").active);
	id = links_newest(BPF_LINK_TYPE_CGROUP, "connect4_cgroup");
	assert_true(id > 0);
	seen_run(w, act_detach, &id);
	r = tamper_only(w, WIRE_TAMPER_BPF);
	assert_int_equal(r->arg, BPF_LINK_DETACH);
	assert_int_equal(r->id, id);
	assert_true(r->flags & WIRE_TAMPER_SELF);
	assert_true(sensor_check(w->sensor, &harm));
	assert_int_equal(harm.hooks, 1);
	assert_false(seen_row(w, "connect, IPv4").active);
	assert_non_null(strstr(seen_row(w, "connect, IPv4").reason,
			       "detached by somebody else"));
	assert_true(seen_row(w, "connect, IPv6").active);
	/* Found once. */
	assert_false(sensor_check(w->sensor, &harm));
	seen_close(w);
}

/* In a mount namespace of its own a file system like that of the pins. */
static int act_unpin(void *arg)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "pinned", 4, 4, 1, NULL);

	(void)arg;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", work_path("bpf"), "bpf", 0, NULL) < 0 ||
	    mkdir(work_path("bpf/picket"), 0700) < 0)
		return 1;
	if (fd < 0 || bpf_obj_pin(fd, work_path("bpf/picket/link")) < 0)
		return 2;
	return unlink(work_path("bpf/picket/link")) < 0;
}

static void a_pin_removed_is_a_write(void **state)
{
	const char *path = work_path("bpf/picket/link");
	const struct wire_write *r;
	struct seen *w = *state;

	assert_int_equal(mkdir(work_path("bpf"), 0700), 0);
	seen_run(w, act_unpin, NULL);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_writes(w, WIRE_OP_UNLINK), 1);
	r = seen_write(w, WIRE_OP_UNLINK, 0);
	assert_int_equal(r->hdr.tgid, w->child);
	if (r->flags & WIRE_WRITE_NAME_CLAIMED) {
		assert_str(r, r->name, path);
		return;
	}
	assert_str(r, r->path.path, work_path("bpf/picket"));
	assert_str(r, r->name, "link");
}

/* ---- cgroups ------------------------------------------------------------- */

/* Where the unified hierarchy is mounted; false: nowhere. */
static bool find_cgroups(char dir[static 256])
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[1024];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " - cgroup2 ") &&
			sscanf(line, "%*s %*s %*s %*s %255s", dir) == 1;
	if (f)
		(void)fclose(f);
	return found;
}

static int act_thaw(void *arg)
{
	int fd = open(arg, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0", 1) != 1;
}

static void a_cgroup_frozen_is_a_write(void **state)
{
	static const char *const files[] = { "cgroup.freeze",
					     "cgroup.max.depth" };
	char dir[256], own[300], path[340];
	struct seen *w = *state;
	size_t i;

	if (!find_cgroups(dir)) {
		print_message("no unified hierarchy is mounted\n");
		skip();
	}
	(void)snprintf(own, sizeof(own), "%s/picket-test-%d", dir, getpid());
	assert_int_equal(mkdir(own, 0755), 0);
	for (i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", own, files[i]);
		seen_run(w, act_thaw, path);
		assert_int_equal(w->status, 0);
		/* Its opening for writing, and writing: both or neither. */
		assert_int_equal(seen_writes(w, WIRE_OP_OPEN), i == 0);
		assert_int_equal(seen_writes(w, WIRE_OP_WRITE), i == 0);
		if (i == 0)
			assert_path(seen_write(w, WIRE_OP_WRITE, 0),
				    &seen_write(w, WIRE_OP_WRITE, 0)->path,
				    path);
	}
	assert_int_equal(rmdir(own), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_of_pickets_changed_is_told),
		cmocka_unit_test(a_map_of_ones_own_is_not),
		cmocka_unit_test(a_detached_hook_is_told_and_missed),
		cmocka_unit_test(a_pin_removed_is_a_write),
		cmocka_unit_test(a_cgroup_frozen_is_a_write),
	};

	return cmocka_run_group_tests_name("tamper own", tests, seen_setup,
					   seen_teardown);
}
