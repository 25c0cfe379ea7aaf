/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Descriptors to files, and what an inode says of itself. */
#pragma once

#include "maps.h"
#include "moved.h"

static __always_inline struct file *file_of_fd(struct task_struct *t, int fd)
{
	struct fdtable *table = BPF_CORE_READ(t, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if ((__u32)fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + (__u32)fd);
	return file;
}

/* The same for the running task, by loads where they can be had. */
static __always_inline struct file *file_of_current_fd(int fd)
{
	struct fdtable *table;
	struct file *file = NULL;

	if (!has_typed_current())
		return file_of_fd((void *)bpf_get_current_task(), fd);
	table = bpf_get_current_task_btf()->files->fdt;
	if ((__u32)fd >= table->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), table->fd + (__u32)fd);
	return file;
}

#define ANON_INODE_MAGIC 0x09041934

/*
 * "bpf-prog", "bpf-link" and the seven bytes and zero of "bpf-map". Who made a
 * link has it as "bpf_link".
 */
#define FILE_BPF_PROG 0x676f72702d667062ull
#define FILE_BPF_LINK 0x6b6e696c2d667062ull
#define FILE_BPF_MADE 0x6b6e696c5f667062ull
#define FILE_BPF_MAP  0x0070616d2d667062ull

/* Whether this is the kernel's own file of a BPF object. */
static __always_inline bool is_bpf_file(struct file *file, __u64 kind)
{
	struct dentry *d = BPF_CORE_READ(file, f_path.dentry);
	__u64 name = 0;

	bpf_probe_read_kernel(&name, sizeof(name),
			      BPF_CORE_READ(d, d_name.name));
	if (name == FILE_BPF_MADE)
		name = FILE_BPF_LINK;
	return name == kind &&
	       BPF_CORE_READ(d, d_sb, s_magic) == ANON_INODE_MAGIC;
}

/* Whether another task can change what the running one's descriptors name. */
static __always_inline bool is_table_shared(void)
{
	struct task_struct *t = (void *)bpf_get_current_task();

	if (!has_typed_current())
		return BPF_CORE_READ(t, files, count.counter) > 1;
	return bpf_get_current_task_btf()->files->count.counter > 1;
}

/*
 * An overlay keeps the upper layer's dentry right behind its inode (struct
 * ovl_inode, all of 5.10 to 6.18), and none while a file is only below.
 * Overlay is a module mostly, with types of its own: hence by place.
 */
static __always_inline __u16 overlay_flags(struct inode *i)
{
	__u64 upper = 0;

	bpf_probe_read_kernel(&upper, sizeof(upper),
			      (void *)i + bpf_core_type_size(struct inode));
	return upper ? WIRE_FILE_OVERLAY_UPPER : WIRE_FILE_OVERLAY_LOWER;
}

/* Of what the running process runs. */
static __always_inline struct inode *exe_inode(void)
{
	struct task_struct *t = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(t, mm, exe_file, f_path.dentry, d_inode);
}

static __always_inline void put_file(struct wire_file *out, struct inode *i)
{
	struct super_block *sb = BPF_CORE_READ(i, i_sb);

	out->ino = BPF_CORE_READ(i, i_ino);
	out->size = BPF_CORE_READ(i, i_size);
	out->mtime_ns = inode_mtime_ns(i);
	out->ctime_ns = inode_ctime_ns(i);
	out->dev = BPF_CORE_READ(sb, s_dev);
	out->generation = BPF_CORE_READ(i, i_generation);
	out->uid = BPF_CORE_READ(i, i_uid.val);
	out->gid = BPF_CORE_READ(i, i_gid.val);
	out->fs_magic = BPF_CORE_READ(sb, s_magic);
	out->nlink = BPF_CORE_READ(i, i_nlink);
	out->mode = BPF_CORE_READ(i, i_mode);
	out->flags = out->fs_magic == OVERLAY_MAGIC ? overlay_flags(i) : 0;
	out->reserved = 0;
}

/*
 * A memfd lives on the kernel's own tmpfs (or hugetlbfs) mount, where its
 * dentry is its own parent and not the root of anything.
 */
static __always_inline void mark_memfd(struct wire_file *out,
				       struct dentry *dentry,
				       struct vfsmount *mnt)
{
	if ((out->fs_magic == TMPFS_MAGIC ||
	     out->fs_magic == HUGETLBFS_MAGIC) &&
	    BPF_CORE_READ(dentry, d_parent) == dentry &&
	    BPF_CORE_READ(mnt, mnt_root) != dentry)
		out->flags |= WIRE_FILE_MEMFD;
}
