/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Extended attributes, access lists and flags of a file: begun where the
 * security modules are asked, done behind the VFS's functions.
 */
#include "emit.h"
#include "pending.h"
#include "write.h"

#define SETFLAGS    0x40086602u /* FS_IOC_SETFLAGS */
#define SETFLAGS_32 0x40046602u
#define FSSETXATTR  0x401c5820u /* FS_IOC_FSSETXATTR */

#define XATTR_OPS  (1ull << WIRE_OP_XATTR)
#define CHATTR_OPS (1ull << WIRE_OP_CHATTR)

static __always_inline void xattr_begins(__u64 what, struct dentry *dentry)
{
	attr_began(what, number_of(dentry), 0, 0);
}

/* One is done when that is said, of the others the function returns. */
#define SET(backend)   PENDING(WIRE_OP_XATTR, WIRE_BACKEND_##backend)
#define OTHER(backend) (SET(backend) | PENDING_AWAITED)

/* The dentry is the first argument, or the second where there is a mapping. */
static __always_inline int xattr_hook(__u64 what, __u64 *ctx)
{
	xattr_begins(what, (void *)ctx_either(ctx, vfs_takes_idmap(), 1, 0));
	return 0;
}

SEC("lsm/inode_setxattr")
int inode_setxattr_lsm(__u64 *ctx)
{
	return xattr_hook(SET(LSM), ctx);
}

SEC("fentry/security_inode_setxattr")
int inode_setxattr_fentry(__u64 *ctx)
{
	return xattr_hook(SET(FENTRY), ctx);
}

SEC("kprobe/security_inode_setxattr")
int BPF_KPROBE(inode_setxattr_kprobe, void *first, void *second)
{
	xattr_begins(SET(KPROBE), vfs_takes_idmap() ? second : first);
	return 0;
}

SEC("lsm/inode_removexattr")
int inode_removexattr_lsm(__u64 *ctx)
{
	return xattr_hook(OTHER(LSM), ctx);
}

SEC("fentry/security_inode_removexattr")
int inode_removexattr_fentry(__u64 *ctx)
{
	return xattr_hook(OTHER(FENTRY), ctx);
}

SEC("kprobe/security_inode_removexattr")
int BPF_KPROBE(inode_removexattr_kprobe, void *first, void *second)
{
	xattr_begins(OTHER(KPROBE), vfs_takes_idmap() ? second : first);
	return 0;
}

/* Asked only once it is set, and of the very dentry. */
static __always_inline void xattr_is_set(struct dentry *dentry)
{
	struct pending *p = pending_of_thread();

	if (p && p->op == WIRE_OP_XATTR && p->leaf == number_of(dentry))
		p->done = true;
}

SEC("fentry/security_inode_post_setxattr")
int BPF_PROG(post_setxattr_fentry, struct dentry *dentry)
{
	xattr_is_set(dentry);
	return 0;
}

SEC("kprobe/security_inode_post_setxattr")
int BPF_KPROBE(post_setxattr_kprobe, struct dentry *dentry)
{
	xattr_is_set(dentry);
	return 0;
}

SEC("fexit/vfs_removexattr")
int vfs_removexattr_fexit(__u64 *ctx)
{
	attr_ended(XATTR_OPS, vfs_returned(ctx, 2));
	return 0;
}

SEC("kretprobe/vfs_removexattr")
int BPF_KRETPROBE(vfs_removexattr_kretprobe, long returned)
{
	attr_ended(XATTR_OPS, returned);
	return 0;
}

/* Until 6.2 (318e66856dde) an access list was an extended attribute like any. */
SEC("lsm/inode_set_acl")
int BPF_PROG(inode_set_acl_lsm, void *idmap, struct dentry *dentry)
{
	xattr_begins(OTHER(LSM), dentry);
	return 0;
}

SEC("fentry/security_inode_set_acl")
int BPF_PROG(inode_set_acl_fentry, void *idmap, struct dentry *dentry)
{
	xattr_begins(OTHER(FENTRY), dentry);
	return 0;
}

SEC("kprobe/security_inode_set_acl")
int BPF_KPROBE(inode_set_acl_kprobe, void *idmap, struct dentry *dentry)
{
	xattr_begins(OTHER(KPROBE), dentry);
	return 0;
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(inode_remove_acl_lsm, void *idmap, struct dentry *dentry)
{
	xattr_begins(OTHER(LSM), dentry);
	return 0;
}

SEC("fentry/security_inode_remove_acl")
int BPF_PROG(inode_remove_acl_fentry, void *idmap, struct dentry *dentry)
{
	xattr_begins(OTHER(FENTRY), dentry);
	return 0;
}

SEC("kprobe/security_inode_remove_acl")
int BPF_KPROBE(inode_remove_acl_kprobe, void *idmap, struct dentry *dentry)
{
	xattr_begins(OTHER(KPROBE), dentry);
	return 0;
}

SEC("fexit/vfs_set_acl")
int vfs_set_acl_fexit(__u64 *ctx)
{
	attr_ended(XATTR_OPS, func_returned(ctx, ctx[4]));
	return 0;
}

SEC("kretprobe/vfs_set_acl")
int BPF_KRETPROBE(vfs_set_acl_kretprobe, long returned)
{
	attr_ended(XATTR_OPS, returned);
	return 0;
}

SEC("fexit/vfs_remove_acl")
int vfs_remove_acl_fexit(__u64 *ctx)
{
	attr_ended(XATTR_OPS, func_returned(ctx, ctx[3]));
	return 0;
}

SEC("kretprobe/vfs_remove_acl")
int BPF_KRETPROBE(vfs_remove_acl_kretprobe, long returned)
{
	attr_ended(XATTR_OPS, returned);
	return 0;
}

/*
 * chattr(1): an ioctl, and since 5.13 (4c5b47997521) a function of the VFS behind
 * it, which asks the security modules itself since 6.17, when file_setattr(2) came
 * to it without an ioctl.
 */
static __always_inline void fileattr_begins(enum wire_backend backend,
					    struct dentry *dentry)
{
	attr_began(PENDING(WIRE_OP_CHATTR, backend) | PENDING_AWAITED,
		   number_of(dentry), 0, 0);
}

SEC("lsm/inode_file_setattr")
int BPF_PROG(file_setattr_lsm, struct dentry *dentry, void *attr, int ret)
{
	fileattr_begins(WIRE_BACKEND_LSM, dentry);
	return ret;
}

SEC("fentry/security_inode_file_setattr")
int BPF_PROG(file_setattr_fentry, struct dentry *dentry)
{
	fileattr_begins(WIRE_BACKEND_FENTRY, dentry);
	return 0;
}

SEC("kprobe/security_inode_file_setattr")
int BPF_KPROBE(file_setattr_kprobe, struct dentry *dentry)
{
	fileattr_begins(WIRE_BACKEND_KPROBE, dentry);
	return 0;
}

static __always_inline void ioctl_begins(enum wire_backend backend,
					 struct file *file, __u32 cmd)
{
	if (cmd != SETFLAGS && cmd != SETFLAGS_32 && cmd != FSSETXATTR)
		return;
	attr_began(PENDING(WIRE_OP_CHATTR, backend) | PENDING_AWAITED,
		   (__u64)BPF_CORE_READ(file, f_path.dentry),
		   (__u64)BPF_CORE_READ(file, f_path.mnt), 0);
}

SEC("lsm/file_ioctl")
int BPF_PROG(file_ioctl_lsm, struct file *file, unsigned int cmd,
	     unsigned long arg, int ret)
{
	ioctl_begins(WIRE_BACKEND_LSM, file, cmd);
	return ret;
}

SEC("fentry/security_file_ioctl")
int BPF_PROG(file_ioctl_fentry, struct file *file, unsigned int cmd)
{
	ioctl_begins(WIRE_BACKEND_FENTRY, file, cmd);
	return 0;
}

SEC("kprobe/security_file_ioctl")
int BPF_KPROBE(file_ioctl_kprobe, struct file *file, unsigned int cmd)
{
	ioctl_begins(WIRE_BACKEND_KPROBE, file, cmd);
	return 0;
}

/* A hook of its own since 6.8 (f1bb47a31dff), and in older ones' updates. */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(file_ioctl_compat_lsm, struct file *file, unsigned int cmd,
	     unsigned long arg, int ret)
{
	ioctl_begins(WIRE_BACKEND_LSM, file, cmd);
	return ret;
}

SEC("fentry/security_file_ioctl_compat")
int BPF_PROG(file_ioctl_compat_fentry, struct file *file, unsigned int cmd)
{
	ioctl_begins(WIRE_BACKEND_FENTRY, file, cmd);
	return 0;
}

SEC("kprobe/security_file_ioctl_compat")
int BPF_KPROBE(file_ioctl_compat_kprobe, struct file *file, unsigned int cmd)
{
	ioctl_begins(WIRE_BACKEND_KPROBE, file, cmd);
	return 0;
}

SEC("fexit/vfs_fileattr_set")
int vfs_fileattr_set_fexit(__u64 *ctx)
{
	attr_ended(CHATTR_OPS, func_returned(ctx, ctx[3]));
	return 0;
}

SEC("kretprobe/vfs_fileattr_set")
int BPF_KRETPROBE(vfs_fileattr_set_kretprobe, long returned)
{
	attr_ended(CHATTR_OPS, returned);
	return 0;
}

/* The file system has given the mount back by now. */
SEC("fexit/vfs_ioctl")
int vfs_ioctl_fexit(__u64 *ctx)
{
	if (attr_ended(CHATTR_OPS, func_returned(ctx, ctx[3])))
		attr_told();
	return 0;
}

SEC("kretprobe/vfs_ioctl")
int BPF_KRETPROBE(vfs_ioctl_kretprobe, long returned)
{
	if (attr_ended(CHATTR_OPS, returned))
		attr_told();
	return 0;
}
