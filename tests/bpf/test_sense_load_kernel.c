// SPDX-License-Identifier: Apache-2.0
/* Code loaded into the kernel: BPF programs and modules. */
#include "harness.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "forced.h"

/* ---- BPF programs ---------------------------------------------------------- */

static int load_program(const char *name)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, name, "GPL", code, 2,
			     NULL);
}

static int act_load_program(void *arg)
{
	struct bpf_prog_info info = { .id = 0 };
	uint32_t size = sizeof(info);
	int fd = load_program(arg), again;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return 1;
	/* A second descriptor is no second load. */
	again = bpf_prog_get_fd_by_id(info.id);
	return again < 0 ? 2 : 0;
}

static void a_bpf_program_is_told_with_type_name_and_id(void **state)
{
	const struct wire_load *r;
	struct seen *w = *state;

	seen_run(w, act_load_program, (char[]){ "not_picket" });
	assert_int_equal(w->status, 0);
	r = seen_load(w, WIRE_LOAD_BPF, 0);
	assert_non_null(r);
	assert_null(seen_load(w, WIRE_LOAD_BPF, 1));
	assert_forced(&r->hdr, WIRE_FAM_LOAD);
	assert_int_equal(r->hdr.tgid, w->child);
	assert_str(r, r->name, "not_picket");
	assert_int_equal(r->arg, BPF_PROG_TYPE_SOCKET_FILTER);
	assert_true(r->id > 0);
	assert_int_equal(r->path.path.len, 0);
}

static int act_load_bad_program(void *arg)
{
	const struct bpf_insn code = { .code = BPF_JMP | BPF_EXIT };

	(void)arg;
	/* r0 is not set */
	return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "bad", "GPL", &code,
			     1, NULL) >= 0;
}

static void a_program_that_is_refused_is_not_loaded(void **state)
{
	struct seen *w = *state;

	seen_run(w, act_load_bad_program, NULL);
	assert_int_equal(w->status, 0);
	assert_null(seen_load(w, WIRE_LOAD_BPF, 0));
}

/* ---- modules --------------------------------------------------------------- */

/* The guest keeps its modules here; a machine's own are left alone. */
#define GUEST_MODULES "/modules"
#define MODULE	      "dummy"

static bool find_module(char path[static 512])
{
	DIR *d = getenv("PICKET_GUEST") ? opendir(GUEST_MODULES) : NULL;
	const struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		found = strstr(e->d_name, MODULE ".ko");
		(void)snprintf(path, 512, GUEST_MODULES "/%s", e->d_name);
	}
	if (d)
		(void)closedir(d);
	return found;
}

static int act_load_module(void *arg)
{
	int fd = open(arg, O_RDONLY | O_CLOEXEC);

	(void)syscall(SYS_delete_module, MODULE, O_NONBLOCK);
	return fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0;
}

/* The same bytes, from memory. */
static int act_load_module_bytes(void *arg)
{
	int fd = open(arg, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 1;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return 2;
	(void)syscall(SYS_delete_module, MODULE, O_NONBLOCK);
	return syscall(SYS_init_module, p, st.st_size, "") < 0;
}

static void a_module_is_told_with_its_file_or_said(void **state)
{
	struct seen *w = *state;
	struct sensor_row row = seen_row(w, "kernel modules");
	const struct wire_load *r;
	char path[512];

	if (!row.active) {
		assert_true(strlen(row.reason) > 0);
		return;
	}
	if (!find_module(path)) {
		print_message("no module that could be loaded here\n");
		skip();
	}
	seen_run(w, act_load_module, path);
	assert_int_equal(w->status, 0);
	r = seen_load(w, WIRE_LOAD_MODULE, 0);
	assert_non_null(r);
	assert_null(seen_load(w, WIRE_LOAD_MODULE, 1));
	assert_str(r, r->name, MODULE);
	assert_path(r, &r->path, path);
	assert_int_equal(r->hdr.tgid, w->child);
	seen_run(w, act_load_module_bytes, path);
	assert_int_equal(w->status, 0);
	r = seen_load(w, WIRE_LOAD_MODULE, 0);
	assert_non_null(r);
	assert_str(r, r->name, MODULE);
	assert_int_equal(r->path.path.len, 0);
	assert_int_equal(r->file.ino, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bpf_program_is_told_with_type_name_and_id),
		cmocka_unit_test(a_program_that_is_refused_is_not_loaded),
		cmocka_unit_test(a_module_is_told_with_its_file_or_said),
	};

	return cmocka_run_group_tests_name("load kernel", tests, seen_setup,
					   seen_teardown);
}
