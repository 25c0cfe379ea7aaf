/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of system calls that the kernel side looks its numbers up in:
 * well-formed rows, and the numbers of both tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/syscall.h>

#include "sense/syscalls.h"

static struct wire_syscall table[2 * WIRE_SYSCALL_MAX];

static void check_row(const struct wire_syscall *r)
{
	switch ((enum wire_syscall_kind)r->kind) {
	case WIRE_SYS_NONE:
		assert_int_equal(r->op, WIRE_OP_NONE);
		break;
	case WIRE_SYS_FD:
	case WIRE_SYS_MMAP:
		assert_in_range(r->fd, 1, 6);
		assert_in_range(r->op, r->also ? WIRE_OP_NONE : WIRE_OP_OPEN,
				WIRE_OP_COUNT - 1);
		break;
	case WIRE_SYS_OPEN:
		assert_true(r->flags || (r->traits & WIRE_SYS_CREAT));
		assert_int_equal(r->op, WIRE_OP_OPEN);
		break;
	case WIRE_SYS_PATH:
		assert_in_range(r->name, 1, 6);
		assert_in_range(r->op, WIRE_OP_TRUNCATE, WIRE_OP_COUNT - 1);
		assert_int_equal(r->op == WIRE_OP_UTIME,
				 (r->traits & WIRE_SYS_TIMES) && r->flags);
		/* Two names where the operation has two, and only there. */
		assert_int_equal(r->name2 != 0,
				 r->op == WIRE_OP_RENAME ||
					 r->op == WIRE_OP_LINK ||
					 r->op == WIRE_OP_SYMLINK);
		break;
	case WIRE_SYS_CONNECT:
	case WIRE_SYS_SOCKET:
	case WIRE_SYS_LISTEN:
	case WIRE_SYS_SOCKETCALL:
	case WIRE_SYS_RING:
		assert_int_equal(r->op, WIRE_OP_NONE);
		break;
	case WIRE_SYS_IOCTL:
		assert_int_equal(r->fd, 1);
		assert_true(r->op == WIRE_OP_WRITE || r->op == WIRE_OP_CHATTR);
		break;
	case WIRE_SYS_AIO:
		assert_int_equal(r->op, WIRE_OP_WRITE);
		break;
	case WIRE_SYS_MODULE:
	case WIRE_SYS_PTRACE:
	case WIRE_SYS_VM_WRITE:
	case WIRE_SYS_BPF:
	case WIRE_SYS_GETFD:
	case WIRE_SYS_LIMIT:
	case WIRE_SYS_OWNER:
		assert_int_equal(r->op, WIRE_OP_NONE);
		assert_int_not_equal(r->also, 0);
		break;
	}
	assert_true(r->dir <= 6 && r->dir2 <= 6 && r->name2 <= 6 &&
		    r->flags <= 6 && r->arg <= 6 && r->arg2 <= 6);
}

static void every_row_is_well_formed(void **state)
{
	size_t i, rows = 0;

	(void)state;
	syscalls_fill(table, SYSCALLS_ALL);
	for (i = 0; i < 2 * WIRE_SYSCALL_MAX; i++) {
		check_row(&table[i]);
		rows += table[i].kind != WIRE_SYS_NONE;
	}
	assert_true(rows > 30);
}

static void native_numbers_are_those_of_the_headers(void **state)
{
	(void)state;
	syscalls_fill(table, SYSCALLS_ALL);
	assert_int_equal(table[SYS_write].op, WIRE_OP_WRITE);
	assert_int_equal(table[SYS_write].traits, WIRE_SYS_COUNTS);
	assert_int_equal(table[SYS_splice].fd, 3);
	assert_int_equal(table[SYS_openat].flags, 3);
	assert_int_equal(table[SYS_openat2].traits, WIRE_SYS_HOW);
	assert_int_equal(table[SYS_renameat2].dir2, 3);
	assert_int_equal(table[SYS_renameat2].name2, 4);
	assert_int_equal(table[SYS_symlinkat].name, 3);
	assert_int_equal(table[SYS_symlinkat].name2, 1);
	assert_int_equal(table[SYS_unlinkat].traits, WIRE_SYS_UNLINK);
	assert_int_equal(table[SYS_connect].kind, WIRE_SYS_CONNECT);
	assert_int_equal(table[SYS_read].kind, WIRE_SYS_NONE);
	assert_int_equal(table[SYS_close].kind, WIRE_SYS_NONE);
}

static void compat_numbers_have_a_table_of_their_own(void **state)
{
	const struct wire_syscall *compat = table + WIRE_SYSCALL_MAX;
	size_t count;

	(void)state;
	syscalls_fill(table, SYSCALLS_ALL);
	if (!syscalls_compat(&count)) {
		assert_int_equal(count, 0);
		return;
	}
	/* i386: write 4, unlink 10, rename 38, ftruncate64 194, read 3 */
	assert_int_equal(compat[4].op, WIRE_OP_WRITE);
	assert_int_equal(compat[10].op, WIRE_OP_UNLINK);
	assert_int_equal(compat[38].op, WIRE_OP_RENAME);
	assert_int_equal(compat[194].op, WIRE_OP_TRUNCATE);
	assert_int_equal(compat[102].kind, WIRE_SYS_SOCKETCALL);
	assert_int_equal(compat[3].kind, WIRE_SYS_NONE);
}

static void calls_younger_than_the_headers_are_known(void **state)
{
	/* fchmodat2, setxattrat, removexattrat, file_setattr */
	static const struct {
		size_t nr;
		enum wire_write_op op;
	} want[] = { { 452, WIRE_OP_CHMOD },
		     { 463, WIRE_OP_XATTR },
		     { 466, WIRE_OP_XATTR },
		     { 469, WIRE_OP_CHATTR } };
	size_t i;

	(void)state;
	syscalls_fill(table, SYSCALLS_ALL);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(table[want[i].nr].op, want[i].op);
		assert_int_equal(table[want[i].nr].name, 2);
	}
}

static void only_the_calls_of_the_chosen_operations_are_looked_at(void **state)
{
	uint64_t ops = 1u << WIRE_OP_UNLINK | 1ull << WIRE_OP_UNIX;
	size_t i;

	(void)state;
	syscalls_fill(table, ops);
	for (i = 0; i < 2 * WIRE_SYSCALL_MAX; i++)
		if (table[i].kind != WIRE_SYS_NONE &&
		    table[i].also != WIRE_ALSO(NAMED))
			assert_true(table[i].op == WIRE_OP_UNLINK ||
				    table[i].kind == WIRE_SYS_CONNECT ||
				    table[i].kind == WIRE_SYS_SOCKETCALL);
	assert_int_equal(table[SYS_unlinkat].kind, WIRE_SYS_PATH);
	assert_int_equal(table[SYS_connect].kind, WIRE_SYS_CONNECT);
	/* But for those that other hooks look up: none is told by itself. */
	syscalls_fill(table, 0);
	for (i = 0; i < 2 * WIRE_SYSCALL_MAX; i++)
		if (table[i].kind != WIRE_SYS_NONE) {
			assert_int_equal(table[i].also, WIRE_ALSO(NAMED));
			assert_true(table[i].kind == WIRE_SYS_MODULE ||
				    table[i].kind == WIRE_SYS_VM_WRITE ||
				    table[i].kind == WIRE_SYS_GETFD ||
				    table[i].kind == WIRE_SYS_OWNER ||
				    table[i].kind == WIRE_SYS_IOCTL);
		}
}

static void a_call_can_be_two_things(void **state)
{
	uint32_t map = 1u << WIRE_ALSO_MAP, write = 1u << WIRE_OP_MMAP;

	(void)state;
	syscalls_fill(table, map | write);
	assert_int_equal(table[SYS_mmap].op, WIRE_OP_MMAP);
	assert_int_equal(table[SYS_mmap].also, WIRE_ALSO(MAP));
	syscalls_fill(table, map);
	assert_int_equal(table[SYS_mmap].kind, WIRE_SYS_MMAP);
	assert_int_equal(table[SYS_mmap].op, WIRE_OP_NONE);
	assert_int_equal(table[SYS_mmap].also, WIRE_ALSO(MAP));
	syscalls_fill(table, write);
	assert_int_equal(table[SYS_mmap].also, 0);
	syscalls_fill(table, 1u << WIRE_ALSO_CHANGE_BPF);
	assert_int_equal(table[SYS_bpf].also, WIRE_ALSO(CHANGE_BPF));
	assert_int_equal(table[SYS_ptrace].kind, WIRE_SYS_NONE);
}

static void a_begin_matters_where_the_end_may_mislead(void **state)
{
	(void)state;
	assert_true(syscalls_need_begin(1u << WIRE_OP_WRITE));
	assert_true(syscalls_need_begin(1u << WIRE_OP_MMAP));
	assert_true(syscalls_need_begin(1u << WIRE_OP_UNLINK));
	assert_true(syscalls_need_begin(1ull << WIRE_OP_UNIX));
	assert_true(syscalls_need_begin(1ull << WIRE_OP_PACKET));
	assert_true(syscalls_need_begin(1u << WIRE_ALSO_MAP));
	assert_true(syscalls_need_begin(1u << WIRE_ALSO_LOAD_BPF));
	assert_true(syscalls_need_begin(1u << WIRE_ALSO_REACH));
	assert_false(syscalls_need_begin(1u << WIRE_ALSO_LIMIT));
	/* These end with what hooks of the kernel have noted. */
	assert_false(syscalls_need_begin(1ull << WIRE_OP_CONNECT));
	assert_false(syscalls_need_begin(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_well_formed),
		cmocka_unit_test(native_numbers_are_those_of_the_headers),
		cmocka_unit_test(compat_numbers_have_a_table_of_their_own),
		cmocka_unit_test(calls_younger_than_the_headers_are_known),
		cmocka_unit_test(
			only_the_calls_of_the_chosen_operations_are_looked_at),
		cmocka_unit_test(a_call_can_be_two_things),
		cmocka_unit_test(a_begin_matters_where_the_end_may_mislead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
