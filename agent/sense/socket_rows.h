/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls whose end tells of sockets, and what of. Included once for
 * each numbering, as syscall_rows.h is.
 */
#include "sense/syscalls.h"

#define SOCKET_OP(name) (1ull << WIRE_OP_##name)

static const struct socket_row socket_rows[] = {
#ifdef __NR_connect
	{ __NR_connect, WIRE_SYS_CONNECT,
	  SOCKET_OP(CONNECT) | SOCKET_OP(UNIX) | SOCKET_OP(VSOCK) },
#endif
#ifdef __NR_socket
	{ __NR_socket, WIRE_SYS_SOCKET, SOCKET_OP(RAW) | SOCKET_OP(PACKET) },
#endif
#ifdef __NR_listen
	{ __NR_listen, WIRE_SYS_LISTEN,
	  SOCKET_OP(LISTEN) | SOCKET_OP(UNBOUND) },
#endif
#ifdef __NR_socketcall
	{ __NR_socketcall, WIRE_SYS_SOCKETCALL,
	  SOCKET_OP(CONNECT) | SOCKET_OP(UNIX) | SOCKET_OP(VSOCK) |
		  SOCKET_OP(RAW) |
		  SOCKET_OP(PACKET) | SOCKET_OP(LISTEN) | SOCKET_OP(UNBOUND) },
#endif
#ifdef __NR_io_uring_enter
	{ __NR_io_uring_enter, WIRE_SYS_RING, SOCKET_OP(UNBOUND) },
#endif
};
