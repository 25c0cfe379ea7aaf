// SPDX-License-Identifier: Apache-2.0
/*
 * The list of system calls that were looked at, held against the headers this
 * is built with, and against the table that the kernel side goes by.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sense/calls.h"
#include "sense/syscalls.h"

#define NAME_MAX_BYTES 64

static struct wire_syscall table[2 * WIRE_SYSCALL_MAX];

/* Where distributions keep a header of the kernel's. */
static FILE *open_header(const char *name)
{
	static const char *const folders[] = {
		"/usr/include/asm",
		"/usr/include/x86_64-linux-gnu/asm",
		"/usr/include/asm-generic",
	};
	char path[256];
	FILE *f = NULL;
	size_t i;

	for (i = 0; !f && i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		f = fopen(path, "re");
	}
	return f;
}

static void check_call(const char *name, unsigned nr,
		       const struct wire_syscall *rules)
{
	enum calls_class class = calls_class_of(name);

	if (class == CALLS_UNKNOWN || nr >= WIRE_SYSCALL_MAX ||
	    (class == CALLS_WATCHED) != (rules[nr].kind != WIRE_SYS_NONE))
		fail_msg("%s (%u): listed as %d, in the table as %d", name, nr,
			 class, nr < WIRE_SYSCALL_MAX ? rules[nr].kind : -1);
}

/* How many calls it has. */
static unsigned check_header(const char *header,
			     const struct wire_syscall *rules)
{
	char line[256], name[NAME_MAX_BYTES + 1];
	FILE *f = open_header(header);
	unsigned nr, n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "#define __NR_%64s %u", name, &nr) != 2)
			continue;
		check_call(name, nr, rules);
		n++;
	}
	(void)fclose(f);
	return n;
}

static void every_call_of_the_headers_was_looked_at(void **state)
{
	(void)state;
	syscalls_fill(table, SYSCALLS_ALL);
#if defined(__x86_64__)
	assert_in_range(check_header("unistd_64.h", table), 300, 600);
	assert_in_range(check_header("unistd_32.h", table + WIRE_SYSCALL_MAX),
			300, 600);
#else
	assert_in_range(check_header("unistd.h", table), 200, 600);
#endif
}

static void calls_younger_than_the_headers_were_looked_at(void **state)
{
	(void)state;
	syscalls_fill(table, SYSCALLS_ALL);
	check_call("fchmodat2", 452, table);
	check_call("setxattrat", 463, table);
	check_call("removexattrat", 466, table);
	check_call("file_setattr", 469, table);
	check_call("file_getattr", 468, table);
}

static void variants_are_what_they_are_variants_of(void **state)
{
	(void)state;
	assert_int_equal(calls_class_of("openat"), CALLS_WATCHED);
	assert_int_equal(calls_class_of("execveat"), CALLS_ELSEWHERE);
	assert_int_equal(calls_class_of("read"), CALLS_HARMLESS);
	assert_int_equal(calls_class_of("mount"), CALLS_UNASKED);
	assert_int_equal(calls_class_of("chown16"), CALLS_WATCHED);
	assert_int_equal(calls_class_of("futex_time32"), CALLS_HARMLESS);
	/* What is part of a name, or has a name in it, is another. */
	assert_int_equal(calls_class_of("open creat"), CALLS_UNKNOWN);
	assert_int_equal(calls_class_of("opena"), CALLS_UNKNOWN);
	assert_int_equal(calls_class_of("openat3"), CALLS_UNKNOWN);
	assert_int_equal(calls_class_of("16"), CALLS_UNKNOWN);
	assert_int_equal(calls_class_of(""), CALLS_UNKNOWN);
}

static void a_call_that_nobody_knows_is_told_once(void **state)
{
	static const char *const functions[] = {
		"__x64_sys_openat",
		"__x64_sys_openat3",
		"__ia32_sys_openat3",
		"__ia32_compat_sys_openat3",
		"__arm64_sys_write2at",
		"__arm64_compat_sys_aarch32_ftruncate64",
		"__ia32_sys_ia32_fallocate2",
		"__x64_sys_ni_syscall",
		"__do_sys_openat4",
		"vfs_write",
		"",
	};
	struct calls_found found = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		calls_note(&found, functions[i]);
	assert_int_equal(found.count, 8);
	assert_int_equal(found.unknown, 3);
	assert_string_equal(found.names, "openat3, write2at, fallocate2");
}

static void a_kernel_for_x32_programs_is_known(void **state)
{
	struct calls_found found = { 0 };

	(void)state;
	calls_note(&found, "__x64_sys_openat");
	calls_note(&found, "__ia32_compat_sys_openat");
	assert_false(found.x32);
	calls_note(&found, "__x32_compat_sys_writev");
	assert_true(found.x32);
	memset(&found, 0, sizeof(found));
	calls_note(&found, "__x64_compat_sys_writev");
	assert_true(found.x32);
	assert_int_equal(found.unknown, 0);
}

static void more_than_there_is_room_for_are_counted(void **state)
{
	struct calls_found found = { 0 };
	char name[200];
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "__x64_sys_future%zux", i);
		calls_note(&found, name);
	}
	assert_int_equal(found.unknown, 100);
	assert_true(strlen(found.names) < sizeof(found.names));
	assert_string_equal(strrchr(found.names, 'x'), "x");
	/* One that fits nowhere. */
	memset(name, 'y', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(name, "__x64_sys_", 10);
	calls_note(&found, name);
	assert_int_equal(found.unknown, 101);
	assert_null(strchr(found.names, 'y'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_of_the_headers_was_looked_at),
		cmocka_unit_test(calls_younger_than_the_headers_were_looked_at),
		cmocka_unit_test(variants_are_what_they_are_variants_of),
		cmocka_unit_test(a_call_that_nobody_knows_is_told_once),
		cmocka_unit_test(a_kernel_for_x32_programs_is_known),
		cmocka_unit_test(more_than_there_is_room_for_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
