/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Pseudo file systems: writing there changes kernel state, or nothing. Files
 * that an intruder would want to change are reported; others are counted as
 * skipped.
 */
#pragma once

#include "moved.h"
#include "write.h"

#define PROC_MAGIC     0x9fa0
#define SYSFS_MAGIC    0x62656572
#define CGROUP1_MAGIC  0x27e0eb
#define CGROUP2_MAGIC  0x63677270
#define BPF_FS_MAGIC   0xcafe4a11
#define DEBUGFS_MAGIC  0x64626720
#define SECURITY_MAGIC 0x73636673
#define SELINUX_MAGIC  0xf97cff8c

static __always_inline bool is_pseudo_fs(__u32 magic)
{
	switch (magic) {
	case PROC_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP1_MAGIC:
	case CGROUP2_MAGIC:
	case DEBUGFS_MAGIC:
	case 0x74726163: /* tracefs */
	case BPF_FS_MAGIC:
	case 0x1cd1: /* devpts */
	case SECURITY_MAGIC:
	case SELINUX_MAGIC:
	case 0x6e736673: /* nsfs */
	case 0x19800202: /* mqueue */
	case 0x62656570: /* configfs */
	case 0x09041934: /* anonymous inodes */
	case 0x50495045: /* pipes */
	case 0x50494446: /* pidfs: of pidfds, since 6.9 */
	case 0x534f434b: /* sockets */
		return true;
	}
	return false;
}

static __always_inline __u64 name_head(struct dentry *d)
{
	__u64 head = 0;

	bpf_probe_read_kernel_str(&head, sizeof(head),
				  BPF_CORE_READ(d, d_name.name));
	return head;
}

/* The first seven bytes of a name, as name_head reads them. */
#define HEAD(a, b, c, d, e, f, g)                                             \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | \
	 (__u64)(e) << 32 | (__u64)(f) << 40 | (__u64)(g) << 48)

/*
 * What stops or ends processes without a signal, or takes a whole cgroup out
 * of it: cgroup.freeze, cgroup.kill; in version 1 freezer.state and
 * release_agent.
 */
static __always_inline bool cgroup_file_matters(struct dentry *leaf, __u64 head,
						__u32 magic)
{
	__u64 rest = 0;

	if (magic == CGROUP1_MAGIC)
		return head == HEAD('r', 'e', 'l', 'e', 'a', 's', 'e') ||
		       head == HEAD('f', 'r', 'e', 'e', 'z', 'e', 'r');
	if (head != HEAD('c', 'g', 'r', 'o', 'u', 'p', '.'))
		return false;
	bpf_probe_read_kernel_str(&rest, sizeof(rest),
				  BPF_CORE_READ(leaf, d_name.name) + 7);
	return rest == HEAD('f', 'r', 'e', 'e', 'z', 'e', 0) ||
	       rest == HEAD('k', 'i', 'l', 'l', 0, 0, 0);
}

/* "memory." and "pressure": who is to be told of it, not how much there is. */
static __always_inline bool is_pressure(struct dentry *leaf, __u64 head)
{
	__u64 rest = 0;

	if (head == HEAD('c', 'p', 'u', '.', 'p', 'r', 'e') ||
	    head == HEAD('i', 'o', '.', 'p', 'r', 'e', 's'))
		return true;
	bpf_probe_read_kernel_str(&rest, sizeof(rest),
				  BPF_CORE_READ(leaf, d_name.name) + 7);
	return head == HEAD('m', 'e', 'm', 'o', 'r', 'y', '.') &&
	       rest == HEAD('p', 'r', 'e', 's', 's', 'u', 'r');
}

/*
 * What says how much of the machine those in a cgroup may have, by its
 * controller: cpu, cpuset, memory, io (version 1: blkio), pids.
 */
static __always_inline bool cgroup_file_limits(struct dentry *leaf, __u64 head)
{
	__u32 controller = (__u32)head & 0xffffff;

	return (controller == HEAD('c', 'p', 'u', 0, 0, 0, 0) ||
		controller == HEAD('m', 'e', 'm', 0, 0, 0, 0) ||
		controller == HEAD('b', 'l', 'k', 0, 0, 0, 0) ||
		controller == HEAD('i', 'o', '.', 0, 0, 0, 0) ||
		controller == HEAD('p', 'i', 'd', 0, 0, 0, 0)) &&
	       !is_pressure(leaf, head);
}

/*
 * Of a process: oom_score_adj and oom_adj, by which it is ended first; autogroup
 * and timerslack_ns, by which it runs late.
 */
static __always_inline bool process_file_limits(__u64 head)
{
	return head == HEAD('o', 'o', 'm', '_', 's', 'c', 'o') ||
	       head == HEAD('o', 'o', 'm', '_', 'a', 'd', 'j') ||
	       head == HEAD('a', 'u', 't', 'o', 'g', 'r', 'o') ||
	       head == HEAD('t', 'i', 'm', 'e', 'r', 's', 'l');
}

/*
 * What turns a security module off or gives it other rules. Not what asks it a
 * question, which is written, too: most files of SELinux, .access of AppArmor.
 */
static __always_inline bool security_file_matters(struct dentry *leaf,
						  __u64 head, __u32 magic)
{
	if (magic == SECURITY_MAGIC)
		return head != HEAD('.', 'a', 'c', 'c', 'e', 's', 's');
	return head == HEAD('e', 'n', 'f', 'o', 'r', 'c', 'e') ||
	       head == HEAD('d', 'i', 's', 'a', 'b', 'l', 'e') ||
	       head == HEAD('l', 'o', 'a', 'd', 0, 0, 0) ||
	       name_head(BPF_CORE_READ(leaf, d_parent)) ==
		       HEAD('b', 'o', 'o', 'l', 'e', 'a', 'n');
}

/* Directories between a sysctl or a kernel object and the root. */
#define PSEUDO_DEPTH 16

/*
 * /proc/sys/…, /proc/sysrq-trigger, /proc/PID/mem, /sys/kernel/… (uevent_helper
 * among them), some files of cgroups, processes and security modules, the switch
 * for all kprobes, and what picket has pinned.
 */
static __always_inline bool pseudo_file_matters(struct dentry *leaf,
						__u32 magic)
{
	struct dentry *d = leaf, *parent;
	__u64 head = name_head(leaf);
	int i;

	if (magic == CGROUP1_MAGIC || magic == CGROUP2_MAGIC)
		return cgroup_file_matters(leaf, head, magic) ||
		       (cgroup_file_limits(leaf, head) &&
			holds_picket((__u64)leaf, magic));
	if (magic == SECURITY_MAGIC || magic == SELINUX_MAGIC)
		return security_file_matters(leaf, head, magic);
	if (magic == DEBUGFS_MAGIC)
		return head == HEAD('e', 'n', 'a', 'b', 'l', 'e', 'd') &&
		       name_head(BPF_CORE_READ(leaf, d_parent)) ==
			       HEAD('k', 'p', 'r', 'o', 'b', 'e', 's');
	if (magic == PROC_MAGIC && head == HEAD('m', 'e', 'm', 0, 0, 0, 0))
		return true;
	if (magic == PROC_MAGIC && process_file_limits(head) &&
	    is_about_picket((__u64)leaf))
		return true;
	if (magic != PROC_MAGIC && magic != SYSFS_MAGIC &&
	    magic != BPF_FS_MAGIC)
		return false;
	for (i = 0; i < PSEUDO_DEPTH; i++) {
		parent = BPF_CORE_READ(d, d_parent);
		if (parent == BPF_CORE_READ(parent, d_parent))
			break;
		d = parent;
	}
	head = name_head(d);
	if (magic == PROC_MAGIC)
		return head == HEAD('s', 'y', 's', 0, 0, 0, 0) ||
		       head == HEAD('s', 'y', 's', 'r', 'q', '-', 't');
	if (magic == BPF_FS_MAGIC)
		return head == HEAD('p', 'i', 'c', 'k', 'e', 't', 0);
	return head == HEAD('k', 'e', 'r', 'n', 'e', 'l', 0);
}
