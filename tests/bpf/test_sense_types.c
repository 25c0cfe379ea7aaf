/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs read is found among the few types of core_types.c as it is
 * among all of the kernel's.
 */
#include "harness.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sense/core_types.h"
#include "sense/kernel_btf.h"
#include "sense/skeleton.h"

#define ALL_TYPES  "/sys/kernel/btf/vmlinux"
/* Of a thousand on all kernels; through pointers there are four times more. */
#define TYPES_MOST 2000

/*
 * Quickly verified, on each kernel; together they read tasks, sockets, cgroups
 * and registers, members that moved and enumerators.
 */
static const char *const programs[] = {
	"fork_tp_btf",	    "exit_tp_btf",	   "listen_tp_btf",
	"set_state_tp_btf", "cgroup_mkdir_tp_btf", "move_tp_btf",
	"sys_enter_tp_btf", "connect4_cgroup",	   "bound6_cgroup",
};

static struct picket_bpf *load_by(const char *types)
{
	const struct bpf_object_open_opts opts = {
		.sz = sizeof(opts),
		.btf_custom_path = types,
	};
	struct picket_bpf *skel = picket_bpf__open_opts(&opts);
	struct bpf_program *p;
	size_t i;

	assert_non_null(skel);
	bpf_object__for_each_program(p, skel->obj)
		assert_int_equal(bpf_program__set_autoload(p, false), 0);
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		p = bpf_object__find_program_by_name(skel->obj, programs[i]);
		assert_non_null(p);
		assert_int_equal(bpf_program__set_autoload(p, true), 0);
	}
	assert_int_equal(bpf_map__set_max_entries(skel->maps.ring, 256u << 10),
			 0);
	assert_int_equal(bpf_object__load(skel->obj), 0);
	return skel;
}

/* As they were loaded; which descriptor a map has is another matter. */
static void assert_same_instructions(const struct bpf_program *one,
				     const struct bpf_program *other)
{
	const struct bpf_insn *a = bpf_program__insns(one);
	const struct bpf_insn *b = bpf_program__insns(other);
	size_t i, n = bpf_program__insn_cnt(one);

	assert_int_equal(bpf_program__insn_cnt(other), n);
	for (i = 0; i < n; i++) {
		if (a[i].code == (BPF_LD | BPF_IMM | BPF_DW)) {
			i++;
			continue;
		}
		if (memcmp(&a[i], &b[i], sizeof(a[i])) != 0)
			fail_msg("%s, instruction %zu: %02x %d %d, not %02x "
				 "%d %d",
				 bpf_program__name(one), i, b[i].code, b[i].off,
				 b[i].imm, a[i].code, a[i].off, a[i].imm);
	}
}

static void few_types_give_the_same_programs(void **state)
{
	struct picket_bpf *all = load_by(ALL_TYPES), *few;
	struct btf *kernel = kernel_btf_open();
	char path[32];
	size_t i;
	int fd;

	(void)state;
	assert_non_null(kernel);
	fd = core_types_make(kernel, bpf_object__btf(all->obj));
	assert_true(fd >= 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	few = load_by(path);
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		assert_same_instructions(
			bpf_object__find_program_by_name(all->obj, programs[i]),
			bpf_object__find_program_by_name(few->obj,
							 programs[i]));
	picket_bpf__destroy(few);
	picket_bpf__destroy(all);
	(void)close(fd);
	btf__free(kernel);
}

/* Else they are searched for nothing. */
static void types_are_few(void **state)
{
	struct picket_bpf *skel = picket_bpf__open();
	struct btf *kernel = kernel_btf_open(), *few;
	char path[32];
	int fd;

	(void)state;
	assert_non_null(skel);
	assert_non_null(kernel);
	fd = core_types_make(kernel, bpf_object__btf(skel->obj));
	assert_true(fd >= 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	few = btf__parse(path, NULL);
	assert_non_null(few);
	print_message("%u of %u types\n", btf__type_cnt(few),
		      btf__type_cnt(kernel));
	assert_true(btf__find_by_name_kind(few, "task_struct",
					   BTF_KIND_STRUCT) > 0);
	assert_true(btf__type_cnt(few) < TYPES_MOST);
	btf__free(few);
	btf__free(kernel);
	picket_bpf__destroy(skel);
	(void)close(fd);
}

/* Of "file___old" it is the kernel's file that is meant. */
static void what_is_named_as_an_age_of_a_type_is_that_type(void **state)
{
	static const char *const names[] = { "task_struct___odd_one", "cred___",
					     "x" };
	static const bool meant[] = { true, false, false };
	struct btf *kernel = kernel_btf_open(), *one, *few;
	char path[32];
	size_t i;
	int fd;

	(void)state;
	assert_non_null(kernel);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		one = btf__new_empty();
		assert_non_null(one);
		assert_int_equal(btf__add_struct(one, names[i], 8), 1);
		fd = core_types_make(kernel, one);
		assert_true(fd >= 0);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		few = btf__parse(path, NULL);
		assert_non_null(few);
		assert_int_equal(btf__type_cnt(few) > 1, meant[i]);
		if (meant[i])
			assert_true(btf__find_by_name_kind(few, "task_struct",
							   BTF_KIND_STRUCT) >
				    0);
		btf__free(few);
		btf__free(one);
		(void)close(fd);
	}
	btf__free(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_types_give_the_same_programs),
		cmocka_unit_test(types_are_few),
		cmocka_unit_test(
			what_is_named_as_an_age_of_a_type_is_that_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
