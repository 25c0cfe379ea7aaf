/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Picket stopped, starved or ended by way of cgroups: moved into one that is
 * frozen or has next to no share, or its own frozen, by that one's switch or
 * that of any above it. The kernel tells of it when it is done, whatever file
 * of whatever mount it was asked by.
 */
#include "read_pid.h"
#include "read_str.h"
#include "tamper_record.h"

/* The kernel's buffer for such a path has 1024 bytes. */
#define CLASS_SMALL 640
#define CLASS_LARGE 2048

static __always_inline void report_cgroup(__u64 what,
					  struct process_ref *target,
					  struct cgroup *cgroup,
					  const char *path)
{
	struct wire_tamper *r = NULL;
	struct record rec;
	__u64 class;

	count_made(WIRE_FAM_TAMPER);
	if (!admitted(ADMIT_THREE_QUARTERS)) {
		count_lost(WIRE_FAM_TAMPER);
		return;
	}
	if (measure_kernel_str((__u64)path) <=
	    CLASS_END(CLASS_SMALL) - sizeof(*r)) {
		class = CLASS_SMALL;
		r = bpf_ringbuf_reserve(&ring, CLASS_SMALL, 0);
	} else {
		class = CLASS_LARGE;
		r = bpf_ringbuf_reserve(&ring, CLASS_LARGE, 0);
	}
	if (!r) {
		count_lost(WIRE_FAM_TAMPER);
		return;
	}
	rec = record_of(r, class, sizeof(*r));
	fill_tamper(r, current_task(), what, target, 0, NULL);
	r->hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
	r->cgroup = put_str(rec, path, false);
	r->hdr.size = rec.f->pos;
	submit(r, class);
}

/* ---- moved ----------------------------------------------------------------- */

/*
 * Told of every hierarchy: a task has a place in each, and those of version 1
 * freeze and starve as well, each by itself.
 */
static __always_inline int moved(enum wire_backend backend,
				 struct cgroup *cgroup, const char *path,
				 struct task_struct *t)
{
	struct process_ref target;

	target_of(&target, t);
	if (is_picket_of_another(&target))
		report_cgroup(WHAT(WIRE_TAMPER_MOVE, backend, 0), &target,
			      cgroup, path);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(move_tp_btf, struct cgroup *cgroup, const char *path,
	     struct task_struct *task, bool threadgroup)
{
	return moved(WIRE_BACKEND_TP_BTF, cgroup, path, task);
}

SEC("raw_tp/cgroup_attach_task")
int BPF_PROG(move_raw_tp, struct cgroup *cgroup, const char *path,
	     struct task_struct *task, bool threadgroup)
{
	return moved(WIRE_BACKEND_RAW_TP, cgroup, path, task);
}

/* ---- frozen ---------------------------------------------------------------- */

/* Whether this process of picket's is in this cgroup itself. */
static __always_inline bool is_in(const volatile struct wire_process *p,
				  struct cgroup *cgroup,
				  struct process_ref *out)
{
	struct task_struct *t;

	if (!p->tgid)
		return false;
	t = task_of_tgid(p->tgid);
	if (!t || BPF_CORE_READ(t, cgroups, dfl_cgrp) != cgroup)
		return false;
	target_of(out, t);
	return is_process(p, out);
}

/*
 * Who of picket is in this cgroup, of several the first: the agent, or a mate
 * of it. False: nobody.
 */
static __always_inline bool picket_in(struct cgroup *cgroup,
				      struct process_ref *out)
{
	int i;

	if (is_in(&control.self, cgroup, out))
		return true;
	for (i = 0; i < WIRE_MATES_MAX; i++)
		if (is_in(&control.mates[i], cgroup, out))
			return true;
	return false;
}

/* Of one that is frozen by its parent's switch the kernel tells, too. */
static __always_inline int frozen(enum wire_backend backend,
				  struct cgroup *cgroup, const char *path)
{
	struct process_ref target;

	if (!is_muted() && picket_in(cgroup, &target))
		report_cgroup(WHAT(WIRE_TAMPER_FREEZE, backend, 0), &target,
			      cgroup, path);
	return 0;
}

SEC("tp_btf/cgroup_freeze")
int BPF_PROG(freeze_tp_btf, struct cgroup *cgroup, const char *path)
{
	return frozen(WIRE_BACKEND_TP_BTF, cgroup, path);
}

SEC("raw_tp/cgroup_freeze")
int BPF_PROG(freeze_raw_tp, struct cgroup *cgroup, const char *path)
{
	return frozen(WIRE_BACKEND_RAW_TP, cgroup, path);
}
