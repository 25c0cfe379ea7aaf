/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Records of tampering: with a process, or with objects that picket needs. */
#pragma once

#include "emit.h"
#include "read_syscall.h"
#include "read_task.h"
#include "what.h"

static __always_inline void target_of(struct process_ref *out,
				      struct task_struct *t)
{
	out->start_ns = task_start_ns(t);
	out->tgid = BPF_CORE_READ(t, tgid);
	out->image = BPF_CORE_READ(t, self_exec_id);
}

/* Of a process that is claimed there is the number alone. */
static __always_inline bool is_process(const volatile struct wire_process *p,
				       const struct process_ref *ref)
{
	return ref->tgid && p->tgid == ref->tgid &&
	       (!ref->start_ns ||
		ref->start_ns / WIRE_TICK_NS == p->start_ticks);
}

/* The agent, or what must live for it to see or to send. */
static __always_inline bool is_picket(const struct process_ref *ref)
{
	int i;

	if (is_process(&control.self, ref))
		return true;
#pragma unroll
	for (i = 0; i < WIRE_MATES_MAX; i++)
		if (is_process(&control.mates[i], ref))
			return true;
	return false;
}

/* What only some kinds have. */
struct tamper_more {
	struct wire_limit limit, before;
	__s32 code;
};

/* Picket, and done by another process; what one does to oneself is one's own. */
static __always_inline bool is_picket_of_another(const struct process_ref *ref)
{
	return ref->tgid != bpf_get_current_pid_tgid() >> 32 &&
	       is_picket(ref) && !is_muted();
}

/* All of a record but its strings. NULL: as for report_more. */
static __always_inline void fill_tamper(struct wire_tamper *r,
					struct task_struct *actor, __u64 what,
					struct process_ref *target, __u64 args,
					const struct tamper_more *more)
{
	hdr_begin(&r->hdr, WIRE_TAMPER, WHAT_BACKEND(what));
	if (actor)
		hdr_task(&r->hdr, actor);
	else
		hdr_no_task(&r->hdr);
	r->hdr.size = sizeof(*r);
	r->target_start_ns = target->start_ns;
	r->target_tgid = target->tgid;
	r->target_image = target->image;
	r->arg = args;
	r->id = args >> 32;
	r->op = WHAT_OP(what);
	r->reserved = 0;
	r->flags = WHAT_FLAGS(what);
	r->code = more ? more->code : 0;
	__builtin_memset(&r->limit, 0, sizeof(r->limit) + sizeof(r->before));
	__builtin_memset(&r->cgroup, 0, sizeof(r->cgroup));
	r->hierarchy = 0;
	if (more) {
		r->limit = more->limit;
		r->before = more->before;
	}
	if (is_picket(target))
		r->flags |= WIRE_TAMPER_SELF;
}

/* actor: NULL where the kernel itself does it. more: NULL for nothing. */
static __always_inline void report_more(struct task_struct *actor, __u64 what,
					struct process_ref *target, __u64 args,
					const struct tamper_more *more)
{
	struct wire_tamper *r = NULL;

	count_made(WIRE_FAM_TAMPER);
	if (admitted(ADMIT_THREE_QUARTERS))
		r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(WIRE_FAM_TAMPER);
		return;
	}
	fill_tamper(r, actor, what, target, args, more);
	submit(r, sizeof(*r));
}

static __always_inline void report(struct task_struct *actor, __u64 what,
				   struct process_ref *target, __u64 args)
{
	report_more(actor, what, target, args, NULL);
}

/*
 * What is told by the end of a call alone may not have happened at all: who
 * skips the call answers what he likes.
 */
static __always_inline __u32 claimed_by_call(__u32 backend)
{
	if (backend != WIRE_BACKEND_TP_BTF && backend != WIRE_BACKEND_RAW_TP)
		return 0;
	return may_be_made_up() ? WIRE_TAMPER_CLAIMED : 0;
}

/*
 * The number alone: the caller's word, and only where it counts processes as
 * we do.
 */
static __always_inline void target_claimed(struct process_ref *out,
					   struct task_struct *t, __u32 number)
{
	out->start_ns = 0;
	out->image = 0;
	out->tgid = BPF_CORE_READ(t, thread_pid, level) ? 0 : number;
}
