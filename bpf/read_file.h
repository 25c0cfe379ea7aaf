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

/* Whether another task can change what the running one's descriptors name. */
static __always_inline bool is_table_shared(void)
{
	struct task_struct *t = (void *)bpf_get_current_task();

	if (!has_typed_current())
		return BPF_CORE_READ(t, files, count.counter) > 1;
	return bpf_get_current_task_btf()->files->count.counter > 1;
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
	out->flags = 0;
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
