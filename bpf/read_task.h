/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Who acts: the record's header and the namespaces, from a task. */
#pragma once

#include "current.h"
#include "emit.h"
#include "moved.h"

static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

static __always_inline __u64 task_start_ns(struct task_struct *t)
{
	return BPF_CORE_READ(t, group_leader, start_boottime);
}

/* When the running process began, and which of its images runs. */
static __always_inline __u64 current_image(__u32 *ret_image)
{
	struct task_struct *t = current_task();

	if (!has_typed_current()) {
		*ret_image = BPF_CORE_READ(t, self_exec_id);
		return task_start_ns(t);
	}
	*ret_image = bpf_get_current_task_btf()->self_exec_id;
	return current_start_ns();
}

/*
 * Is it the agent that reads the ring? The pid alone is not enough: once the
 * agent was killed, another process that gets its pid must be seen.
 */
static __always_inline bool is_self(__u32 tgid, struct task_struct *t)
{
	return tgid == control.self.tgid &&
	       task_start_ns(t) / WIRE_TICK_NS == control.self.start_ticks;
}

/* The agent's own actions are not events. */
static __always_inline bool is_muted(void)
{
	return is_self(bpf_get_current_pid_tgid() >> 32, current_task());
}

static __always_inline __u64 task_cgroup_v1(struct css_set *set)
{
	struct cgroup_subsys_state *css = NULL;

	if (v1_subsys == ~0u)
		return 0;
	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)set + bpf_core_field_offset(set->subsys) +
				      v1_subsys * sizeof(css));
	return BPF_CORE_READ(css, cgroup, kn, id);
}

/* The parts that a record needs even where no process stands behind it. */
static __always_inline void hdr_begin(struct wire_hdr *h, __u8 type,
				      __u8 backend)
{
	h->size = 0;
	h->type = type;
	h->backend = backend;
	h->flags = 0;
	h->time_ns = bpf_ktime_get_boot_ns();
	h->cpu = bpf_get_smp_processor_id();
}

static __always_inline void hdr_no_task(struct wire_hdr *h)
{
	h->flags = WIRE_F_NO_TASK;
	h->start_ns = 0;
	h->cgroup_id = 0;
	h->cgroup_v1_id = 0;
	h->tgid = 0;
	h->tid = 0;
	h->image = 0;
	h->uid = 0;
	h->euid = 0;
	h->gid = 0;
	h->mnt_ns = 0;
}

static __always_inline void hdr_task(struct wire_hdr *h, struct task_struct *t)
{
	struct cred *cred = BPF_CORE_READ(t, cred);
	struct css_set *set = BPF_CORE_READ(t, cgroups);

	if (BPF_CORE_READ(t, flags) & PF_KTHREAD)
		h->flags |= WIRE_F_KTHREAD;
	if (task_in_compat(t))
		h->flags |= WIRE_F_COMPAT;
	h->start_ns = task_start_ns(t);
	h->cgroup_id = BPF_CORE_READ(set, dfl_cgrp, kn, id);
	h->cgroup_v1_id = task_cgroup_v1(set);
	h->tgid = BPF_CORE_READ(t, tgid);
	h->tid = BPF_CORE_READ(t, pid);
	h->image = BPF_CORE_READ(t, self_exec_id);
	h->uid = BPF_CORE_READ(cred, uid.val);
	h->euid = BPF_CORE_READ(cred, euid.val);
	h->gid = BPF_CORE_READ(cred, gid.val);
	h->mnt_ns = BPF_CORE_READ(t, nsproxy, mnt_ns, ns.inum);
}

/*
 * The same of a task whose type the verifier knows, by loads: a fifth of the
 * instructions. What is not there reads as zero both ways.
 */
static __always_inline void hdr_typed(struct wire_hdr *h, struct task_struct *t)
{
	struct task_struct *leader = t->group_leader;
	struct cred *cred = t->cred;
	struct css_set *set = t->cgroups;

	if (t->flags & PF_KTHREAD)
		h->flags |= WIRE_F_KTHREAD;
	if (typed_in_compat(t))
		h->flags |= WIRE_F_COMPAT;
	h->start_ns = leader->start_boottime;
	h->cgroup_id = set->dfl_cgrp->kn->id;
	h->cgroup_v1_id = 0;
	if (v1_subsys != ~0u)
		h->cgroup_v1_id =
			task_cgroup_v1((struct css_set *)number_of(set));
	h->tgid = t->tgid;
	h->tid = t->pid;
	h->image = t->self_exec_id;
	h->uid = cred->uid.val;
	h->euid = cred->euid.val;
	h->gid = cred->gid.val;
	h->mnt_ns = t->nsproxy->mnt_ns->ns.inum;
}

/* The same of the running task; see current.h. */
static __always_inline void hdr_typed_current(struct wire_hdr *h)
{
	struct task_struct *t;
	__u64 pair;

	pair = bpf_get_current_uid_gid();
	h->uid = pair;
	h->gid = pair >> 32;
	pair = current_euid_and_mnt_ns();
	h->euid = pair;
	h->mnt_ns = pair >> 32;
	h->start_ns = current_start_ns();
	h->cgroup_id = bpf_get_current_cgroup_id();
	h->cgroup_v1_id = 0;
	if (v1_subsys != ~0u)
		h->cgroup_v1_id =
			task_cgroup_v1(BPF_CORE_READ(current_task(), cgroups));
	t = bpf_get_current_task_btf();
	if (t->flags & PF_KTHREAD)
		h->flags |= WIRE_F_KTHREAD;
	if (typed_in_compat(t))
		h->flags |= WIRE_F_COMPAT;
	h->tgid = t->tgid;
	h->tid = t->pid;
	h->image = t->self_exec_id;
}

static __always_inline void hdr_current(struct wire_hdr *h)
{
	if (has_typed_current())
		hdr_typed_current(h);
	else
		hdr_task(h, current_task());
}

/* Programs of cgroups may not everywhere ask for the task with its type. */
static __always_inline void hdr_caller(struct wire_hdr *h,
				       enum wire_backend backend)
{
	if (backend == WIRE_BACKEND_CGROUP)
		hdr_task(h, current_task());
	else
		hdr_current(h);
}
