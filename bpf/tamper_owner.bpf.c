/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Files whose signals somebody directs at picket: fcntl(2) and ioctl(2) name an
 * owner, and fcntl any signal, which the kernel then sends when there is
 * something to read. Whom they name is read from the registers, as the security
 * module's hook, which every such call comes by, is only told the file.
 */
#include "read_pid.h"
#include "read_syscall.h"
#include "tamper.h"
#include "tamper_record.h"

#define F_SETOWN    8
#define F_SETOWN_EX 15
#define FIOSETOWN   0x8901
#define SIOCSPGRP   0x8902

#define F_OWNER_PGRP 2

/* Processes of a group that are looked at. */
#define GROUP_MAX 16

/* struct f_owner_ex */
struct owner {
	int type;
	int number;
};

/*
 * False: the call names none, as most of these calls: one look must be enough
 * for them.
 */
static __always_inline bool owner_of_call(struct call c, struct owner *out)
{
	bool is_ioctl = call_rule(c)->kind == WIRE_SYS_IOCTL;
	__u32 cmd = call_arg(c, 2);
	__u64 arg;

	if (is_ioctl ? cmd != FIOSETOWN && cmd != SIOCSPGRP
		     : cmd != F_SETOWN && cmd != F_SETOWN_EX)
		return false;
	arg = call_arg(c, 3);
	if (cmd == F_SETOWN_EX) {
		bpf_probe_read_user(out, sizeof(*out), (void *)arg);
		return true;
	}
	out->type = 0;
	out->number = (int)arg;
	if (is_ioctl)
		bpf_probe_read_user(&out->number, sizeof(int), (void *)arg);
	if (out->number < 0) {
		out->type = F_OWNER_PGRP;
		out->number = -out->number;
	}
	return true;
}

/* A function, so that the loop below stays small to the verifier. */
__noinline __u32 is_picket_task(__u64 task)
{
	struct process_ref ref;

	target_of(&ref, (struct task_struct *)task);
	return is_picket(&ref);
}

/* The one of a process group that is picket; NULL: none of the first is. */
static __always_inline struct task_struct *picket_of_group(struct pid *group)
{
	__u64 link = first_link(group, PIDTYPE_PGID);
	struct hlist_node *node;
	struct task_struct *t;
	int i;

	for (i = 0; link && i < GROUP_MAX; i++) {
		t = task_of_link(link, PIDTYPE_PGID);
		if (is_picket_task((__u64)t))
			return t;
		node = (struct hlist_node *)link;
		link = (__u64)BPF_CORE_READ(node, next);
	}
	return NULL;
}

__noinline __u32 owner_call_ended(__u64 regs, __u32 index, __u32 backend)
{
	struct call c = { (struct pt_regs *)regs, index };
	struct task_struct *me = current_task(), *t;
	struct process_ref target;
	struct owner owner;
	struct pid *pid;

	if (!owner_of_call(c, &owner) || owner.number <= 0)
		return 0;
	pid = pid_of_number(me, owner.number);
	if (!pid)
		return 0;
	if (owner.type == F_OWNER_PGRP)
		t = picket_of_group(pid);
	else
		t = task_of_pid(pid);
	if (!t)
		return 0;
	target_of(&target, t);
	if (target.tgid != bpf_get_current_pid_tgid() >> 32 &&
	    is_picket(&target))
		report(me,
		       WHAT(WIRE_TAMPER_SIGIO, backend,
			    claimed_by_call(backend)),
		       &target, (__u32)call_arg(c, 2));
	return 0;
}

/* What else gives a file an owner (a lease, a watch) gives it the caller. */
static __always_inline void owner_set(enum wire_backend backend)
{
	struct pt_regs *regs = (struct pt_regs *)current_regs();
	struct call c;

	if (!call_wanted(regs, raw_number(regs), &c) ||
	    (call_rule(c)->kind != WIRE_SYS_OWNER &&
	     call_rule(c)->kind != WIRE_SYS_IOCTL) ||
	    is_muted())
		return;
	owner_call_ended(number_of(regs), c.index, backend);
}

SEC("lsm/file_set_fowner")
int BPF_PROG(owner_lsm, struct file *file)
{
	owner_set(WIRE_BACKEND_LSM);
	return 0;
}

SEC("fentry/security_file_set_fowner")
int BPF_PROG(owner_fentry, struct file *file)
{
	owner_set(WIRE_BACKEND_FENTRY);
	return 0;
}

SEC("kprobe/security_file_set_fowner")
int BPF_KPROBE(owner_kprobe, struct file *file)
{
	owner_set(WIRE_BACKEND_KPROBE);
	return 0;
}
