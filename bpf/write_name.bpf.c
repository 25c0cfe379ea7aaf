/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Calls that act on names: rename, unlink, link, chmod and the like. The
 * kernel's objects are out of reach for a program that sees only system
 * calls, so the record has the directory that the lookup began in, from the
 * kernel, and the name, from the caller's memory, and says so.
 */
#include "read_file.h"
#include "read_str.h"
#include "read_syscall.h"
#include "read_task.h"
#include "write.h"

#define CLASS_SMALL  1024
#define CLASS_MEDIUM 4096
#define CLASS_LARGE  26624

/* A place and a name, as the call's arguments give them. */
struct place {
	struct walk_job start;
	__u64 name; /* in user memory */
	__u32 name_len;
	__u32 flags; /* WIRE_WRITE_* */
};

/*
 * Where the lookup of this name begins: the process's root for an absolute
 * one, else the working directory or what the descriptor is.
 */
static __always_inline void find_start(struct place *p, struct task_struct *t,
				       int dirfd)
{
	struct fs_struct *fs = BPF_CORE_READ(t, fs);
	struct file *file;
	char first = 0;

	bpf_probe_read_user(&first, sizeof(first), (void *)p->name);
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
		if (is_table_shared())
			p->flags |= WIRE_WRITE_FD_CLAIMED;
	}
	/* AT_EMPTY_PATH: the descriptor itself, which the kernel vouches for */
	if (first)
		p->flags |= WIRE_WRITE_NAME_CLAIMED;
	p->name_len = measure_user_str(p->name);
	p->start.size = path_size_of(p->start.dentry, p->start.mnt);
}

static __always_inline void find_places(struct place *a, struct place *b,
					struct call c)
{
	const volatile struct wire_syscall *rule = call_rule(c);
	struct task_struct *t = current_task();

	a->name = call_arg(c, rule->name);
	find_start(a, t, rule->dir ? (int)call_arg(c, rule->dir) : AT_FDCWD);
	if (!rule->name2)
		return;
	b->name = call_arg(c, rule->name2);
	if (rule->traits & WIRE_SYS_TARGET)
		b->name_len = measure_user_str(b->name);
	else
		find_start(b, t,
			   rule->dir2 ? (int)call_arg(c, rule->dir2)
				      : AT_FDCWD);
}

static __always_inline void put_call(struct wire_write *r, struct call c)
{
	const volatile struct wire_syscall *rule = call_rule(c);
	__u32 flags = call_arg(c, rule->flags);

	r->op = rule->op;
	if ((rule->traits & WIRE_SYS_UNLINK) && (flags & AT_REMOVEDIR))
		r->op = WIRE_OP_RMDIR;
	if ((rule->traits & WIRE_SYS_EXCHANGE) && (flags & RENAME_EXCHANGE))
		r->flags |= WIRE_WRITE_EXCHANGE;
	r->reserved = 0;
	r->syscall = c.index & (WIRE_SYSCALL_MAX - 1);
	r->arg = call_arg(c, rule->arg);
	r->arg2 = call_arg(c, rule->arg2);
	r->bytes = 0;
}

static __always_inline void put_name(struct record rec, struct wire_write *r,
				     struct wire_str *out, __u64 name)
{
	*out = put_str(rec, (void *)name, true);
	if (rec.f->cut)
		r->flags |= WIRE_WRITE_NAME_CUT;
}

__noinline __u32 names_changed(__u64 regs, __u32 index, __u32 backend)
{
	struct call c = { (struct pt_regs *)regs, index };
	__u32 bytes, steps;
	struct place a = {}, b = {};
	struct wire_write *r = NULL;
	struct dentry *dentry;
	struct record rec;
	__u64 class;

	count_made(WIRE_FAM_WRITE);
	if (!admitted(ADMIT_HALF)) {
		count_lost(WIRE_FAM_WRITE);
		return 0;
	}
	find_places(&a, &b, c);
	forget_known(a);
	forget_known(b);
	bytes = a.start.size.path + a.start.size.prefix + a.name_len +
		b.start.size.path + b.start.size.prefix + b.name_len + 4;
	steps = a.start.size.steps | b.start.size.steps;
	if (bytes <= CLASS_END(CLASS_SMALL) - sizeof(*r) &&
	    steps < STEPS_SMALL) {
		class = CLASS_SMALL;
		steps = STEPS_SMALL;
		r = bpf_ringbuf_reserve(&ring, CLASS_SMALL, 0);
	} else if (bytes <= CLASS_END(CLASS_MEDIUM) - sizeof(*r) &&
		   steps < STEPS_MEDIUM) {
		class = CLASS_MEDIUM;
		steps = STEPS_MEDIUM;
		r = bpf_ringbuf_reserve(&ring, CLASS_MEDIUM, 0);
	} else {
		class = CLASS_LARGE;
		steps = STEPS_LARGE;
		r = bpf_ringbuf_reserve(&ring, CLASS_LARGE, 0);
	}
	if (!r) {
		count_lost(WIRE_FAM_WRITE);
		return 0;
	}
	rec = record_of(r, class, sizeof(*r));
	hdr_begin(&r->hdr, WIRE_WRITE, backend);
	hdr_task(&r->hdr, current_task());
	dentry = a.start.dentry;
	put_file(&r->file, BPF_CORE_READ(dentry, d_inode));
	r->flags = a.flags | b.flags;
	put_call(r, c);
	put_path(rec, &a.start, steps, &r->path);
	r->path2 = (struct wire_path){};
	r->name2 = (struct wire_str){};
	put_name(rec, r, &r->name, a.name);
	if (b.start.dentry)
		put_path(rec, &b.start, steps, &r->path2);
	if (b.name)
		put_name(rec, r, &r->name2, b.name);
	r->hdr.size = rec.f->pos;
	bpf_ringbuf_submit(r, 0);
	return 0;
}
