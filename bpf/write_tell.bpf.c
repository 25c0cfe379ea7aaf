/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Changes by name that are done, told where the thread gives back the right to
 * write to the mount: the directories are still held then, and all names were
 * kept. See pending.h.
 */
#include "emit.h"
#include "pending.h"
#include "read_str.h"
#include "read_task.h"
#include "write.h"
#include "write_room.h"

/* The kernel's longest name, and its zero. */
#define NAME_BYTES 256

/* What is put into the record for one name: its place, or itself. */
struct told {
	struct walk_job place;
	__u64 name; /* 0: `place` is the file itself */
	__u32 name_len;
};

static __always_inline void measure(struct told *t, __u64 dentry, __u64 mnt)
{
	t->place.dentry = (struct dentry *)dentry;
	t->place.mnt = (struct vfsmount *)mnt;
	t->place.size = path_size_of(t->place.dentry, t->place.mnt);
}

static __always_inline void find_names(struct pending *p, struct told *a,
				       struct told *b)
{
	measure(a, p->dir ?: p->leaf, p->mnt);
	if (p->dir) {
		a->name = number_of(p->name);
		a->name_len = NAME_BYTES;
	}
	if (p->dir2) {
		measure(b, p->dir2, p->mnt);
		b->name = number_of(p->name2);
		b->name_len = NAME_BYTES;
	}
	if (p->target) {
		b->name = p->target;
		b->name_len = measure_kernel_str(p->target);
	}
}

static __always_inline void put_told(struct record rec, struct told *t,
				     __u32 steps, struct wire_path *path,
				     struct wire_str *name)
{
	*path = (struct wire_path){};
	*name = (struct wire_str){};
	if (t->place.dentry)
		put_path(rec, &t->place, steps, path);
	if (t->name)
		*name = put_str(rec, (void *)t->name, false);
}

static __always_inline void put_what(struct wire_write *r, struct pending *p)
{
	r->op = p->op;
	r->reserved = 0;
	r->flags = p->flags;
	r->syscall = WIRE_NO_SYSCALL;
	r->arg = p->args;
	r->arg2 = p->args >> 32;
	r->bytes = 0;
	r->file = p->file;
}

static __always_inline void report(struct pending *p)
{
	struct told a = {}, b = {};
	struct wire_write *r;
	struct record rec;
	__u32 bytes, steps;
	struct room room;

	find_names(p, &a, &b);
	forget_known(a);
	forget_known(b);
	bytes = a.place.size.path + a.place.size.prefix + a.name_len +
		b.place.size.path + b.place.size.prefix + b.name_len + 4;
	steps = a.place.size.steps | b.place.size.steps;
	r = room_of_names(&room, sizeof(*r), bytes, steps);
	if (!r) {
		count_lost(WIRE_FAM_WRITE);
		return;
	}
	rec = record_of(r, room.class, sizeof(*r));
	hdr_begin(&r->hdr, WIRE_WRITE, p->backend);
	hdr_current(&r->hdr);
	put_what(r, p);
	put_told(rec, &a, room.steps, &r->path, &r->name);
	put_told(rec, &b, room.steps, &r->path2, &r->name2);
	r->hdr.size = rec.f->pos;
	submit(r, room.class);
}

__noinline __u32 name_told(void)
{
	struct pending *p = pending_of_thread();

	if (!p)
		return 0;
	count_made(WIRE_FAM_WRITE);
	if (admitted(ADMIT_HALF))
		report(p);
	else
		count_lost(WIRE_FAM_WRITE);
	pending_forget();
	return 0;
}

static __always_inline void tell_done(bool names)
{
	struct pending *p = pending_of_thread();

	if (!p)
		return;
	if (!p->done && names)
		name_left();
	if (!p->done)
		return;
	if (!p->dir && !p->dir2)
		attr_told();
	else if (names)
		name_told();
}

/*
 * What was begun on this mount is done by now or has failed, and nothing is left
 * of it; unless nobody has heard.
 */
static __always_inline void end_with(struct pending *p)
{
	if (p->awaited) {
		p->flags |= WIRE_WRITE_SUBMITTED;
		p->done = true;
		attr_told();
	} else {
		pending_forget();
	}
}

static __always_inline int mount_given_back(__u64 mnt, bool names)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct pending *p;

	tell_done(names);
	p = pending_of_thread();
	if (!p)
		pending_check();
	else if (p->mnt == mnt && !is_ioctl_chattr(p))
		end_with(p);
	bpf_map_delete_elem(&mounts_asked, &thread);
	mark(MARK_ASKED, false);
	return 0;
}

SEC("fentry/mnt_drop_write")
int BPF_PROG(drop_write_fentry, struct vfsmount *m)
{
	return mount_given_back(number_of(m), true);
}

SEC("kprobe/mnt_drop_write")
int BPF_KPROBE(drop_write_kprobe, struct vfsmount *m)
{
	return mount_given_back((__u64)m, true);
}

/* Through a descriptor only attributes are changed. */
SEC("fentry/mnt_drop_write_file")
int BPF_PROG(drop_write_file_fentry, struct file *file)
{
	return mount_given_back((__u64)BPF_CORE_READ(file, f_path.mnt), false);
}

SEC("kprobe/mnt_drop_write_file")
int BPF_KPROBE(drop_write_file_kprobe, struct file *file)
{
	return mount_given_back((__u64)BPF_CORE_READ(file, f_path.mnt), false);
}
