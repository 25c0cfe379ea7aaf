/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Descriptors to files, and what an inode says of itself. */
#pragma once

#include "current.h"
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
	if (!has_typed_current())
		return file_of_fd((void *)bpf_get_current_task(), fd);
	return (struct file *)current_file(fd);
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

/*
 * All that is told of an inode is in its first bytes, and its times follow its
 * size: on every kernel that was not built to shuffle its structures. Before
 * 6.11 its generation is not.
 */
#define INODE_HEAD 144

static __always_inline bool is_inode_plain(void)
{
	__u32 ino = bpf_core_field_offset(struct inode, i_ino);

	return bpf_core_field_offset(struct inode, i_sb) < ino && ino <= 64 &&
	       bpf_core_field_offset(struct inode, i_rdev) == ino + 12 &&
	       bpf_core_field_offset(struct inode, i_size) == ino + 16;
}

static __always_inline __u32 inode_generation(struct inode *i,
					      struct inode *head)
{
	if (bpf_core_field_offset(struct inode, i_generation) < INODE_HEAD - 4)
		return head->i_generation;
	return BPF_CORE_READ(i, i_generation);
}

/* Its address without what is the same for all of them: 32 GiB apart. */
static __always_inline __u32 inode_object(struct inode *i)
{
	return (__u64)i >> 3;
}

/*
 * wire_written_key's: tells files apart that share device and number. from: as
 * for put_inode.
 */
static __always_inline __u32 inode_version(struct inode *i, struct inode *from,
					   bool direct)
{
	return (direct ? inode_generation(i, from)
		       : BPF_CORE_READ(i, i_generation)) ^
	       inode_object(i);
}

/* Has it content of its own, by its mode: is it a file or a device of blocks? */
static __always_inline bool holds_content(__u32 mode)
{
	__u32 type = mode & S_IFMT;

	return type == S_IFREG || type == S_IFBLK;
}

/* Of an open file: what it is a file of, and how it was opened. */
#define FILE_HEAD 72

static __always_inline bool is_file_plain(void)
{
	return bpf_core_field_offset(struct file, f_inode) <= FILE_HEAD - 8 &&
	       bpf_core_field_offset(struct file, f_mode) <= FILE_HEAD - 4;
}

/* from: i, or where its first bytes were copied to: `direct`. */
static __always_inline void put_inode(struct wire_file *out, struct inode *i,
				      struct inode *from, bool direct)
{
	struct super_block *sb = GET(direct, from, i_sb);

	out->ino = GET(direct, from, i_ino);
	out->size = GET(direct, from, i_size);
	out->mtime_ns = inode_mtime_ns(from, direct);
	out->ctime_ns = inode_ctime_ns(from, direct);
	out->dev = BPF_CORE_READ(sb, s_dev);
	out->generation = direct ? inode_generation(i, from)
				 : BPF_CORE_READ(i, i_generation);
	out->uid = GET(direct, from, i_uid.val);
	out->gid = GET(direct, from, i_gid.val);
	out->fs_magic = BPF_CORE_READ(sb, s_magic);
	out->nlink = GET(direct, from, i_nlink);
	out->mode = GET(direct, from, i_mode);
	out->flags = out->fs_magic == OVERLAY_MAGIC ? overlay_flags(i) : 0;
	out->object = inode_object(i);
}

/* room: INODE_HEAD bytes of a record that are written after this. */
static __always_inline void put_file(struct wire_file *out, struct inode *i,
				     void *room)
{
	struct inode *head = room;

	if (!is_inode_plain()) {
		put_inode(out, i, i, false);
		return;
	}
	/* All zero where there is none. */
	bpf_probe_read_kernel(room, INODE_HEAD, i);
	put_inode(out, i, head, true);
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
