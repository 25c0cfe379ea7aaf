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
 *
 * A change that waits in the kernel can lose its entry to a crowd of others.
 * That there was one is kept by a mark, so that its end is a loss and not
 * nothing; of one that then failed, too, since nobody can tell.
 *
 * And the second hook can be missed: a kretprobe has room for a few calls that
 * are under way, ten or (before 6.2, 3b7ddab8a19a) as many as processors, and who
 * waits in the kernel takes it from all others. What a function has begun of whose
 * return nobody has heard is told as asked for.
 */
#pragma once

#include "emit.h"
#include "marks.h"
#include "moved.h"

/* op | backend << 8: what pending_begin takes. */
#define PENDING(op, backend) ((__u64)(op) | (__u64)(backend) << 8)
/* And: it was begun by the function whose return is to be heard. */
#define PENDING_AWAITED (1ull << 17)

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
	mark(MARK_BEGUN, false);
}

static __always_inline void change_is_lost(enum mark m)
{
	mark(m, false);
	count_made(WIRE_FAM_WRITE);
	count_lost(WIRE_FAM_WRITE);
}

/*
 * chattr begins with an ioctl. Since 5.13 (4c5b47997521) the VFS has a function
 * for it, which may not be reached, and ends before the mount is given back;
 * before, the ioctl is all there is, and ends behind that.
 */
static __always_inline bool is_late_chattr(struct pending *p)
{
	return p->op == WIRE_OP_CHATTR && has_fileattr();
}

static __always_inline bool is_ioctl_chattr(struct pending *p)
{
	return p->op == WIRE_OP_CHATTR && !has_fileattr();
}

/*
 * Once what was begun must have ended: is it gone without having been told? (Or
 * done, where the kernel has left out the run that was to tell it: a program
 * that another thread is in the middle of, on the same processor.)
 */
static __always_inline void pending_check(void)
{
	struct pending *p;

	if (!is_marked(MARK_BEGUN))
		return;
	p = pending_of_thread();
	if (!p || p->done || (p->awaited && !is_late_chattr(p)))
		change_is_lost(MARK_BEGUN);
}

/* Who makes a regular file may open it, which is told by itself. */
static __always_inline bool may_be_open(__u32 op, __u64 args)
{
	__u32 type = args & S_IFMT;

	return op == WIRE_OP_MKNOD && (!type || type == S_IFREG);
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

/*
 * What a function returned behind which an fexit program runs. Since 5.17
 * (f92c1e183604) the kernel says where that is, how many arguments however it
 * takes (6.19 gave the VFS's one more); `n` is how many there are before.
 */
#define func_returned(ctx, n)                                \
	({                                                   \
		__u64 returned = 0;                          \
		if (has_func_ret())                          \
			bpf_get_func_ret(ctx, &returned);    \
		else                                         \
			returned = number_of((void *)(n));   \
		returned;                                    \
	})
/* The same, of one with `n` arguments and an id mapping. */
#define vfs_returned(ctx, n) \
	func_returned(ctx, ctx_either(ctx, vfs_takes_idmap(), (n) + 1, n))
