/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the end of a system call tells of sockets, as a global function. */
#pragma once

#include "types_sock.h"

/* regs and index: as in struct call. Returns 0. */
__u32 socket_call_ended(__u64 regs, __u32 index, __u32 backend, __u64 ret);
