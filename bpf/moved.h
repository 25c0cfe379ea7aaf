/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * One accessor for each member or argument that moved between 5.10 and 6.18.
 * The flavours (suffix ___x) are the kernel's struct of some age; libbpf
 * resolves the existence checks at load, so the other branch is dead code.
 */
#pragma once

#include "get.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct timespec64 {
	long long tv_sec;
	long tv_nsec;
};

struct inode___plain {
	struct timespec64 i_mtime;
	struct timespec64 i_ctime;
};

struct inode___under {
	struct timespec64 __i_mtime;
	struct timespec64 __i_ctime;
};

struct inode___split {
	long long i_mtime_sec;
	long long i_ctime_sec;
	__u32 i_mtime_nsec;
	__u32 i_ctime_nsec;
};

/* Mounts map ids since 5.12, by one member and then by another. */
struct vfsmount___userns {
	struct user_namespace *mnt_userns;
};

struct vfsmount___idmap {
	struct mnt_idmap *mnt_idmap;
};

/* What the VFS's function for chattr takes, and since 6.17. */
struct fileattr {
	__u32 flags;
};

struct file_kattr {
	__u32 flags;
};

struct backing_file___user {
	struct path user_path;
};

#pragma clang attribute pop

#define MOVED_NS_PER_S 1000000000ll

/*
 * Each branch pins its pointer: else clang computes the offsets of all
 * branches before it chooses one, and those that this kernel does not have
 * are invalid instructions.
 */
#define READ_TIME(direct, flavour, sec, nsec)                \
	({                                                   \
		barrier_var(flavour);                        \
		GET(direct, flavour, sec) * MOVED_NS_PER_S + \
			GET(direct, flavour, nsec);          \
	})

/* i_mtime until 6.6, __i_mtime from 6.7 (12cd44023651), split in 6.11. */
static __always_inline __s64 inode_mtime_ns(struct inode *i, bool direct)
{
	struct inode___split *split = (void *)i;
	struct inode___under *under = (void *)i;
	struct inode___plain *plain = (void *)i;

	if (bpf_core_field_exists(split->i_mtime_sec))
		return READ_TIME(direct, split, i_mtime_sec, i_mtime_nsec);
	if (bpf_core_field_exists(under->__i_mtime))
		return READ_TIME(direct, under, __i_mtime.tv_sec,
				 __i_mtime.tv_nsec);
	return READ_TIME(direct, plain, i_mtime.tv_sec, i_mtime.tv_nsec);
}

/*
 * i_ctime until 6.5, __i_ctime from 6.6 (13bc24457850), split in 6.11. Since
 * 6.13 the top bit of its nanoseconds says that somebody has looked at it.
 */
#define CTIME_QUERIED (1u << 31)

static __always_inline __s64 inode_ctime_ns(struct inode *i, bool direct)
{
	struct inode___split *split = (void *)i;
	struct inode___under *under = (void *)i;
	struct inode___plain *plain = (void *)i;

	if (bpf_core_field_exists(split->i_ctime_sec)) {
		barrier_var(split);
		return GET(direct, split, i_ctime_sec) * MOVED_NS_PER_S +
		       (GET(direct, split, i_ctime_nsec) & ~CTIME_QUERIED);
	}
	if (bpf_core_field_exists(under->__i_ctime))
		return READ_TIME(direct, under, __i_ctime.tv_sec,
				 __i_ctime.tv_nsec);
	return READ_TIME(direct, plain, i_ctime.tv_sec, i_ctime.tv_nsec);
}

/*
 * Two __u32 before 6.3 (f122a08b197d), one __u64 since: the same eight bytes on
 * the little-endian machines that we build for, so only their place is asked.
 */
#define READ_CAPS(cred, member)                                      \
	({                                                           \
		__u64 caps = 0;                                      \
		bpf_core_read(&caps, sizeof(caps), &(cred)->member); \
		caps;                                                \
	})

static __always_inline bool has_fileattr(void)
{
	return bpf_core_type_exists(struct fileattr) ||
	       bpf_core_type_exists(struct file_kattr);
}

/* Only kernels built with CONFIG_AUDIT have them. */
static __always_inline __u32 task_login_uid(struct task_struct *t)
{
	if (bpf_core_field_exists(t->loginuid))
		return BPF_CORE_READ(t, loginuid.val);
	return ~0u;
}

static __always_inline __u32 task_session(struct task_struct *t)
{
	if (bpf_core_field_exists(t->sessionid))
		return BPF_CORE_READ(t, sessionid);
	return ~0u;
}

/* numbers[] was of one member, then flexible: its place is all we ask. */
static __always_inline struct upid *pid_number(struct pid *p, __u32 level)
{
	return (void *)p + bpf_core_field_offset(p->numbers) +
	       (__u64)level * bpf_core_type_size(struct upid);
}

static __always_inline struct mount *real_mount(struct vfsmount *m)
{
	return (void *)m - bpf_core_field_offset(struct mount, mnt);
}

#define TS_COMPAT 0x2
#define TIF_32BIT (1ul << 22)

/*
 * A 32-bit system call on a 64-bit kernel: TS_COMPAT of thread_info.status on
 * x86, the thread's TIF_32BIT on arm64.
 */
static __always_inline bool task_in_compat(struct task_struct *t)
{
#if defined(__TARGET_ARCH_x86)
	return BPF_CORE_READ(t, thread_info.status) & TS_COMPAT;
#else
	return BPF_CORE_READ(t, thread_info.flags) & TIF_32BIT;
#endif
}

/*
 * The running task with its type, since 5.11 (3ca1032ab7ab): what hangs off it
 * is then read by plain loads instead of calls, which is what the tracepoints
 * that every system call passes can afford. Only where this is true may
 * bpf_get_current_task_btf be called.
 */
static __always_inline bool has_typed_current(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id,
					  BPF_FUNC_get_current_task_btf);
}

/* As task_in_compat, of a task whose type the verifier knows. */
static __always_inline bool typed_in_compat(struct task_struct *t)
{
#if defined(__TARGET_ARCH_x86)
	return t->thread_info.status & TS_COMPAT;
#else
	return t->thread_info.flags & TIF_32BIT;
#endif
}

static __always_inline bool current_in_compat(void)
{
	if (!has_typed_current())
		return task_in_compat((void *)bpf_get_current_task());
	return typed_in_compat(bpf_get_current_task_btf());
}

/* Whether the kernel is putting a program in this task's place. */
static __always_inline bool in_execve(struct task_struct *t)
{
	return BPF_CORE_READ_BITFIELD_PROBED(t, in_execve);
}

/* Of kernels that cannot say where the registers are, all before 5.15. */
#define THREAD_BYTES 16384

/* What the running task had in its registers when it entered the kernel. */
static __always_inline __u64 current_regs(void)
{
	struct task_struct *t;

	if (bpf_core_enum_value_exists(enum bpf_func_id,
				       BPF_FUNC_task_pt_regs))
		return bpf_task_pt_regs(bpf_get_current_task_btf());
	t = (struct task_struct *)bpf_get_current_task();
	return (__u64)BPF_CORE_READ(t, stack) + THREAD_BYTES -
	       bpf_core_type_size(struct pt_regs);
}

static __always_inline bool has_func_ret(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id,
					  BPF_FUNC_get_func_ret);
}

/*
 * Since 5.12 (6521f8917082, 71bc356f93a1) what the VFS does to a name takes
 * the mount's id mapping as one argument more: a namespace, an idmap later.
 */
static __always_inline bool vfs_takes_idmap(void)
{
	struct vfsmount___userns *userns = NULL;
	struct vfsmount___idmap *idmap = NULL;

	return bpf_core_field_exists(userns->mnt_userns) ||
	       bpf_core_field_exists(idmap->mnt_idmap);
}

/*
 * ctx[a] or ctx[b] of a program that is given arguments by their types, by
 * what is known when it is loaded. The branches differ in what they give to an
 * assembly of nothing, so that clang does not make a load with a computed place
 * of them, which the verifier refuses. It is without any text: for a comment
 * clang 22 notes a line of its own, at the next instruction's place, and two
 * lines of one instruction are refused as well.
 */
#define ctx_either(ctx, when, a, b)                                    \
	({                                                             \
		__u64 value;                                           \
		if (when) {                                            \
			value = (ctx)[a];                              \
			asm volatile("" : "+r"(value) : "i"(1));       \
		} else {                                               \
			value = (ctx)[b];                              \
			asm volatile("" : "+r"(value) : "i"(2));       \
		}                                                      \
		value;                                                 \
	})

/*
 * The path that a file was opened by, where a stacked file system opened
 * another below it: since 6.5 (62d53c4a1dfe) that one's f_path is its own,
 * and the user's stands beside it; before, f_path is the user's. (6.5 to 6.7
 * have it the other way round still, under another name.)
 *
 * The mode's bit for it went from 25 to 24 in 6.14, and 25 means something
 * else since: so it must also be a path of a file system that does so.
 */
static __always_inline struct path *file_user_path(struct file *f, __u32 mode)
{
	struct backing_file___user *backing = (void *)f;
	struct dentry *user;
	__u32 magic;

	if (!bpf_core_field_exists(backing->user_path) ||
	    !(mode & FMODE_BACKING))
		return (void *)f + bpf_core_field_offset(f->f_path);
	user = BPF_CORE_READ(backing, user_path.dentry);
	magic = BPF_CORE_READ(user, d_sb, s_magic);
	if (magic != OVERLAY_MAGIC && magic != FUSE_MAGIC)
		return (void *)f + bpf_core_field_offset(f->f_path);
	return (void *)f + bpf_core_field_offset(backing->user_path);
}

/* Since 5.17 (7c7e3d31e785): programs may look up a mapping by its address. */
static __always_inline bool can_find_vma(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_find_vma);
}
