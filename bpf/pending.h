/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A denied or failed attempt is not a change. So a change by name needs three
 * hooks: one that has the kernel's objects, including the mount; one at the
 * exit of each VFS function, which has the result; and one where the thread
 * gives up write access to the mount, which reports. (The second could report,
 * but there are many of those, and the reporting code is large: every few
 * copies of it cost a second in the verifier.) The state between the hooks is
 * kept here, one entry per thread. A thread can only begin another change
 * meanwhile in a stacked file system, which changes its lower one on the way.
 *
 * Once the second hook saw success, the change has happened: nothing later can
 * fail, except for the disk itself.
 */
#pragma once

#include "emit.h"
#include "moved.h"

/* op | backend << 8: what pending_begin takes. */
#define PENDING(op, backend) ((__u64)(op) | (__u64)(backend) << 8)

#define OVERLAY_MAGIC  0x794c7630
#define ECRYPTFS_MAGIC 0xf15f

static __always_inline struct pending *pending_of_thread(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&pending_changes, &thread);
}

static __always_inline void pending_forget(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&pending_changes, &thread);
}

/* File systems that forward changes to a file of a lower file system. */
static __always_inline bool is_stacked(struct dentry *d)
{
	__u64 magic = BPF_CORE_READ(d, d_sb, s_magic);

	return magic == OVERLAY_MAGIC || magic == ECRYPTFS_MAGIC;
}

/*
 * What a function returned that gives 0 or an error, as int or, as vfs_mkdir
 * since 6.15 (88d5baf69082), as a pointer.
 */
static __always_inline bool has_failed(__u64 returned)
{
	return returned >= -4095ull || (!(returned >> 32) && (int)returned < 0);
}

/* The return value of a function with `n` arguments, and an id mapping. */
#define vfs_returned(ctx, n) \
	number_of((void *)ctx_either(ctx, vfs_takes_idmap(), (n) + 1, n))
