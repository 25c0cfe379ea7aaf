/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Births and deaths of processes (not of threads). A fork is told before its
 * child first runs, so the ring has a process's fork before anything it does.
 */
#include "emit.h"
#include "pending.h"
#include "read_task.h"

static __always_inline int task_forked(enum wire_backend backend,
				       struct task_struct *child)
{
	struct task_struct *parent;
	struct wire_fork *r;

	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return 0;
	count_made(WIRE_FAM_FORK);
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(WIRE_FAM_FORK);
		return 0;
	}
	hdr_begin(&r->hdr, WIRE_FORK, backend);
	if (backend == WIRE_BACKEND_TP_BTF)
		hdr_typed(&r->hdr, child);
	else
		hdr_task(&r->hdr, child);
	r->hdr.size = sizeof(*r);
	/* Not the caller: with CLONE_PARENT it is the caller's own parent. */
	parent = BPF_CORE_READ(child, real_parent, group_leader);
	r->parent_start_ns = BPF_CORE_READ(parent, start_boottime);
	r->parent_tgid = BPF_CORE_READ(parent, tgid);
	r->parent_image = BPF_CORE_READ(parent, self_exec_id);
	submit(r, sizeof(*r));
	return 0;
}

/*
 * Threads that end at the same time can each find that none is left: the
 * counter of the living falls a while before this hook. (6.18 tells the last
 * one apart by an argument that older kernels do not have.) Who finds itself
 * alone comes last, but another one may have told before it was gone.
 */
static __always_inline bool is_first_end(struct task_struct *t, bool is_alone)
{
	struct ended_key key = {
		.start_ns = task_start_ns(t),
		.tgid = BPF_CORE_READ(t, tgid),
	};
	__u8 one = 1;

	if (is_alone)
		return !bpf_map_lookup_elem(&ended, &key);
	return bpf_map_update_elem(&ended, &key, &one, BPF_NOEXIST) == 0;
}

static __always_inline int task_exited(enum wire_backend backend,
				       struct task_struct *t)
{
	struct signal_struct *signal = BPF_CORE_READ(t, signal);
	struct wire_exit *r;

	pending_check();
	/* What a thread left there that is gone takes the room of others' own. */
	pending_forget();
	if (BPF_CORE_READ(signal, live.counter) > 0)
		return 0;
	if (!is_first_end(t, BPF_CORE_READ(signal, nr_threads) <= 1))
		return 0;
	count_made(WIRE_FAM_EXIT);
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(WIRE_FAM_EXIT);
		return 0;
	}
	hdr_begin(&r->hdr, WIRE_EXIT, backend);
	/* It is what runs, and loads its pointers once; see current.h. */
	hdr_current(&r->hdr);
	r->hdr.size = sizeof(*r);
	if (BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT)
		r->status = BPF_CORE_READ(signal, group_exit_code);
	else
		r->status = BPF_CORE_READ(t, group_leader, exit_code);
	r->reserved = 0;
	submit(r, sizeof(*r));
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork_tp_btf, struct task_struct *parent, struct task_struct *child)
{
	return task_forked(WIRE_BACKEND_TP_BTF, child);
}

SEC("raw_tp/sched_process_fork")
int BPF_PROG(fork_raw_tp, struct task_struct *parent, struct task_struct *child)
{
	return task_forked(WIRE_BACKEND_RAW_TP, child);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_tp_btf, struct task_struct *t)
{
	return task_exited(WIRE_BACKEND_TP_BTF, t);
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(exit_raw_tp, struct task_struct *t)
{
	return task_exited(WIRE_BACKEND_RAW_TP, t);
}
