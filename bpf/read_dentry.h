/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What measuring a path needs of a dentry or a mount, by one call instead of
 * three: each call takes as long as 70 instructions, and a walk makes one for
 * each member of each step. The members stand side by side on all
 * kernels from 5.10 to 6.18, unless the kernel was built to shuffle its
 * structures; then, which is known when the program is loaded, one by one.
 */
#pragma once

#include "types.h"

struct dentry_part {
	struct dentry *parent;
	__u32 hash;
	__u32 len;
	const unsigned char *name;
};

struct mount_part {
	struct mount *parent;
	struct dentry *mountpoint;
};

/* Of a step it is either; the stack that measure_path has is short. */
union walk_part {
	struct dentry_part d;
	struct mount_part m;
};

#define AT(type, member) bpf_core_field_offset(type, member)

static __always_inline void read_dentry(struct dentry *d,
					struct dentry_part *out)
{
	if (AT(struct dentry, d_name) == AT(struct dentry, d_parent) + 8 &&
	    AT(struct qstr, name) == 8) {
		bpf_core_read(out, sizeof(*out), &d->d_parent);
		return;
	}
	out->parent = BPF_CORE_READ(d, d_parent);
	out->len = BPF_CORE_READ(d, d_name.len);
	out->name = BPF_CORE_READ(d, d_name.name);
}

static __always_inline void read_mount(struct mount *m, struct mount_part *out)
{
	if (AT(struct mount, mnt_mountpoint) ==
	    AT(struct mount, mnt_parent) + 8) {
		bpf_core_read(out, sizeof(*out), &m->mnt_parent);
		return;
	}
	out->parent = BPF_CORE_READ(m, mnt_parent);
	out->mountpoint = BPF_CORE_READ(m, mnt_mountpoint);
}
