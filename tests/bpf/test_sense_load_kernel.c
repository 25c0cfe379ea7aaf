// SPDX-License-Identifier: Apache-2.0
/* Code loaded into the kernel: BPF programs and modules. */
#include "harness.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forced.h"
#include "late.h"

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

/*
 * A program that loads another one, as light skeletons do: what it is to load
 * lies in the value of a map, in the kernel's memory.
 */
struct to_load {
	struct bpf_insn code[2];
	char license[8];
	union bpf_attr attr;
};

#define AT(member) ((int32_t)offsetof(struct to_load, member))
#define INSN(c, d, s, o, i)                                              \
	{                                                                \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), \
		.imm = (i)                                               \
	}
/* Fields of the attribute that name others: at `member` in the value. */
#define POINT_AT(member, field)                                         \
	INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0),                  \
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, AT(member)), \
		INSN(BPF_STX | BPF_MEM | BPF_DW, 6, 1, AT(attr.field), 0)

static int make_what_it_loads(void)
{
	struct to_load value = {
		.code = {
			{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
			{ .code = BPF_JMP | BPF_EXIT },
		},
		.license = "GPL",
		.attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.attr.insn_cnt = 2,
		.attr.prog_name = "by_program",
	};
	uint32_t key = 0;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "to_load", 4, sizeof(value),
				1, NULL);

	return fd >= 0 && bpf_map_update_elem(fd, &key, &value, BPF_ANY) == 0
		       ? fd
		       : -1;
}

static int make_loader(int map_fd)
{
	const struct bpf_insn code[] = {
		/* r6: the value. */
		INSN(BPF_LD | BPF_DW | BPF_IMM, 6, BPF_PSEUDO_MAP_VALUE, 0,
		     map_fd),
		INSN(0, 0, 0, 0, 0),
		POINT_AT(code, insns),
		POINT_AT(license, license),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, BPF_PROG_LOAD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 6, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, AT(attr)),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0,
		     sizeof(union bpf_attr)),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sys_bpf),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);

	return bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "loads", "GPL", code,
			     sizeof(code) / sizeof(code[0]), &opts);
}

static int act_load_by_program(void *arg)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int map = make_what_it_loads(), fd = make_loader(map);

	(void)arg;
	if (fd < 0)
		return errno == EINVAL ? 77 : 90;
	if (bpf_prog_test_run_opts(fd, &opts) < 0)
		return 91;
	return (int)opts.retval < 0 ? 92 : 0;
}

static const struct wire_load *load_named(const struct seen *w,
					  const char *name)
{
	const struct wire_load *r, *found = NULL;
	size_t i;

	for (i = 0; (r = seen_load(w, WIRE_LOAD_BPF, i)); i++) {
		if (r->name.len != strlen(name) ||
		    memcmp((const char *)r + r->name.off, name, r->name.len))
			continue;
		assert_null(found);
		found = r;
	}
	return found;
}

static void what_a_program_loads_is_told_or_said(void **state)
{
	struct sensor_row row = seen_row(*state, "BPF programs");
	const struct wire_load *r;
	struct seen *w = *state;

	seen_run(w, act_load_by_program, NULL);
	if (WEXITSTATUS(w->status) == 77) {
		print_message("# programs cannot load others on this kernel\n");
		return;
	}
	assert_int_equal(w->status, 0);
	assert_non_null(load_named(w, "loads"));
	r = load_named(w, "by_program");
	if (!r) {
		assert_string_equal(row.reason,
				    "programs that a BPF program loads");
		return;
	}
	assert_string_equal(row.reason, "");
	assert_int_equal(r->hdr.tgid, w->child);
	assert_int_equal(r->arg, BPF_PROG_TYPE_SOCKET_FILTER);
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

/*
 * While the module's parameters are waited for, which the kernel fetches when it
 * has read the file and before it tells of the module.
 */
struct swapped {
	const char *module;
	const char *other; /* to be put in its place; NULL: it stays */
	struct late parameters;
	int fd;
};

static void *swap_and_leave(void *arg)
{
	const struct swapped *s = arg;
	int other;

	if (late_await(&s->parameters, 1) == 0 && s->other) {
		other = open(s->other, O_RDONLY | O_CLOEXEC);
		(void)dup2(other, s->fd);
	}
	(void)unshare(CLONE_FILES);
	(void)late_provide(&s->parameters);
	return NULL;
}

static int act_load_beside_a_thread(void *arg)
{
	struct swapped *s = arg;
	pthread_t t;
	long r;

	if (late_open(&s->parameters, (size_t)sysconf(_SC_PAGESIZE)) < 0)
		return 1;
	s->fd = open(s->module, O_RDONLY | O_CLOEXEC);
	(void)syscall(SYS_delete_module, MODULE, O_NONBLOCK);
	if (s->fd < 0 || pthread_create(&t, NULL, swap_and_leave, s) != 0)
		return 2;
	r = syscall(SYS_finit_module, s->fd, s->parameters.area, 0);
	(void)pthread_join(t, NULL);
	return r < 0 ? 3 : 0;
}

/* Of the one that is told as n-th. */
static void check_file(const struct seen *w, size_t n, const char *path,
		       bool claimed)
{
	const struct wire_load *r = seen_load(w, WIRE_LOAD_MODULE, n);

	assert_non_null(r);
	assert_str(r, r->name, MODULE);
	assert_path(r, &r->path, path);
	assert_int_equal(r->flags, claimed ? WIRE_LOAD_FD_CLAIMED : 0);
}

/* The kernel's own file is told, or both that the descriptor named. */
static void a_module_is_told_whatever_its_descriptor_names(void **state)
{
	struct seen *w = *state;
	struct sensor_row row = seen_row(w, "files of kernel modules");
	struct swapped s = { .other = NULL };
	char path[512];
	bool by_calls;

	assert_true(row.active);
	if (!seen_row(w, "kernel modules").active)
		return;
	if (!find_module(path)) {
		print_message("no module that could be loaded here\n");
		skip();
	}
	by_calls = strstr(row.reason, "which of two files, where a second "
				      "thread swaps the descriptor as the "
				      "call begins");
	s.module = path;
	seen_run(w, act_load_beside_a_thread, &s);
	assert_int_equal(w->status, 0);
	check_file(w, 0, path, by_calls);
	assert_null(seen_load(w, WIRE_LOAD_MODULE, 1));
	s.other = work_path("innocent");
	assert_int_equal(copy_file("/proc/self/exe", s.other), 0);
	seen_run(w, act_load_beside_a_thread, &s);
	assert_int_equal(w->status, 0);
	check_file(w, 0, path, true);
	if (by_calls)
		check_file(w, 1, s.other, true);
	assert_null(seen_load(w, WIRE_LOAD_MODULE, by_calls ? 2 : 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bpf_program_is_told_with_type_name_and_id),
		cmocka_unit_test(a_program_that_is_refused_is_not_loaded),
		cmocka_unit_test(what_a_program_loads_is_told_or_said),
		cmocka_unit_test(a_module_is_told_with_its_file_or_said),
		cmocka_unit_test(
			a_module_is_told_whatever_its_descriptor_names),
	};

	return cmocka_run_group_tests_name("load kernel", tests, seen_setup,
					   seen_teardown);
}
