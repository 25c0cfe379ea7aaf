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

struct socket_row {
	unsigned nr;
	uint8_t kind; /* enum wire_syscall_kind */
	uint64_t ops; /* 1 << enum wire_socket_op, of each that it tells */
};

/*
 * Fill both tables, native numbers first, then the 32-bit ones, with the calls
 * whose operation is among ops (1 << enum wire_write_op, wire_also or
 * wire_socket_op). All others are no business of the kernel side.
 */
void syscalls_fill(struct wire_syscall table[static 2 * WIRE_SYSCALL_MAX],
		   uint64_t ops);

/* Every operation that a call can be looked at for. */
#define SYSCALLS_ALL UINT64_MAX

/* Whether one of these calls is to be seen when it begins, too. */
bool syscalls_need_begin(uint64_t ops);

/* The rows of 32-bit calls on a 64-bit kernel; NULL: none known here. */
const struct syscall_row *syscalls_compat(size_t *ret_count);
const struct socket_row *syscalls_compat_sockets(size_t *ret_count);
