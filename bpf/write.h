/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The write family's global functions, which report changes. The verifier
 * checks each of them once, however many programs call it. They take at most
 * five plain numbers, so a change is packed into one.
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
 * A file's content was changed, or is about to be: is there something to tell of
 * it? Not of what is no file, or was not opened for writing; nor of a repeat,
 * which is added to its sum here. What is a claim is no repeat: file_changed
 * looks again, by its own sum. This is what each write of the machine pays.
 */
__u32 is_content_news(__u64 file, __u64 change, __u64 bytes);

/*
 * A request that was passed to file_changed when it was submitted has
 * completed: add its bytes. It is not counted again.
 */
__u32 file_completed(__u64 dentry, __u64 mnt, __u64 change, __u64 bytes);

/* Add to the totals of what the running image wrote to this file. */
__u32 bytes_written(__u64 inode, __u64 bytes);

/*
 * A system call that acts on names, which are read through its registers.
 * opening: the flags of an open(2) whose file could not be found, else 0; and
 * NAMES_UNSURE where the call may not have been done.
 */
#define NAMES_UNSURE (1ull << 32)
__u32 names_changed(__u64 regs, __u32 index, __u32 backend, __u64 opening);

/*
 * truncate(2): keep its name when it begins; when it ends, where that is in the
 * kernel's memory (0: it was not kept), and that it is no more needed.
 */
__u32 name_kept(__u64 regs, __u32 index);
__u64 kept_name(__u64 index);
__u32 kept_name_done(void);

/*
 * Whether a process of picket's is in the cgroup that this file is of, or in one
 * below that. magic: of the file's file system.
 */
__u32 holds_picket(__u64 leaf, __u32 magic);
/* Whether this file of /proc is about a process of picket's. */
__u32 is_about_picket(__u64 leaf);

/* io_submit(2); taken: how many requests the kernel accepted. */
__u32 aio_submitted(__u64 regs, __u32 index, __u32 backend, __u64 taken);

/*
 * The three hooks of a change (see pending.h): begun, ended with what the VFS
 * returned, reported. name_*: changes of names; attr_*: other changes. mnt 0:
 * the mount of mounts_asked. attr_ended returns whether there is something to
 * report.
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
