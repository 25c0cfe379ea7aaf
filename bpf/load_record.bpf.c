/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The record of code that was loaded, and which mappings are worth one. Every
 * start of a dynamic program maps its loader and libraries: what only root can
 * change is told once for each program within the window.
 */
#include "load.h"
#include "read_file.h"
#include "read_path.h"
#include "read_task.h"

#define CLASS_SMALL 1024
#define CLASS_LARGE 9216

/* A module's or program's name, with its zero. */
#define LOAD_NAME_MAX 64

#define S_IWGRP 0020
#define S_IWOTH 0002

/* Whether nobody but the host's root can have made or changed this file. */
static __always_inline bool is_roots_own(struct dentry *d, struct inode *i)
{
	__u32 mode = BPF_CORE_READ(i, i_mode);

	if ((mode & S_IFMT) != S_IFREG || (mode & (S_IWGRP | S_IWOTH)) ||
	    BPF_CORE_READ(i, i_uid.val) || !BPF_CORE_READ(i, i_nlink))
		return false;
	if (BPF_CORE_READ(i, i_sb, s_magic) == OVERLAY_MAGIC &&
	    overlay_flags(i) != WIRE_FILE_OVERLAY_LOWER)
		return false;
	/* In a directory for all it is a stranger, whoever owns it. */
	return !(BPF_CORE_READ(d, d_parent, d_inode, i_mode) & S_IWOTH);
}

static __always_inline void put_load_name(struct record rec,
					  struct wire_load *r, __u64 name)
{
	__u64 at = rec.f->pos;
	long n;

	r->name = (struct wire_str){};
	if (!name || !is_inside(at, rec))
		return;
	n = bpf_probe_read_kernel_str(rec.p + at, LOAD_NAME_MAX, (void *)name);
	if (n <= 1)
		return;
	r->name.off = at;
	r->name.len = n - 1;
	rec.f->pos = at + n - 1;
}

__noinline __u32 code_loaded(__u64 dentry, __u64 mnt, __u64 what, __u64 name,
			     __u64 args)
{
	struct dentry *leaf = (struct dentry *)dentry;
	struct walk_job job = { .dentry = leaf, .mnt = (struct vfsmount *)mnt };
	struct wire_load *r;
	struct record rec;
	struct room room;

	count_made(WIRE_FAM_LOAD);
	if (!admitted(ADMIT_THREE_QUARTERS)) {
		count_lost(WIRE_FAM_LOAD);
		return 0;
	}
	if (dentry)
		job.size = path_size_of(job.dentry, job.mnt);
	r = room_of_two(&room, CLASS_SMALL, CLASS_LARGE,
			sizeof(*r) + LOAD_NAME_MAX,
			job.size.path + job.size.prefix + 1, job.size.steps);
	if (!r) {
		count_lost(WIRE_FAM_LOAD);
		return 0;
	}
	rec = record_of(r, room.class, sizeof(*r));
	hdr_begin(&r->hdr, WIRE_LOAD, WHAT_BACKEND(what));
	hdr_current(&r->hdr);
	put_file(&r->file, BPF_CORE_READ(leaf, d_inode), r + 1);
	mark_memfd(&r->file, job.dentry, job.mnt);
	r->op = WHAT_OP(what);
	r->reserved = 0;
	r->flags = WHAT_FLAGS(what);
	r->arg = args;
	r->id = args >> 32;
	r->reserved2 = 0;
	r->path = (struct wire_path){};
	if (dentry)
		put_path(rec, &job, room.steps, &r->path);
	put_load_name(rec, r, name);
	r->hdr.size = rec.f->pos;
	submit(r, room.class);
	/* Whether it was told; callers that only tell have no use for it. */
	return 1;
}

static __always_inline void mapped_key(struct mapped_key *key, struct dentry *d,
				       struct inode *exe)
{
	struct inode *i = BPF_CORE_READ(d, d_inode);

	key->ino = BPF_CORE_READ(i, i_ino);
	key->dev = BPF_CORE_READ(i, i_sb, s_dev);
	key->version = inode_version(i, i, false);
	key->exe_ino = key->start_ns = 0;
	key->exe_dev = key->exe_version = key->tgid = key->image = 0;
	if (is_roots_own(d, i)) {
		key->exe_ino = BPF_CORE_READ(exe, i_ino);
		key->exe_dev = BPF_CORE_READ(exe, i_sb, s_dev);
		key->exe_version = inode_version(exe, exe, false);
		return;
	}
	key->start_ns = current_image(&key->image);
	key->tgid = bpf_get_current_pid_tgid() >> 32;
}

__noinline __u32 file_mapped(__u64 dentry, __u64 mnt, __u64 what)
{
	struct dentry *d = (struct dentry *)dentry;
	struct inode *exe = exe_inode();
	__u64 now = bpf_ktime_get_boot_ns(), *told;
	struct mapped_key key;

	if (exe == BPF_CORE_READ(d, d_inode))
		return 0;
	mapped_key(&key, d, exe);
	told = bpf_map_lookup_elem(&mapped, &key);
	if (told && now - *told < window_ns) {
		count_summed(WIRE_FAM_LOAD);
		return 0;
	}
	if (code_loaded(dentry, mnt, what, 0, 0))
		bpf_map_update_elem(&mapped, &key, &now, BPF_ANY);
	return 0;
}
