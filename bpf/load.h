/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The load family's global functions, which the verifier checks once each,
 * however many programs call them.
 */
#pragma once

#include "what.h"

/* A file of the running process was mapped, or made, executable. Returns 0. */
__u32 file_mapped(__u64 dentry, __u64 mnt, __u64 what);

/*
 * Code from `dentry` (0: from no file) was loaded. name: a kernel address;
 * args: what struct wire_load keeps as arg (low half) and id. Returns 1 when
 * it is in the ring.
 */
__u32 code_loaded(__u64 dentry, __u64 mnt, __u64 what, __u64 name, __u64 args);

/*
 * A system call that may load code: when it begins, where what its descriptor
 * names is to be kept, and when it ends, also if it failed.
 */
__u32 load_call_began(__u64 regs, __u32 index);
__u32 load_call_ended(__u64 regs, __u32 index, __u32 backend, __u64 ret);
/* A call that may load a module has ended: nothing of it is kept any more. */
__u32 module_call_ended(void);
