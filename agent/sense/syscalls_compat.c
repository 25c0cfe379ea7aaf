/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers that 32-bit programs use on a 64-bit kernel. A file of its own,
 * because both numberings use the same macro names.
 */
#include "sense/syscalls.h"

#if defined(__x86_64__)

#include <asm/unistd_32.h>

#include "sense/socket_rows.h"
#include "sense/syscall_rows.h"

const struct syscall_row *syscalls_compat(size_t *ret_count)
{
	*ret_count = sizeof(syscall_rows) / sizeof(syscall_rows[0]);
	return syscall_rows;
}

const struct socket_row *syscalls_compat_sockets(size_t *ret_count)
{
	*ret_count = sizeof(socket_rows) / sizeof(socket_rows[0]);
	return socket_rows;
}

#else

const struct syscall_row *syscalls_compat(size_t *ret_count)
{
	*ret_count = 0;
	return NULL;
}

const struct socket_row *syscalls_compat_sockets(size_t *ret_count)
{
	*ret_count = 0;
	return NULL;
}

#endif
