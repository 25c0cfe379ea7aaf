/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Tampering, as seen at the end of system calls; see load.h. */
#pragma once

#include "what.h"

/*
 * ptrace, process_vm_writev and pidfd_getfd. Also to be called when they failed, to remove
 * what their beginning left in the maps.
 */
__u32 reach_call_ended(__u64 regs, __u32 index, __u32 backend, __u64 ret);
/* bpf(2), prlimit(2), fcntl(2) and ioctl(2), where they succeeded. */
__u32 bpf_call_ended(__u64 regs, __u32 index, __u32 backend);
__u32 limit_call_ended(__u64 regs, __u32 index, __u32 backend);
__u32 owner_call_ended(__u64 regs, __u32 index, __u32 backend);
