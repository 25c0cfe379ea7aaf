/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls are looked at, and where their arguments stand. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct syscall_row {
	unsigned nr;
	struct wire_syscall rule;
};

/*
 * Fill both tables, native numbers first, then the 32-bit ones, with the calls
 * whose operation is among ops (1 << enum wire_write_op or enum wire_also). All
 * others are no business of the kernel side.
 */
void syscalls_fill(struct wire_syscall table[static 2 * WIRE_SYSCALL_MAX],
		   uint32_t ops);

/* Every operation that a call can be looked at for. */
#define SYSCALLS_ALL UINT32_MAX

/* Whether one of these calls takes its file by descriptor. */
bool syscalls_take_descriptors(uint32_t ops);

/* The rows of 32-bit calls on a 64-bit kernel; NULL: none known here. */
const struct syscall_row *syscalls_compat(size_t *ret_count);
