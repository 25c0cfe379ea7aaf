/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Resource limits that somebody sets on picket: with no bytes left to write or
 * no processor time it ends by a signal that it seems to send itself, with no
 * descriptors or memory it sees little. Told where the kernel asks its security
 * modules, right before it is done, or else at the end of prlimit(2).
 */
#include "read_pid.h"
#include "read_syscall.h"
#include "tamper.h"
#include "tamper_record.h"

#define RLIM_NLIMITS 16

static __always_inline void get_limit(struct wire_limit *out, __u64 limit)
{
	struct rlimit *l = (struct rlimit *)limit;

	out->soft = BPF_CORE_READ(l, rlim_cur);
	out->hard = BPF_CORE_READ(l, rlim_max);
}

static __always_inline __u64 limit_of(struct task_struct *t, __u32 resource)
{
	struct signal_struct *signal = BPF_CORE_READ(t, signal);

	return (__u64)signal + bpf_core_field_offset(signal->rlim) +
	       (resource & (RLIM_NLIMITS - 1)) *
		       bpf_core_type_size(struct rlimit);
}

static __always_inline void limit_asked(enum wire_backend backend,
					struct task_struct *t, __u32 resource,
					__u64 limit)
{
	struct tamper_more more = {};
	struct process_ref target;

	target_of(&target, t);
	if (!is_picket_of_another(&target))
		return;
	get_limit(&more.limit, limit);
	get_limit(&more.before, limit_of(t, resource));
	report_more(current_task(),
		    WHAT(WIRE_TAMPER_LIMIT, backend, WIRE_TAMPER_BEFORE),
		    &target, resource, &more);
}

SEC("lsm/task_setrlimit")
int BPF_PROG(limit_lsm, struct task_struct *t, unsigned int resource,
	     struct rlimit *limit, int ret)
{
	limit_asked(WIRE_BACKEND_LSM, (void *)ctx[0], resource, ctx[2]);
	return ret;
}

SEC("fentry/security_task_setrlimit")
int BPF_PROG(limit_fentry, struct task_struct *t, unsigned int resource,
	     struct rlimit *limit)
{
	limit_asked(WIRE_BACKEND_FENTRY, (void *)ctx[0], resource, ctx[2]);
	return 0;
}

SEC("kprobe/security_task_setrlimit")
int BPF_KPROBE(limit_kprobe, struct task_struct *t, unsigned int resource,
	       struct rlimit *limit)
{
	limit_asked(WIRE_BACKEND_KPROBE, t, resource, (__u64)limit);
	return 0;
}

/* A call that succeeded. What was before, nobody has any more. */
__noinline __u32 limit_call_ended(__u64 regs, __u32 index, __u32 backend)
{
	struct call c = { (struct pt_regs *)regs, index };
	__u32 number = call_arg(c, 1), resource = call_arg(c, 2);
	__u32 flags = claimed_by_call(backend);
	struct task_struct *me = current_task(), *t;
	struct tamper_more more = {};
	struct process_ref target;

	if (!number || !call_arg(c, 3))
		return 0;
	t = task_of_number(me, number);
	if (t) {
		target_of(&target, t);
		get_limit(&more.limit, limit_of(t, resource));
	} else {
		target_claimed(&target, me, number);
		flags = WIRE_TAMPER_CLAIMED;
	}
	if (is_picket_of_another(&target))
		report_more(me, WHAT(WIRE_TAMPER_LIMIT, backend, flags),
			    &target, resource, &more);
	return 0;
}
