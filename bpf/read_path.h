/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Names of kernel objects, written into a record.
 *
 * A path is walked from the leaf up: dentry to parent, at a mount's root over
 * to its mount point, until a mount is its own parent: the root of the mount
 * namespace's tree, wherever the process has its root directory. It is
 * written from its end backwards into an area of the measured size, so what
 * does not fit is the front. A second walk goes from the first mount's root
 * to the file system's: the prefix.
 *
 * The loops hold as few branches as can be: the verifier keeps one state for
 * each branch of each step on its way down, and at most 8192 of them.
 */
#pragma once

#include "emit.h"
#include "measure.h"
#include "moved.h"

/*
 * Steps of a walk in a record of small, middling and large class: the verifier
 * goes through the loop once for each, and what is deep takes a large one.
 * Powers of two: whether two walks both fit is asked of a | b.
 */
#define STEPS_SMALL  32
#define STEPS_MEDIUM 64
#define STEPS_LARGE  PATH_STEPS

/* What a record with walks got: its size, and the most steps of each walk. */
struct room {
	__u64 class;
	__u32 steps;
};

/* A verifier wants a reservation's size to be a constant: so where it is one. */
static __always_inline void *room_take(struct room *room, __u64 class,
				       __u32 steps)
{
	room->class = class;
	room->steps = steps;
	return bpf_ringbuf_reserve(&ring, class, 0);
}

/* `bytes` of names, in walks of `steps`, behind the first `head` bytes. */
static __always_inline bool room_holds(__u64 class, __u32 most, __u64 head,
				       __u32 bytes, __u32 steps)
{
	return bytes <= CLASS_END(class) - head && steps < most;
}

/* NULL where the ring is full. */
static __always_inline void *room_of_two(struct room *room, __u64 small,
					 __u64 large, __u64 head, __u32 bytes,
					 __u32 steps)
{
	if (room_holds(small, STEPS_SMALL, head, bytes, steps))
		return room_take(room, small, STEPS_SMALL);
	return room_take(room, large, STEPS_LARGE);
}

/* One name of a record: what to walk, what was measured, where it goes. */
struct walk_job {
	struct dentry *dentry;
	struct vfsmount *mnt;
	struct path_size size;
};

/*
 * State of the loops, in the last bytes of the record's class. Everything
 * read back from here is an unknown number to the verifier.
 */
struct fill {
	__u64 dentry;
	__u64 mount;
	__u64 root;  /* root dentry of `mount` */
	__u64 first; /* root dentry of the mount that the leaf is on */
	__u64 from;  /* next byte to read */
	__u32 start; /* the area for this name */
	__u32 end;
	__u32 at;   /* first byte written of it; writing goes down */
	__u32 pos;  /* first free byte of the record */
	__u32 stop; /* enum walk_stop */
	__u32 tail;
	__u32 more;  /* a string goes on after this piece */
	__u32 cut;   /* a string was longer than kept */
	__u32 flags; /* WIRE_PATH_* */
};

_Static_assert(sizeof(struct fill) <= SCRATCH, "loop state fits the scratch");

/* Why a walk ended. */
enum walk_stop {
	WALK_TOO_DEEP = 0,
	WALK_AT_ROOT,
	WALK_NO_PARENT, /* a leaf without a place, or a detached tree */
	WALK_NO_ROOM,
};

/*
 * A record under construction. `size` is one of the constants that the class
 * was reserved with, which is how the verifier knows it.
 */
struct record {
	char *p;
	__u64 size;
	struct fill *f;
};

static __always_inline struct record record_of(void *p, __u32 size, __u32 fixed)
{
	struct record r = { p, size, p + size - SCRATCH };

	r.f->pos = fixed;
	return r;
}

/*
 * Whether a piece may begin at this offset. The variable is pinned: it must be
 * the one that is then added to the record's address, not a copy that clang
 * worked out another way.
 */
#define is_inside(at, r)                     \
	({                                   \
		barrier_var(at);             \
		(at) <= CLASS_END((r).size); \
	})

/* Room for `want` bytes from the first free one on; less at the class's end. */
static __always_inline void open_area(struct record r, __u64 want)
{
	struct fill *f = r.f;
	__u64 pos = f->pos, room;

	room = pos < CLASS_END(r.size) ? CLASS_END(r.size) - pos : 0;
	if (want > WIRE_NAME_MAX)
		want = WIRE_NAME_MAX;
	if (want > room)
		want = room;
	f->start = pos;
	f->end = pos + want;
	f->at = pos + want;
	f->pos = pos + want;
}

/*
 * "/name" in front of what is there; false: no room for all of it. A dentry's
 * members are read one by one here: copied to the stack by one call, as in
 * read_dentry.h, clang 22 makes steps of which 5.10's verifier does not see the
 * end (a million instructions) in programs that walk two names.
 */
static __always_inline bool put_component(struct record r, struct dentry *d)
{
	__u64 n = BPF_CORE_READ(d, d_name.len) & 0xff, at = r.f->at;

	if (n >= at - r.f->start)
		return false;
	at -= n + 1;
	if (!is_inside(at, r))
		return false;
	r.p[at] = '/';
	bpf_probe_read_kernel(r.p + at + 1, n, BPF_CORE_READ(d, d_name.name));
	r.f->at = at;
	return true;
}

/* As much of a name's end as there is room for. */
static __always_inline void put_cut_component(struct record r, struct dentry *d)
{
	const unsigned char *name = BPF_CORE_READ(d, d_name.name);
	__u64 n = BPF_CORE_READ(d, d_name.len) & 0xff;
	__u64 room = r.f->at - r.f->start, at = r.f->start;

	if (n < room || !is_inside(at, r))
		return;
	/* Never more than n: newer clangs leave the mask out, 5.10 needs it. */
	barrier_var(room);
	bpf_probe_read_kernel(r.p + at, room & 0xff, name + n - room);
	r.f->at = at;
}

/*
 * One step towards the root of the namespace's tree; false: over. The steps
 * are functions so that the loops around them stay plain: clang lays out a
 * loop with several ways round so that one falls into its head, which 5.10
 * does not take for a loop.
 */
static __noinline bool step_up(char *p, __u64 size)
{
	struct record r = { p, size, (void *)p + size - SCRATCH };
	struct fill *f = r.f;
	struct dentry *d = (struct dentry *)f->dentry, *parent;
	struct mount *m, *up;

	if (f->dentry == f->root) {
		m = (struct mount *)f->mount;
		up = BPF_CORE_READ(m, mnt_parent);
		if (up == m) {
			f->stop = WALK_AT_ROOT;
			return false;
		}
		if (f->tail == ~0u)
			f->tail = f->end - f->at;
		f->dentry = (__u64)BPF_CORE_READ(m, mnt_mountpoint);
		f->mount = (__u64)up;
		f->root = (__u64)BPF_CORE_READ(up, mnt.mnt_root);
		return true;
	}
	parent = BPF_CORE_READ(d, d_parent);
	if (parent == d) {
		f->stop = WALK_NO_PARENT;
		return false;
	}
	if (!put_component(r, d)) {
		f->stop = WALK_NO_ROOM;
		return false;
	}
	f->dentry = (__u64)parent;
	return true;
}

/* One step from the first mount's root to the file system's. */
static __noinline bool step_prefix(char *p, __u64 size)
{
	struct record r = { p, size, (void *)p + size - SCRATCH };
	struct fill *f = r.f;
	struct dentry *d = (struct dentry *)f->dentry, *parent;

	parent = BPF_CORE_READ(d, d_parent);
	if (parent == d) {
		f->stop = WALK_AT_ROOT;
		return false;
	}
	if (!put_component(r, d)) {
		f->stop = WALK_NO_ROOM;
		return false;
	}
	f->dentry = (__u64)parent;
	return true;
}

static __always_inline bool is_detached(struct mount *m)
{
	__s64 ns = (__s64)BPF_CORE_READ(m, mnt_ns);

	/* NULL, or an error pointer on the kernel's own mounts. */
	return ns <= 0 && ns >= -4095;
}

/*
 * What the kernel does with a file for itself: overlayfs reaches its layers by
 * mounts that belong to no namespace. A memfd is on such a mount, too; but has
 * no place there.
 */
static __always_inline bool is_kernels_own(struct dentry *d,
					   struct vfsmount *mnt)
{
	struct mount *m = real_mount(mnt);
	__s64 ns = (__s64)BPF_CORE_READ(m, mnt_ns);

	return ns < 0 && ns >= -4095 && BPF_CORE_READ(d, d_parent) != d;
}

/* What the walk's end means, and the name of the leaf that has no place. */
static __always_inline void end_walk(struct record r)
{
	struct fill *f = r.f;
	__u64 stop = f->stop, at;

	if (stop == WALK_AT_ROOT) {
		at = f->at - 1ull;
		if (f->at == f->end && f->at > f->start && is_inside(at, r)) {
			r.p[at] = '/';
			f->at = at;
			f->tail = 0;
		}
		if (is_detached((struct mount *)f->mount))
			f->flags |= WIRE_PATH_UNRESOLVED;
	} else if (stop == WALK_NO_PARENT) {
		if (!put_component(r, (struct dentry *)f->dentry))
			put_cut_component(r, (struct dentry *)f->dentry);
		f->flags |= WIRE_PATH_UNRESOLVED;
	} else if (stop == WALK_NO_ROOM) {
		put_cut_component(r, (struct dentry *)f->dentry);
		f->flags |= WIRE_PATH_TRUNCATED;
	} else {
		f->flags |= WIRE_PATH_TRUNCATED | WIRE_PATH_UNRESOLVED;
	}
}

static __always_inline void put_path(struct record r, struct walk_job *job,
				     __u32 steps, struct wire_path *out)
{
	struct mount *m = real_mount(job->mnt);
	struct dentry *root = BPF_CORE_READ(m, mnt.mnt_root);
	struct dentry *leaf = job->dentry;
	struct fill *f = r.f;
	__u32 i;

	f->flags = 0;
	if (leaf != root && !BPF_CORE_READ(leaf, d_hash.pprev))
		f->flags = WIRE_PATH_DELETED;
	f->dentry = (__u64)leaf;
	f->mount = (__u64)m;
	f->root = f->first = (__u64)root;
	f->stop = WALK_TOO_DEEP;
	f->tail = ~0u;
	open_area(r, job->size.path ?: 1);
	for (i = 0; i < steps && step_up(r.p, r.size); i++)
		;
	end_walk(r);
	out->path.off = f->at;
	out->path.len = f->end - f->at;
	out->tail = f->tail == ~0u ? out->path.len : f->tail;
	out->flags = f->flags;
	out->prefix = (struct wire_str){};
	if (!job->size.prefix)
		return;
	f->dentry = f->first;
	f->stop = WALK_TOO_DEEP;
	open_area(r, job->size.prefix);
	steps /= PREFIX_SHARE;
	for (i = 0; i < steps && step_prefix(r.p, r.size); i++)
		;
	if (f->stop != WALK_AT_ROOT)
		out->flags |= WIRE_PATH_TRUNCATED;
	out->prefix.off = f->at;
	out->prefix.len = f->end - f->at;
}
