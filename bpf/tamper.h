/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Tampering, as seen at the end of system calls; see load.h. */
#pragma once

#include "what.h"

/*
 * ptrace and process_vm_writev. Also to be called when they failed, to remove
 * what their beginning left in the maps.
 */
__u32 reach_call_ended(__u64 regs, __u32 index, __u32 backend, __u64 ret);
/* bpf(2), where it succeeded. */
__u32 bpf_call_ended(__u64 regs, __u32 index, __u32 backend);
