/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What runs when the agent starts: one struct wire_task per process. The
 * caller's file descriptor is the ring here; what does not fit into the
 * kernel's buffer is asked for again by the kernel itself.
 */
#include "maps.h"
#include "read_task.h"

SEC("iter/task")
int tasks_iter(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task, *parent;
	struct wire_task r = {};
	struct css_set *set;

	if (!t || BPF_CORE_READ(t, pid) != BPF_CORE_READ(t, tgid))
		return 0;
	/* Its last thread has ended: it waits for its parent, and acts no more. */
	if (BPF_CORE_READ(t, signal, live.counter) <= 0)
		return 0;
	parent = BPF_CORE_READ(t, real_parent, group_leader);
	set = BPF_CORE_READ(t, cgroups);
	r.start_ns = BPF_CORE_READ(t, start_boottime);
	r.parent_start_ns = BPF_CORE_READ(parent, start_boottime);
	r.cgroup_id = BPF_CORE_READ(set, dfl_cgrp, kn, id);
	r.cgroup_v1_id = task_cgroup_v1(set);
	r.tgid = BPF_CORE_READ(t, tgid);
	r.image = BPF_CORE_READ(t, self_exec_id);
	r.parent_tgid = BPF_CORE_READ(parent, tgid);
	r.parent_image = BPF_CORE_READ(parent, self_exec_id);
	r.mnt_ns = BPF_CORE_READ(t, nsproxy, mnt_ns, ns.inum);
	if (BPF_CORE_READ(t, flags) & PF_KTHREAD)
		r.flags = WIRE_F_KTHREAD;
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}
