/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Names that are about to change: where the kernel asks its security modules
 * with the path of the directory. That is before it asks whether the name is
 * there and may be changed, so nothing is told here, but once the file system
 * has done it, see write_end.bpf.c. A file that open(2) makes comes by
 * path_mknod as well, see write_open.bpf.c.
 */
#include "emit.h"
#include "pending.h"
#include "read_file.h"
#include "read_task.h"
#include "write.h"

/* args: arg | arg2 << 32. A name that finds no room here is a loss. */
__noinline __u32 name_began(__u64 what, __u64 dir, __u64 mnt, __u64 leaf,
			    __u64 args)
{
	static const struct pending nothing;
	__u64 thread = bpf_get_current_pid_tgid();
	struct dentry *d = (struct dentry *)leaf;
	struct inode *inode = BPF_CORE_READ(d, d_inode);
	struct pending *p;

	if (is_muted())
		return 0;
	pending_check();
	bpf_map_update_elem(&pending_changes, &thread, &nothing, BPF_ANY);
	p = pending_of_thread();
	if (!p) {
		change_is_lost(MARK_BEGUN);
		return 0;
	}
	p->op = what & 0xff;
	mark(MARK_BEGUN, !may_be_open(p->op, args));
	p->backend = what >> 8 & 0xff;
	p->awaited = !!(what & PENDING_AWAITED);
	p->dir = dir;
	p->mnt = mnt;
	p->leaf = leaf;
	p->args = args;
	p->hash_len = BPF_CORE_READ(d, d_name.hash_len);
	/* All zero where there is none yet. */
	put_inode(&p->file, inode, inode, false);
	if (p->op == WIRE_OP_RENAME)
		bpf_probe_read_kernel_str(p->name, sizeof(p->name),
					  BPF_CORE_READ(d, d_name.name));
	return 0;
}

/* The other name of a rename or link, or what a symbolic link is to say. */
__noinline __u32 second_name_began(__u64 dir, __u64 leaf, __u64 target)
{
	struct pending *p = pending_of_thread();

	if (!p)
		return 0;
	p->dir2 = dir;
	p->leaf2 = leaf;
	p->target = target;
	return 0;
}

static __always_inline void begin(__u64 what, const struct path *dir,
				  struct dentry *leaf, __u64 args)
{
	name_began(what, (__u64)BPF_CORE_READ(dir, dentry),
		   (__u64)BPF_CORE_READ(dir, mnt), number_of(leaf), args);
}

static __always_inline void rename_begins(__u64 what, const struct path *from,
					  struct dentry *old,
					  const struct path *to,
					  struct dentry *new)
{
	begin(what, from, old, 0);
	second_name_began((__u64)BPF_CORE_READ(to, dentry), number_of(new), 0);
}

/* Both names of a link are on one mount; the old one is told by its path. */
static __always_inline void link_begins(__u64 what, struct dentry *old,
					const struct path *to,
					struct dentry *new)
{
	name_began(what, 0, (__u64)BPF_CORE_READ(to, mnt), number_of(old), 0);
	second_name_began((__u64)BPF_CORE_READ(to, dentry), number_of(new), 0);
}

static __always_inline void symlink_begins(__u64 what, const struct path *dir,
					   struct dentry *leaf,
					   const char *target)
{
	begin(what, dir, leaf, 0);
	second_name_began(0, 0, number_of(target));
}

#define LSM(op)	   PENDING(WIRE_OP_##op, WIRE_BACKEND_LSM)
#define FENTRY(op) PENDING(WIRE_OP_##op, WIRE_BACKEND_FENTRY)
#define KPROBE(op) PENDING(WIRE_OP_##op, WIRE_BACKEND_KPROBE)

SEC("lsm/path_unlink")
int BPF_PROG(path_unlink_lsm, struct path *dir, struct dentry *dentry, int ret)
{
	begin(LSM(UNLINK), dir, dentry, 0);
	return ret;
}

SEC("fentry/security_path_unlink")
int BPF_PROG(path_unlink_fentry, struct path *dir, struct dentry *dentry)
{
	begin(FENTRY(UNLINK), dir, dentry, 0);
	return 0;
}

SEC("kprobe/security_path_unlink")
int BPF_KPROBE(path_unlink_kprobe, struct path *dir, struct dentry *dentry)
{
	begin(KPROBE(UNLINK), dir, dentry, 0);
	return 0;
}

SEC("lsm/path_rmdir")
int BPF_PROG(path_rmdir_lsm, struct path *dir, struct dentry *dentry, int ret)
{
	begin(LSM(RMDIR), dir, dentry, 0);
	return ret;
}

SEC("fentry/security_path_rmdir")
int BPF_PROG(path_rmdir_fentry, struct path *dir, struct dentry *dentry)
{
	begin(FENTRY(RMDIR), dir, dentry, 0);
	return 0;
}

SEC("kprobe/security_path_rmdir")
int BPF_KPROBE(path_rmdir_kprobe, struct path *dir, struct dentry *dentry)
{
	begin(KPROBE(RMDIR), dir, dentry, 0);
	return 0;
}

/*
 * Until 6.0 (100f59d96405) the hook was asked twice for an exchange and had no
 * flags. Programs run while none before has refused: the return value that
 * they were given is 0.
 */
SEC("lsm/path_rename")
int BPF_PROG(path_rename_lsm, struct path *from, struct dentry *old,
	     struct path *to, struct dentry *new)
{
	rename_begins(LSM(RENAME), from, old, to, new);
	return 0;
}

SEC("fentry/security_path_rename")
int BPF_PROG(path_rename_fentry, struct path *from, struct dentry *old,
	     struct path *to, struct dentry *new)
{
	rename_begins(FENTRY(RENAME), from, old, to, new);
	return 0;
}

SEC("kprobe/security_path_rename")
int BPF_KPROBE(path_rename_kprobe, struct path *from, struct dentry *old,
	       struct path *to, struct dentry *new)
{
	rename_begins(KPROBE(RENAME), from, old, to, new);
	return 0;
}

SEC("lsm/path_link")
int BPF_PROG(path_link_lsm, struct dentry *old, struct path *to,
	     struct dentry *new, int ret)
{
	link_begins(LSM(LINK), old, to, new);
	return ret;
}

SEC("fentry/security_path_link")
int BPF_PROG(path_link_fentry, struct dentry *old, struct path *to,
	     struct dentry *new)
{
	link_begins(FENTRY(LINK), old, to, new);
	return 0;
}

SEC("kprobe/security_path_link")
int BPF_KPROBE(path_link_kprobe, struct dentry *old, struct path *to,
	       struct dentry *new)
{
	link_begins(KPROBE(LINK), old, to, new);
	return 0;
}

SEC("lsm/path_symlink")
int BPF_PROG(path_symlink_lsm, struct path *dir, struct dentry *dentry,
	     const char *target, int ret)
{
	symlink_begins(LSM(SYMLINK), dir, dentry, target);
	return ret;
}

SEC("fentry/security_path_symlink")
int BPF_PROG(path_symlink_fentry, struct path *dir, struct dentry *dentry,
	     const char *target)
{
	symlink_begins(FENTRY(SYMLINK), dir, dentry, target);
	return 0;
}

SEC("kprobe/security_path_symlink")
int BPF_KPROBE(path_symlink_kprobe, struct path *dir, struct dentry *dentry,
	       const char *target)
{
	symlink_begins(KPROBE(SYMLINK), dir, dentry, target);
	return 0;
}

SEC("lsm/path_mknod")
int BPF_PROG(path_mknod_lsm, struct path *dir, struct dentry *dentry,
	     __u16 mode, unsigned int dev, int ret)
{
	begin(LSM(MKNOD), dir, dentry, mode);
	return ret;
}

SEC("fentry/security_path_mknod")
int BPF_PROG(path_mknod_fentry, struct path *dir, struct dentry *dentry,
	     __u16 mode)
{
	begin(FENTRY(MKNOD), dir, dentry, mode);
	return 0;
}

SEC("kprobe/security_path_mknod")
int BPF_KPROBE(path_mknod_kprobe, struct path *dir, struct dentry *dentry,
	       __u16 mode)
{
	begin(KPROBE(MKNOD), dir, dentry, mode);
	return 0;
}

SEC("lsm/path_mkdir")
int BPF_PROG(path_mkdir_lsm, struct path *dir, struct dentry *dentry,
	     __u16 mode, int ret)
{
	begin(LSM(MKDIR), dir, dentry, mode);
	return ret;
}

SEC("fentry/security_path_mkdir")
int BPF_PROG(path_mkdir_fentry, struct path *dir, struct dentry *dentry,
	     __u16 mode)
{
	begin(FENTRY(MKDIR), dir, dentry, mode);
	return 0;
}

SEC("kprobe/security_path_mkdir")
int BPF_KPROBE(path_mkdir_kprobe, struct path *dir, struct dentry *dentry,
	       __u16 mode)
{
	begin(KPROBE(MKDIR), dir, dentry, mode);
	return 0;
}
