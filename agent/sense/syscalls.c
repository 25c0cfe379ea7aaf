/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side knows no system call by name: it looks its number up in a
 * table that is filled here, with this architecture's numbers, before the
 * programs are loaded.
 */
#include "sense/syscalls.h"

#include <asm/unistd.h>
#include <string.h>

#include "sense/syscall_rows.h"

static void put_rows(struct wire_syscall *table, const struct syscall_row *rows,
		     size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (rows[i].nr < WIRE_SYSCALL_MAX)
			table[rows[i].nr] = rows[i].rule;
}

void syscalls_fill(struct wire_syscall table[static 2 * WIRE_SYSCALL_MAX])
{
	const struct syscall_row *compat;
	size_t count;

	memset(table, 0, 2 * WIRE_SYSCALL_MAX * sizeof(*table));
	put_rows(table, syscall_rows,
		 sizeof(syscall_rows) / sizeof(syscall_rows[0]));
	compat = syscalls_compat(&count);
	if (compat)
		put_rows(table + WIRE_SYSCALL_MAX, compat, count);
}
