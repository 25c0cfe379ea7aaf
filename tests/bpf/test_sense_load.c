// SPDX-License-Identifier: Apache-2.0
/*
 * Files mapped executable beside the program, as the kernel side tells them,
 * and what it does not tell twice.
 */
#include "harness.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forced.h"

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

	for (i = 0; (r = seen_load(w, WIRE_LOAD_MMAP, i)); i++)
		n += is_of(r, path);
	return n;
}

static const struct wire_load *load_of(const struct seen *w, const char *path)
{
	const struct wire_load *r;
	size_t i;

	for (i = 0; (r = seen_load(w, WIRE_LOAD_MMAP, i)); i++)
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

	if (fd < 0 || p == MAP_FAILED || munmap(p, 4096) < 0)
		return -1;
	return close(fd);
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

/* As programs without PT_GNU_STACK have it from their exec on. */
static int act_map_as_of_old(void *arg)
{
	return personality(READ_IMPLIES_EXEC) < 0 ||
	       map(arg, PROT_READ, MAP_PRIVATE) < 0;
}

static void what_is_readable_may_be_executable(void **state)
{
	const char *path = make_library("readable", 0755);
	struct seen *w = *state;

	seen_run(w, act_map_as_of_old, (void *)(uintptr_t)path);
	assert_int_equal(w->status, 0);
	assert_int_equal(count_of(w, path), 1);
}

/* The file system may give the second one the number of the first. */
static int act_map_another(void *arg)
{
	int fd;

	if (act_map(arg) || unlink(arg) < 0)
		return 1;
	fd = open(arg, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	return fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0 ||
	       act_map(arg);
}

static void another_file_of_the_same_number_is_told(void **state)
{
	const char *path = make_library("again", 0755);
	struct seen *w = *state;

	seen_run(w, act_map_another, (void *)(uintptr_t)path);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_LOAD), 2);
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
		r = seen_load(w, WIRE_LOAD_MMAP, 0);
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

/*
 * Let the program at `path` ask for another loader: by a link, for the name in
 * the program may be no longer than the one before. Returns the link.
 */
static const char *set_loader(const char *path, const char *target)
{
	static char loader[] = "/tmp/ld-XXXXXX";
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	char *p, *at;

	strcpy(strchr(loader, '-') + 1, "XXXXXX");
	assert_int_equal(close(mkstemp(loader)), 0);
	assert_int_equal(unlink(loader), 0);
	assert_int_equal(symlink(target, loader), 0);
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
	return loader;
}

/* By looking it up; or by the hook on mmap, where that is no system call's. */
static bool loaders_are_seen(const struct seen *w)
{
	struct sensor_row row = seen_row(w, "loaders that the kernel maps");
	struct sensor_row map = seen_row(w, "files mapped executable");

	if (row.active &&
	    (!strstr(row.reason, "told by system calls") ||
	     (strcmp(map.backend, "tp_btf") && strcmp(map.backend, "raw_tp"))))
		return true;
	assert_true(strlen(row.reason) > 0);
	return false;
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
	const char *loader = work_path("ld"), *link;
	struct seen *w = *state;

	assert_int_equal(copy_file(LOADER, loader), 0);
	link = set_loader(path, loader);
	seen_run(w, act_run, (void *)(uintptr_t)path);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(w->status, 0);
	assert_int_equal(seen_count(w, WIRE_EXEC), 1);
	if (!loaders_are_seen(w)) {
		assert_int_equal(count_of(w, loader), 0);
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

/* Loader and program in the lower layer of an overlay, seen from above it. */
static int act_run_in_overlay(void *arg)
{
	char options[3 * PATH_MAX];

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", work_path("up"), "tmpfs", 0, NULL) < 0 ||
	    mkdir(work_path("up/upper"), 0755) < 0 ||
	    mkdir(work_path("up/work"), 0755) < 0)
		return 96;
	(void)snprintf(options, sizeof(options),
		       "lowerdir=%s,upperdir=%s,workdir=%s", work_path("low"),
		       work_path("up/upper"), work_path("up/work"));
	if (mount("overlay", work_path("o"), "overlay", 0, options) < 0)
		return 95;
	return act_run(arg);
}

static void a_loader_on_an_overlay_has_the_overlays_path(void **state)
{
	const char *loader = work_path("o/l"), *link, *path;
	struct seen *w = *state;

	assert_int_equal(mkdir(work_path("low"), 0755), 0);
	assert_int_equal(mkdir(work_path("up"), 0755), 0);
	assert_int_equal(mkdir(work_path("o"), 0755), 0);
	assert_int_equal(copy_file(LOADER, work_path("low/l")), 0);
	path = copy_of_this("low/program");
	link = set_loader(path, loader);
	seen_run(w, act_run_in_overlay,
		 (void *)(uintptr_t)work_path("o/program"));
	assert_int_equal(unlink(link), 0);
	assert_int_equal(w->status, 0);
	if (loaders_are_seen(w))
		assert_int_equal(count_of(w, loader), 1);
	/* Whatever the mapping holds instead: nothing lies there by name. */
	assert_int_equal(count_of(w, work_path("low/l")), 0);
	assert_int_equal(count_of(w, "/l"), 0);
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
		cmocka_unit_test(what_is_readable_may_be_executable),
		cmocka_unit_test(another_file_of_the_same_number_is_told),
		cmocka_unit_test(code_in_a_memfd_is_told_as_such),
		cmocka_unit_test(
			a_mapping_made_executable_later_is_told_or_said),
		cmocka_unit_test(the_loader_given_a_program_names_it),
		cmocka_unit_test(a_loader_of_ones_own_is_told_or_said),
		cmocka_unit_test(a_loader_on_an_overlay_has_the_overlays_path),
	};

	(void)argv;
	if (argc > 1)
		return 0;
	return cmocka_run_group_tests_name("load", tests, seen_setup,
					   seen_teardown);
}
