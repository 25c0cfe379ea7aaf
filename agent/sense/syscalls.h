/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls change files, and where their arguments stand. */
#pragma once

#include <stddef.h>

#include "wire.h"

struct syscall_row {
	unsigned nr;
	struct wire_syscall rule;
};

/* Fill both tables: native numbers first, then the 32-bit ones. */
void syscalls_fill(struct wire_syscall table[static 2 * WIRE_SYSCALL_MAX]);

/* The rows of 32-bit calls on a 64-bit kernel; NULL: none known here. */
const struct syscall_row *syscalls_compat(size_t *ret_count);
