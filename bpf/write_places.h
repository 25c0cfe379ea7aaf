/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Records of changes by names that the caller gave: the directory in which the
 * lookup begins, from the kernel, and the name as it was passed. For backends
 * that do not have the kernel's objects.
 */
#pragma once

#include "emit.h"
#include "read_file.h"
#include "read_str.h"
#include "read_task.h"
#include "shared_table.h"
#include "write_room.h"

/* A place and a name, as the call's arguments give them. */
struct place {
	struct walk_job start;
	__u64 name;
	__u32 name_len;
	__u32 flags; /* WIRE_WRITE_* */
	__u32 is_kept; /* the name is in our own memory: write_kept.bpf.c */
};

/* What is said of them. */
struct told_change {
	__u64 args;
	__u32 op;
	__u32 backend;
	__u32 flags;
	__u32 syscall;
};

/*
 * Where the lookup of a name begins: the process's root for an absolute one,
 * else the working directory or what the descriptor is.
 */
static __always_inline void start_at(struct place *p, char first, int dirfd)
{
	struct task_struct *t = current_task();
	struct fs_struct *fs = BPF_CORE_READ(t, fs);
	struct file *file;

	if (first == '/') {
		p->start.dentry = BPF_CORE_READ(fs, root.dentry);
		p->start.mnt = BPF_CORE_READ(fs, root.mnt);
	} else if (dirfd == AT_FDCWD) {
		p->start.dentry = BPF_CORE_READ(fs, pwd.dentry);
		p->start.mnt = BPF_CORE_READ(fs, pwd.mnt);
	} else {
		file = file_of_fd(t, dirfd);
		p->start.dentry = BPF_CORE_READ(file, f_path.dentry);
		p->start.mnt = BPF_CORE_READ(file, f_path.mnt);
		if (was_table_shared())
			p->flags |= WIRE_WRITE_FD_CLAIMED;
	}
	/*
	 * None at all: the descriptor itself, which the kernel vouches for.
	 * That a name is empty, or cannot be read, may be so only by now.
	 */
	if (p->name)
		p->flags |= WIRE_WRITE_NAME_CLAIMED;
	p->start.size = path_size_of(p->start.dentry, p->start.mnt);
}

static __always_inline void put_name(struct record rec, struct wire_write *r,
				     struct wire_str *out, __u64 name,
				     bool user)
{
	*out = put_str(rec, (void *)name, user);
	if (rec.f->cut)
		r->flags |= WIRE_WRITE_NAME_CUT;
}

/* Without a branch: each way would be walked by the verifier to the end. */
static __always_inline __u64 is_null(const void *p)
{
	__u64 n = (__u64)p;

	return (n | -n) >> 63 ^ 1;
}

/*
 * The names are in the caller's memory, or copied from there by the kernel. A
 * start that was not found (a descriptor that is closed by now, a name that
 * cannot be read) is not the root, where a walk from nowhere ends.
 */
static __always_inline void report_places(struct place *a, struct place *b,
					  const struct told_change *told,
					  bool user)
{
	struct wire_write *r;
	struct dentry *dentry;
	struct record rec;
	__u32 bytes, steps;
	struct room room;

	bytes = a->start.size.path + a->start.size.prefix + a->name_len +
		b->start.size.path + b->start.size.prefix + b->name_len + 4;
	steps = a->start.size.steps | b->start.size.steps;
	r = room_of_names(&room, sizeof(*r), bytes, steps);
	if (!r) {
		count_lost(WIRE_FAM_WRITE);
		return;
	}
	rec = record_of(r, room.class, sizeof(*r));
	hdr_begin(&r->hdr, WIRE_WRITE, told->backend);
	hdr_current(&r->hdr);
	dentry = a->start.dentry;
	put_file(&r->file, BPF_CORE_READ(dentry, d_inode), r + 1);
	r->op = told->op;
	r->reserved = 0;
	r->flags = a->flags | b->flags | told->flags;
	r->syscall = told->syscall;
	r->arg = told->args;
	r->arg2 = told->args >> 32;
	r->bytes = 0;
	put_path(rec, &a->start, room.steps, &r->path);
	r->path.flags |= is_null(dentry) * WIRE_PATH_UNRESOLVED;
	r->path2 = (struct wire_path){};
	r->name = r->name2 = (struct wire_str){};
	if (a->name)
		put_name(rec, r, &r->name, a->name, user && !a->is_kept);
	if (b->start.dentry)
		put_path(rec, &b->start, room.steps, &r->path2);
	if (b->name)
		put_name(rec, r, &r->name2, b->name, user);
	r->hdr.size = rec.f->pos;
	submit(r, room.class);
}
