/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side knows no system call by name: it looks its number up in a
 * table that is filled here, with this architecture's numbers, before the
 * programs are loaded.
 */
#include "sense/syscalls.h"

#include <asm/unistd.h>
#include <string.h>

#include "sense/socket_rows.h"
#include "sense/syscall_rows.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert((int)WIRE_OP_COUNT <= (int)WIRE_ALSO_FIRST &&
		       WIRE_ALSO_END - WIRE_ALSO_FIRST <= 8,
	       "operations and what else a call may be are bits of one word");

static bool is_among(const struct syscall_row *row, uint64_t ops)
{
	return row->nr < WIRE_SYSCALL_MAX && (ops & 1ull << row->rule.op);
}

/* A call that is two things has a row for each: their sum is its rule. */
static void put_rule(struct wire_syscall *to, const struct wire_syscall *rule)
{
	uint8_t op = to->op, also = to->also;

	if (rule->op < WIRE_ALSO_FIRST) {
		*to = *rule;
		to->also = also;
		return;
	}
	if (to->kind == WIRE_SYS_NONE)
		*to = *rule;
	to->op = op;
	to->also = (uint8_t)(also | 1u << (rule->op - WIRE_ALSO_FIRST));
}

static void put_rows(struct wire_syscall *table, const struct syscall_row *rows,
		     size_t count, uint64_t ops)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (is_among(&rows[i], ops))
			put_rule(&table[rows[i].nr], &rows[i].rule);
}

static void put_sockets(struct wire_syscall *table,
			const struct socket_row *rows, size_t count,
			uint64_t ops)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (rows[i].nr < WIRE_SYSCALL_MAX && (rows[i].ops & ops))
			table[rows[i].nr].kind = rows[i].kind;
}

void syscalls_fill(struct wire_syscall table[static 2 * WIRE_SYSCALL_MAX],
		   uint64_t ops)
{
	const struct socket_row *compat_sockets;
	const struct syscall_row *compat;
	size_t count;

	memset(table, 0, 2 * WIRE_SYSCALL_MAX * sizeof(*table));
	ops |= 1ull << WIRE_ALSO_NAMED;
	put_rows(table, syscall_rows, COUNT(syscall_rows), ops);
	compat = syscalls_compat(&count);
	if (compat)
		put_rows(table + WIRE_SYSCALL_MAX, compat, count, ops);
	put_sockets(table, socket_rows, COUNT(socket_rows), ops);
	compat_sockets = syscalls_compat_sockets(&count);
	if (compat_sockets)
		put_sockets(table + WIRE_SYSCALL_MAX, compat_sockets, count,
			    ops);
}

#define ALSO(name) (1ull << WIRE_ALSO_##name)

/* A descriptor can be swapped until the end, a name's call be made up. */
static bool needs_begin(const struct wire_syscall *rule)
{
	switch (rule->kind) {
	case WIRE_SYS_OPEN:
	case WIRE_SYS_PATH:
	case WIRE_SYS_FD:
	case WIRE_SYS_MMAP:
		return true;
	default:
		return false;
	}
}

bool syscalls_need_begin(uint64_t ops)
{
	const uint64_t sockets = SOCKET_OP(UNIX) | SOCKET_OP(VSOCK) |
				 SOCKET_OP(LISTEN) | SOCKET_OP(RAW) |
				 SOCKET_OP(PACKET);
	/* What these take or give by descriptors, of files and processes. */
	const uint64_t others = ALSO(MAP) | ALSO(LOAD_BPF) | ALSO(REACH);
	size_t i;

	for (i = 0; i < COUNT(syscall_rows); i++)
		if (syscall_rows[i].rule.op < WIRE_ALSO_FIRST &&
		    is_among(&syscall_rows[i], ops) &&
		    needs_begin(&syscall_rows[i].rule))
			return true;
	return ops & (sockets | others);
}
