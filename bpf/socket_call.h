/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What begin and end of a system call tell of sockets, as global functions. */
#pragma once

#include "types_sock.h"

/* regs and index: as in struct call. They return 0. */
/* Only where another thread may change descriptors. */
__u32 socket_call_began(__u64 regs, __u32 index);
__u32 socket_call_ended(__u64 regs, __u32 index, __u32 backend, __u64 ret);
