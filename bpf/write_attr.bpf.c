/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Mode, owner, size and times of a file; and what write_xattr.bpf.c uses as well. The
 * hooks that have the kernel's objects do not have the mount; it is the one that
 * this thread has asked to write to and not given back: whoever changes an
 * attribute does that around it. What a stacked file system does to its lower
 * one on the way comes by here too, on a mount of the kernel's own or, since
 * 6.7, without asking; such calls are only counted, to know which return is
 * whose.
 */
#include "emit.h"
#include "pending.h"
#include "read_path.h"
#include "read_task.h"
#include "write.h"

/* Kernel constants: linux/fs.h */
#define ATTR_MODE  0x0001
#define ATTR_UID   0x0002
#define ATTR_GID   0x0004
#define ATTR_SIZE  0x0008
#define ATTR_TIMES 0x0180 /* of access or change, to what was given */
#define ATTR_FORCE 0x0200
#define ATTR_FILE  0x2000
#define ATTR_OPEN  0x8000

#define ATTR_OPS                                         \
	(1ull << WIRE_OP_CHMOD | 1ull << WIRE_OP_CHOWN | \
	 1ull << WIRE_OP_TRUNCATE | 1ull << WIRE_OP_UTIME)

static __always_inline void mount_is_asked(struct vfsmount *m)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct mount_asked asked = {
		.mnt = number_of(m),
		.sb = (__u64)BPF_CORE_READ(m, mnt_sb),
	};

	bpf_map_update_elem(&mounts_asked, &thread, &asked, BPF_ANY);
	mark(MARK_ASKED, true);
}

/* 0: none that this file can be on. */
static __always_inline __u64 mount_of(struct dentry *d)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct mount_asked *asked = bpf_map_lookup_elem(&mounts_asked, &thread);

	if (!asked || asked->sb != (__u64)BPF_CORE_READ(d, d_sb))
		return 0;
	return asked->mnt;
}

/*
 * Nothing was asked, or others took the room of what was: then this change can
 * not be told, unless it is that of a lower file system for one that is.
 */
static __always_inline void mount_check(struct pending *outer)
{
	__u64 thread = bpf_get_current_pid_tgid();

	if (!outer && is_marked(MARK_ASKED) && !is_muted() &&
	    !bpf_map_lookup_elem(&mounts_asked, &thread))
		change_is_lost(MARK_ASKED);
}

/* In `what`: a call of notify_change, which attr_ended sees the end of. */
#define NOTIFIES (1ull << 16)

/*
 * what: as name_began; without an operation nothing is begun that anybody
 * wants to know, and what is left of one before is none of this call's.
 */
__noinline __u32 attr_began(__u64 what, __u64 dentry, __u64 mnt, __u64 args)
{
	struct pending *p = pending_of_thread();

	if (!mnt)
		mnt = mount_of((struct dentry *)dentry);
	if (!mnt ||
	    is_kernels_own((struct dentry *)dentry, (struct vfsmount *)mnt)) {
		if (p && (what & NOTIFIES) && (ATTR_OPS & 1u << (p->op & 31)))
			p->depth++;
		if (!mnt && (what & 0xff))
			mount_check(p);
		return 0;
	}
	if (what & 0xff)
		name_began(what, 0, mnt, dentry, args);
	else if (p)
		pending_forget();
	return 0;
}

__noinline __u32 attr_ended(__u64 ops, __u64 returned)
{
	struct pending *p = pending_of_thread();

	if (!p || !(ops & 1u << (p->op & 31)))
		return 0;
	if (p->depth) {
		p->depth--;
		return 0;
	}
	p->awaited = false;
	if (!has_failed(returned)) {
		p->done = true;
		return 1;
	}
	/* Perhaps only that of a lower file system. */
	if (!is_stacked((struct dentry *)p->leaf))
		pending_forget();
	return 0;
}

__noinline __u32 attr_told(void)
{
	struct pending *p = pending_of_thread();
	__u64 leaf, mnt, args, change;

	if (!p || !p->done)
		return 0;
	leaf = p->leaf;
	mnt = p->mnt;
	args = p->args;
	change = WRITE_CHANGE(
		p->op, p->backend, p->flags, WIRE_NO_SYSCALL,
		p->op == WIRE_OP_TRUNCATE ? 0 : (__u64)WIRE_SYS_EVENT);
	pending_forget();
	file_changed(leaf, mnt, change, 0, args);
	return 0;
}

/*
 * Size first, then owner: with both the mode may change, of itself. An open
 * that truncates tells so itself.
 */
static __always_inline __u32 attr_op(__u32 valid)
{
	if (valid & ATTR_SIZE)
		return valid & ATTR_OPEN ? WIRE_OP_NONE : WIRE_OP_TRUNCATE;
	if (valid & (ATTR_UID | ATTR_GID))
		return WIRE_OP_CHOWN;
	if ((valid & (ATTR_MODE | ATTR_FORCE)) == ATTR_MODE)
		return WIRE_OP_CHMOD;
	return valid & ATTR_TIMES ? WIRE_OP_UTIME : WIRE_OP_NONE;
}

static __always_inline __u64 attr_args(struct iattr *attr, __u32 valid)
{
	__u32 uid = ~0u, gid = ~0u;

	if (valid & ATTR_SIZE)
		return 0;
	if (!(valid & (ATTR_UID | ATTR_GID)))
		return valid & ATTR_MODE ? BPF_CORE_READ(attr, ia_mode) & 07777
					 : 0;
	if (valid & ATTR_UID)
		uid = BPF_CORE_READ(attr, ia_uid.val);
	if (valid & ATTR_GID)
		gid = BPF_CORE_READ(attr, ia_gid.val);
	return uid | (__u64)gid << 32;
}

static __always_inline void attr_begins(enum wire_backend backend,
					struct dentry *dentry,
					struct iattr *attr)
{
	__u32 valid = BPF_CORE_READ(attr, ia_valid);
	struct file *file;
	__u64 mnt = 0;

	if (valid & ATTR_FILE) {
		file = BPF_CORE_READ(attr, ia_file);
		mnt = (__u64)BPF_CORE_READ(file, f_path.mnt);
	}
	attr_began(PENDING(attr_op(valid), backend) | NOTIFIES |
			   PENDING_AWAITED,
		   number_of(dentry), mnt, attr_args(attr, valid));
}

SEC("fentry/mnt_want_write")
int BPF_PROG(want_write_fentry, struct vfsmount *m)
{
	mount_is_asked(m);
	return 0;
}

SEC("kprobe/mnt_want_write")
int BPF_KPROBE(want_write_kprobe, struct vfsmount *m)
{
	mount_is_asked(m);
	return 0;
}

SEC("fentry/mnt_want_write_file")
int BPF_PROG(want_write_file_fentry, struct file *file)
{
	mount_is_asked(BPF_CORE_READ(file, f_path.mnt));
	return 0;
}

SEC("kprobe/mnt_want_write_file")
int BPF_KPROBE(want_write_file_kprobe, struct file *file)
{
	mount_is_asked(BPF_CORE_READ(file, f_path.mnt));
	return 0;
}

/*
 * With an id mapping since 6.8 or so; the one is refused where the other
 * fits. Programs run while none before has refused: 0 is what they were given.
 */
SEC("lsm/inode_setattr")
int BPF_PROG(inode_setattr_lsm, void *idmap, struct dentry *dentry,
	     struct iattr *attr)
{
	/* A plain load: only of what really is a struct iattr. */
	if (!attr->ia_valid)
		return 0;
	attr_begins(WIRE_BACKEND_LSM, dentry, attr);
	return 0;
}

SEC("lsm/inode_setattr")
int BPF_PROG(inode_setattr_old_lsm, struct dentry *dentry, struct iattr *attr,
	     int ret)
{
	if (!attr->ia_valid)
		return ret;
	attr_begins(WIRE_BACKEND_LSM, dentry, attr);
	return ret;
}

SEC("fentry/notify_change")
int notify_change_fentry(__u64 *ctx)
{
	bool takes_idmap = vfs_takes_idmap();
	__u64 dentry = ctx_either(ctx, takes_idmap, 1, 0);
	__u64 attr = ctx_either(ctx, takes_idmap, 2, 1);

	attr_begins(WIRE_BACKEND_FENTRY, (void *)dentry, (void *)attr);
	return 0;
}

SEC("kprobe/notify_change")
int BPF_KPROBE(notify_change_kprobe, void *first, void *second, void *third)
{
	bool takes_idmap = vfs_takes_idmap();

	attr_begins(WIRE_BACKEND_KPROBE, takes_idmap ? second : first,
		    takes_idmap ? third : second);
	return 0;
}

SEC("fexit/notify_change")
int notify_change_fexit(__u64 *ctx)
{
	/* Told at once: ftruncate(2) asks for no mount. */
	if (attr_ended(ATTR_OPS, vfs_returned(ctx, 3)))
		attr_told();
	return 0;
}

SEC("kretprobe/notify_change")
int BPF_KRETPROBE(notify_change_kretprobe, long returned)
{
	if (attr_ended(ATTR_OPS, returned))
		attr_told();
	return 0;
}
