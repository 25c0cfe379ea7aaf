/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The two ways in which a system call is told, as global functions: verified
 * once each, whoever calls. At most five plain numbers go in, so a change is
 * packed.
 */
#pragma once

#include "types.h"

/*
 * dentry and mnt: the file; change: see WRITE_CHANGE; args: what struct
 * wire_write keeps as arg (low half) and arg2. Pseudo files are skipped,
 * repeats summed. Returns 0.
 */
__u32 file_changed(__u64 dentry, __u64 mnt, __u64 change, __u64 bytes,
		   __u64 args);

/*
 * The same file_changed was told, or ought to have been, of a request that was
 * only asked for then: it is counted there, and here are its bytes.
 */
__u32 file_completed(__u64 dentry, __u64 mnt, __u64 change, __u64 bytes);

/* Add to the totals of what the running image wrote to this file. */
__u32 bytes_written(__u64 inode, __u64 bytes);

/*
 * A call that acts on names: everything is taken from its registers. opening:
 * the flags of an open(2) whose file is out of reach, else 0.
 */
__u32 names_changed(__u64 regs, __u32 index, __u32 backend, __u64 opening);

/* io_submit(2), of which the kernel took so many requests. */
__u32 aio_submitted(__u64 regs, __u32 index, __u32 backend, __u64 taken);

/*
 * A change by name, as pending.h says: begun, ended with what the VFS
 * returned, told. attr_: of what is not its name. mnt 0: the one asked for.
 * attr_ended returns whether there is something to tell.
 */
__u32 name_began(__u64 what, __u64 dir, __u64 mnt, __u64 leaf, __u64 args);
__u32 second_name_began(__u64 dir, __u64 leaf, __u64 target);
__u32 name_ended(__u64 ops, __u64 returned);
__u32 name_left(void);
__u32 name_told(void);
__u32 attr_began(__u64 what, __u64 dentry, __u64 mnt, __u64 args);
__u32 attr_ended(__u64 ops, __u64 returned);
__u32 attr_told(void);

/* op | backend << 8 | WIRE_WRITE_* << 16 | system call << 32 | traits << 48 */
#define WRITE_CHANGE(op, backend, flags, nr, traits)                  \
	((__u64)(op) | (__u64)(backend) << 8 | (__u64)(flags) << 16 | \
	 (__u64)(nr) << 32 | (__u64)(traits) << 48)
#define CHANGE_OP(c)	  ((__u8)(c))
#define CHANGE_BACKEND(c) ((__u8)((c) >> 8))
#define CHANGE_FLAGS(c)	  ((__u16)((c) >> 16))
#define CHANGE_NR(c)	  ((__u16)((c) >> 32))
#define CHANGE_TRAITS(c)  ((__u16)((c) >> 48))
