/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Pseudo files that say how much of the machine somebody may have, or that he is
 * to be ended first: only where that is picket are writes told. Every service that
 * is started, and every container, has them written for itself.
 *
 * A cgroup's file is in a directory that is the cgroup by its kernfs_node, which is
 * looked for among picket's cgroups, of every hierarchy, and those above them.
 */
#include "pseudo_fs.h"
#include "read_pid.h"
#include "tamper_record.h"
#include "write.h"

/* Cgroups above one of picket's. Deeper than any that services are given. */
#define DEPTH_MAX 16

/* A hierarchy has one subsystem or more; kernels have up to 14 of them. */
#define SUBSYSTEMS_MAX 16

static __always_inline bool is_at_or_above(struct cgroup *cgroup, __u64 kn)
{
	int i;

	for (i = 0; i < DEPTH_MAX && cgroup; i++) {
		if ((__u64)BPF_CORE_READ(cgroup, kn) == kn)
			return true;
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	return false;
}

static __noinline bool has_subsystem_below(struct css_set *set, __u64 kn)
{
	struct cgroup_subsys_state *css;
	int i;

	for (i = 0; i < SUBSYSTEMS_MAX; i++) {
		if (i * sizeof(css) >= bpf_core_field_size(set->subsys))
			break;
		css = NULL;
		bpf_probe_read_kernel(
			&css, sizeof(css),
			(void *)set + bpf_core_field_offset(set->subsys) +
				i * sizeof(css));
		if (css && is_at_or_above(BPF_CORE_READ(css, cgroup), kn))
			return true;
	}
	return false;
}

/* 0: it is gone, and its number may be another's by now. For the stack's sake. */
static __noinline __u64 task_of(const volatile struct wire_process *who)
{
	struct task_struct *t = who->tgid ? task_of_tgid(who->tgid) : NULL;

	if (!t || task_start_ns(t) / WIRE_TICK_NS != who->start_ticks)
		return 0;
	return (__u64)t;
}

static __noinline bool is_below(const volatile struct wire_process *who,
				__u32 magic, __u64 kn)
{
	struct task_struct *t = (struct task_struct *)task_of(who);
	struct css_set *set = BPF_CORE_READ(t, cgroups);

	if (!set)
		return false;
	if (magic == CGROUP1_MAGIC)
		return has_subsystem_below(set, kn);
	return is_at_or_above(BPF_CORE_READ(set, dfl_cgrp), kn);
}

__noinline __u32 holds_picket(__u64 leaf, __u32 magic)
{
	struct dentry *d = (struct dentry *)leaf;
	__u64 kn = (__u64)BPF_CORE_READ(d, d_parent, d_inode, i_private);
	int i;

	if (!kn)
		return false;
	if (is_below(&control.self, magic, kn))
		return true;
	for (i = 0; i < WIRE_MATES_MAX; i++)
		if (is_below(&control.mates[i], magic, kn))
			return true;
	return false;
}

/* A file in the /proc directory of a process or of one of its threads. */
__noinline __u32 is_about_picket(__u64 leaf)
{
	struct dentry *d = (struct dentry *)leaf;
	__u64 inode = (__u64)BPF_CORE_READ(d, d_inode);
	struct proc_inode *p = NULL;
	struct process_ref ref;
	struct task_struct *t;

	p = (void *)(inode - bpf_core_field_offset(p->vfs_inode));
	t = task_of_pid(BPF_CORE_READ(p, pid));
	if (!t)
		return false;
	target_of(&ref, t);
	return is_picket(&ref);
}
