// SPDX-License-Identifier: Apache-2.0
/*
 * Code loaded beside the program: mapped files, modules, BPF programs, as the
 * kernel side tells them, and what it does not tell twice.
 */
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
#include <sys/wait.h>
#include <unistd.h>

#include "forced.h"

static const struct wire_load *nth_load(const struct seen *w,
					enum wire_load_op op, size_t n)
{
	const struct wire_load *r;
	size_t i;

	for (i = 0; (r = seen_nth(w, WIRE_LOAD, i)); i++)
		if (r->op == op && n-- == 0)
			return r;
	return NULL;
}

static bool is_of(const struct wire_load *r, const char *path)
{
	return r->path.path.len == strlen(path) &&
	       memcmp((const char *)r + r->path.path.off, path, strlen(path)) ==
		       0;
}

/* Mappings of this file that were told. */
static size_t count_of(const struct seen *w, const char *path)
{
	const struct wire_load *r;
	size_t i, n = 0;

	for (i = 0; (r = nth_load(w, WIRE_LOAD_MMAP, i)); i++)
		n += is_of(r, path);
	return n;
}

static const struct wire_load *load_of(const struct seen *w, const char *path)
{
	const struct wire_load *r;
	size_t i;

	for (i = 0; (r = nth_load(w, WIRE_LOAD_MMAP, i)); i++)
		if (is_of(r, path))
			return r;
	fail_msg("%s was not told", path);
	return NULL;
}

static bool is_before(const struct seen *w, const void *a, const void *b)
{
	size_t i;

	for (i = 0; i < w->count; i++)
		if (w->records[i] == a || w->records[i] == b)
			return w->records[i] == a;
	return false;
}

static const char *make_library(const char *name, mode_t mode)
{
	const char *path = work_path(name);

	assert_int_equal(copy_file("/bin/true", path), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

/* Map it that way; what comes of it is nobody's business. */
static int map(const char *path, int prot, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, 4096, prot, flags, fd, 0);

	return fd < 0 || p == MAP_FAILED ? -1 : close(fd);
}

static int act_map(void *arg)
{
	return map(arg, PROT_READ | PROT_EXEC, MAP_PRIVATE) < 0;
}

static void an_executable_mapping_is_told(void **state)
{
	const char *path = make_library("library", 0755);
	const struct wire_load *r;
	struct seen *w = *state;
	struct stat st;

	seen_run(w, act_map, (void *)(uintptr_t)path);
	assert_int_equal(w->status, 0);
	assert_int_equal(count_of(w, path), 1);
	r = load_of(w, path);
	assert_forced(&r->hdr, WIRE_FAM_LOAD);
	assert_int_equal(r->hdr.tgid, w->child);
	assert_path(r, &r->path, path);
	assert_int_equal(r->flags, 0);
	assert_int_equal(r->name.len, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(r->file.ino, st.st_ino);
	assert_int_equal(r->file.mode, st.st_mode);
}

static int act_map_harmless(void *arg)
{
	if (map(arg, PROT_READ, MAP_PRIVATE) < 0)
		return 1;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static void reading_and_memory_without_a_file_are_not(void **state)
{
	const char *path = make_library("data", 0755);
	struct seen *w = *state;

	seen_run(w, act_map_harmless, (void *)(uintptr_t)path);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_LOAD), 0);
}

static int act_map_twice(void *arg)
{
	return act_map(arg) | act_map(arg);
}

/*
 * work_dir() is root's alone, so the file is too; in a directory for all it is
 * a stranger, and told for each image.
 */
static void roots_own_is_told_once_for_a_program(void **state)
{
	const char *own = make_library("own", 0755);
	const char *open_to_all = make_library("open", 0777);
	struct wire_counters before, after;
	struct seen *w = *state;

	seen_run(w, act_map_twice, (void *)(uintptr_t)own);
	assert_int_equal(count_of(w, own), 1);
	before = seen_counters(w, WIRE_FAM_LOAD);
	seen_run(w, act_map, (void *)(uintptr_t)own);
	assert_int_equal(count_of(w, own), 0);
	after = seen_counters(w, WIRE_FAM_LOAD);
	assert_true(after.summed > before.summed);
	seen_run(w, act_map_twice, (void *)(uintptr_t)open_to_all);
	assert_int_equal(count_of(w, open_to_all), 1);
	seen_run(w, act_map, (void *)(uintptr_t)open_to_all);
	assert_int_equal(count_of(w, open_to_all), 1);
}

static void a_stranger_in_a_directory_for_all_is_told_each_time(void **state)
{
	const char *path;
	struct seen *w = *state;
	int i;

	assert_int_equal(mkdir(work_path("all"), 0777), 0);
	assert_int_equal(chmod(work_path("all"), 01777), 0);
	path = make_library("all/library", 0755);
	for (i = 0; i < 3; i++) {
		seen_run(w, act_map, (void *)(uintptr_t)path);
		assert_int_equal(count_of(w, path), 1);
	}
}

static int act_map_memfd(void *arg)
{
	int fd = memfd_create("code", MFD_CLOEXEC);

	(void)arg;
	if (ftruncate(fd, 4096) < 0)
		return 1;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) ==
	       MAP_FAILED;
}

static void code_in_a_memfd_is_told_as_such(void **state)
{
	const struct wire_load *r;
	struct seen *w = *state;
	int i;

	for (i = 0; i < 2; i++) {
		seen_run(w, act_map_memfd, NULL);
		assert_int_equal(w->status, 0);
		r = nth_load(w, WIRE_LOAD_MMAP, 0);
		assert_non_null(r);
		assert_str(r, r->path.path, "/memfd:code");
		assert_true(r->file.flags & WIRE_FILE_MEMFD);
	}
}

static int act_mprotect(void *arg)
{
	int fd = open(arg, O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	if (fd < 0 || p == MAP_FAILED)
		return 1;
	/* The second changes nothing. */
	return mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 ||
	       mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0;
}

static void a_mapping_made_executable_later_is_told_or_said(void **state)
{
	const char *path = make_library("later", 0755);
	struct sensor_row row;
	struct seen *w = *state;

	row = seen_row(w, "mappings made executable later");
	seen_run(w, act_mprotect, (void *)(uintptr_t)path);
	assert_int_equal(w->status, 0);
	if (!row.active) {
		assert_true(strlen(row.reason) > 0);
		assert_int_equal(count_of(w, path), 0);
		return;
	}
	assert_int_equal(count_of(w, path), 1);
	assert_int_equal(load_of(w, path)->flags, WIRE_LOAD_MPROTECT);
}

/* ---- the loader ------------------------------------------------------------ */

/* As programs of this machine name it. */
#if defined(__x86_64__)
#define LOADER "/lib64/ld-linux-x86-64.so.2"
#else
#define LOADER "/lib/ld-linux-aarch64.so.1"
#endif

static int act_by_loader(void *arg)
{
	char *argv[] = { (char[]){ "ld.so" }, arg, (char[]){ "nothing" },
			 NULL };
	char *envp[] = { NULL };

	(void)execve(LOADER, argv, envp);
	return 97;
}

/* This program: dynamic, where /bin/true may be anything. */
static const char *copy_of_this(const char *name)
{
	const char *path = work_path(name);
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	assert_int_equal(copy_file(self, path), 0);
	return path;
}

static void the_loader_given_a_program_names_it(void **state)
{
	const char *path = copy_of_this("real-program");
	const struct wire_exec *e;
	struct seen *w = *state;

	seen_run(w, act_by_loader, (void *)(uintptr_t)path);
	assert_int_equal(seen_count(w, WIRE_EXEC), 1);
	e = seen_nth(w, WIRE_EXEC, 0);
	assert_int_equal(count_of(w, path), 1);
	assert_int_equal(load_of(w, path)->hdr.image, e->hdr.image);
}

/* Let the program at `path` ask for another loader, of no longer a name. */
static void set_loader(const char *path, const char *loader)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	char *p, *at;

	assert_int_equal(fstat(fd, &st), 0);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	at = memmem(p, (size_t)st.st_size, LOADER, sizeof(LOADER));
	assert_non_null(at);
	assert_true(strlen(loader) < sizeof(LOADER));
	memset(at, 0, sizeof(LOADER));
	memcpy(at, loader, strlen(loader));
	assert_int_equal(munmap(p, (size_t)st.st_size), 0);
	assert_int_equal(close(fd), 0);
}

static int act_run(void *arg)
{
	char *argv[] = { (char[]){ "run" }, (char[]){ "nothing" }, NULL };
	char *envp[] = { NULL };

	(void)execve(arg, argv, envp);
	return 97;
}

static void a_loader_of_ones_own_is_told_or_said(void **state)
{
	const char *path = copy_of_this("with-loader");
	const char *loader = work_path("ld");
	struct seen *w = *state;
	struct sensor_row row = seen_row(w, "loaders that the kernel maps");

	assert_int_equal(copy_file(LOADER, loader), 0);
	set_loader(path, loader);
	seen_run(w, act_run, (void *)(uintptr_t)path);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_EXEC), 1);
	if (!count_of(w, loader)) {
		assert_true(strlen(row.reason) > 0);
		return;
	}
	assert_int_equal(count_of(w, loader), 1);
	assert_int_equal(load_of(w, loader)->hdr.image,
			 ((const struct wire_exec *)seen_nth(w, WIRE_EXEC, 0))
				 ->hdr.image);
	/* Under a program that was told before. */
	assert_true(
		is_before(w, seen_nth(w, WIRE_EXEC, 0), load_of(w, loader)));
}

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
	r = nth_load(w, WIRE_LOAD_BPF, 0);
	assert_non_null(r);
	assert_null(nth_load(w, WIRE_LOAD_BPF, 1));
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
	assert_null(nth_load(w, WIRE_LOAD_BPF, 0));
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
	r = nth_load(w, WIRE_LOAD_MODULE, 0);
	assert_non_null(r);
	assert_null(nth_load(w, WIRE_LOAD_MODULE, 1));
	assert_str(r, r->name, MODULE);
	assert_path(r, &r->path, path);
	assert_int_equal(r->hdr.tgid, w->child);
	seen_run(w, act_load_module_bytes, path);
	assert_int_equal(w->status, 0);
	r = nth_load(w, WIRE_LOAD_MODULE, 0);
	assert_non_null(r);
	assert_str(r, r->name, MODULE);
	assert_int_equal(r->path.path.len, 0);
	assert_int_equal(r->file.ino, 0);
}

/* With an argument it does nothing, see the_loader_given_a_program_names_it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_executable_mapping_is_told),
		cmocka_unit_test(reading_and_memory_without_a_file_are_not),
		cmocka_unit_test(roots_own_is_told_once_for_a_program),
		cmocka_unit_test(
			a_stranger_in_a_directory_for_all_is_told_each_time),
		cmocka_unit_test(code_in_a_memfd_is_told_as_such),
		cmocka_unit_test(
			a_mapping_made_executable_later_is_told_or_said),
		cmocka_unit_test(the_loader_given_a_program_names_it),
		cmocka_unit_test(a_loader_of_ones_own_is_told_or_said),
		cmocka_unit_test(a_bpf_program_is_told_with_type_name_and_id),
		cmocka_unit_test(a_program_that_is_refused_is_not_loaded),
		cmocka_unit_test(a_module_is_told_with_its_file_or_said),
	};

	(void)argv;
	if (argc > 1)
		return 0;
	return cmocka_run_group_tests_name("load", tests, seen_setup,
					   seen_teardown);
}
