/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * From the number that a program calls a process by to the process, as the
 * kernel itself looks it up: in the tree of the PID namespace that the program
 * is in. (The helper that does it is of 6.2.)
 */
#pragma once

#include "moved.h"
#include "read_task.h"

/* Six bits of the number each, and a process has at most 22. */
#define PID_LEVELS 4

/* An entry of the tree that is a node has its lowest two bits so. */
#define XA_NODE	    2
#define XA_TAG_MASK 3

static __always_inline struct pid_namespace *pid_ns_of(struct task_struct *t)
{
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);

	return BPF_CORE_READ(pid_number(pid, level), ns);
}

/* NULL: nobody has this number there. */
static __always_inline struct pid *pid_in_ns(struct pid_namespace *ns,
					     __u32 number)
{
	__u64 entry = (__u64)BPF_CORE_READ(ns, idr.idr_rt.xa_head), at;
	struct xa_node *node;
	__u32 slot;
	int i;

	for (i = 0; i < PID_LEVELS; i++) {
		if ((entry & XA_TAG_MASK) != XA_NODE)
			break;
		node = (struct xa_node *)(entry - XA_NODE);
		slot = number >> (BPF_CORE_READ(node, shift) & 31);
		/* The first node has as many levels as the largest needs. */
		if (!i && slot > 63)
			return NULL;
		at = (__u64)node + bpf_core_field_offset(node->slots) +
		     (slot & 63) * sizeof(entry);
		entry = 0;
		bpf_probe_read_kernel(&entry, sizeof(entry), (void *)at);
	}
	return (entry & XA_TAG_MASK) ? NULL : (struct pid *)entry;
}

/* NULL: nobody has this number where the seer is. */
static __always_inline struct pid *pid_of_number(struct task_struct *seer,
						 __u32 number)
{
	return pid_in_ns(pid_ns_of(seer), number);
}

/* What is in a list of tasks that share a pid as `type`. */
static __always_inline struct task_struct *task_of_link(__u64 link, __u32 type)
{
	struct task_struct *t = NULL;

	if (!link)
		return NULL;
	return (void *)(link - bpf_core_field_offset(t->pid_links) -
			type * bpf_core_type_size(struct hlist_node));
}

static __always_inline __u64 first_link(struct pid *pid, __u32 type)
{
	__u64 link = 0;

	bpf_probe_read_kernel(&link, sizeof(link),
			      (void *)pid + bpf_core_field_offset(pid->tasks) +
				      type * sizeof(link));
	return link;
}

/* The thread of this pid; NULL: it has ended. */
static __always_inline struct task_struct *task_of_pid(struct pid *pid)
{
	if (!pid)
		return NULL;
	return task_of_link(first_link(pid, PIDTYPE_PID), PIDTYPE_PID);
}

static __always_inline struct task_struct *task_of_number(
	struct task_struct *seer, __u32 number)
{
	return task_of_pid(pid_of_number(seer, number));
}

/* The process that the kernel itself, whoever runs, knows by this number. */
static __always_inline struct task_struct *task_of_tgid(__u32 tgid)
{
	struct task_struct *me = (struct task_struct *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(me, thread_pid);

	return task_of_pid(
		pid_in_ns(BPF_CORE_READ(pid_number(pid, 0), ns), tgid));
}
