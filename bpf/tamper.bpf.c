/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What somebody does to another process, or to what picket lives on: signals
 * that end or stop picket, tracing and writing into any process, and bpf(2) on
 * picket's own links, programs and maps.
 */
#include "tamper.h"
#include "emit.h"
#include "read_file.h"
#include "read_syscall.h"
#include "read_task.h"

static __always_inline void target_of(struct process_ref *out,
				      struct task_struct *t)
{
	out->start_ns = task_start_ns(t);
	out->tgid = BPF_CORE_READ(t, tgid);
	out->image = BPF_CORE_READ(t, self_exec_id);
}

/* Of a process that is claimed there is the number alone. */
static __always_inline bool is_picket(struct process_ref *p)
{
	return p->tgid && p->tgid == control.self_tgid &&
	       (!p->start_ns ||
		p->start_ns / WIRE_TICK_NS == control.self_start_ticks);
}

/* actor: NULL where the kernel itself does it. */
static __always_inline void report(struct task_struct *actor, __u64 what,
				   struct process_ref *target, __u64 args)
{
	struct wire_tamper *r = NULL;

	count_made(WIRE_FAM_TAMPER);
	if (admitted(ADMIT_THREE_QUARTERS))
		r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(WIRE_FAM_TAMPER);
		return;
	}
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
	__builtin_memset(r->reserved, 0, sizeof(r->reserved));
	r->flags = WHAT_FLAGS(what);
	if (is_picket(target))
		r->flags |= WIRE_TAMPER_SELF;
	submit(r, sizeof(*r));
}

/* ---- signals ------------------------------------------------------------- */

#define SIGHUP	 1
#define SIGKILL	 9
#define SIGCHLD	 17
#define SIGCONT	 18
#define SIGSTOP	 19
#define SIGURG	 23
#define SIGWINCH 28

/* What neither ends nor stops picket; SIGHUP is a request to it. */
#define HARMLESS                                                               \
	(1ull << SIGHUP | 1ull << SIGCHLD | 1ull << SIGCONT | 1ull << SIGURG | \
	 1ull << SIGWINCH)
#define DEADLY (1ull << SIGKILL | 1ull << SIGSTOP)

/* Special values of a siginfo's address: a user's call, the kernel itself. */
#define SIGINFO_USER   0
#define SIGINFO_KERNEL 1

#define SI_USER	 0
#define SI_QUEUE (-1)
#define SI_TKILL (-6)

/* Whether the running task sent it, by kill, sigqueue, tkill, cgroup.kill. */
static __always_inline bool is_sent(__u64 info)
{
	struct kernel_siginfo *i = (struct kernel_siginfo *)info;
	int code;

	if (info <= SIGINFO_KERNEL)
		return info == SIGINFO_USER;
	code = BPF_CORE_READ(i, si_code);
	return code == SI_USER || code == SI_QUEUE || code == SI_TKILL;
}

static __always_inline void signal_sent(enum wire_backend backend, int sig,
					__u64 info, struct task_struct *to)
{
	struct task_struct *from = current_task();
	struct process_ref target;

	if (!is_self(BPF_CORE_READ(to, tgid), to) || is_muted())
		return;
	if (HARMLESS & 1ull << (sig & 63))
		return;
	/* Out of memory, a terminal: whoever runs meanwhile did not do it. */
	if (!is_sent(info)) {
		if (!(DEADLY & 1ull << (sig & 63)))
			return;
		from = NULL;
	}
	target_of(&target, to);
	report(from, WHAT(WIRE_TAMPER_SIGNAL, backend, 0), &target, (__u32)sig);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_tp_btf, int sig, struct kernel_siginfo *info,
	     struct task_struct *task)
{
	signal_sent(WIRE_BACKEND_TP_BTF, sig, ctx[1], task);
	return 0;
}

SEC("raw_tp/signal_generate")
int BPF_PROG(signal_raw_tp, int sig, struct kernel_siginfo *info,
	     struct task_struct *task)
{
	signal_sent(WIRE_BACKEND_RAW_TP, sig, ctx[1], task);
	return 0;
}

/* ---- tracing and writing into a process ---------------------------------- */

/* Threads that one thread traces: so many are looked at for the newest. */
#define TRACED_MAX 16

static __always_inline __u32 number_seen_by(struct task_struct *seer,
					    struct task_struct *t)
{
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	__u32 level = BPF_CORE_READ(seer, thread_pid, level);

	return BPF_CORE_READ(pid_number(pid, level), nr);
}

/* Of those that t traces, the one that it calls by this number. */
static __always_inline struct task_struct *traced_by(struct task_struct *t,
						     __u32 number)
{
	__u64 entry = (__u64)BPF_CORE_READ(t, ptraced.next), found;
	struct list_head *at;
	int i;

	for (i = 0; i < TRACED_MAX; i++) {
		if (entry == (__u64)t + bpf_core_field_offset(t->ptraced))
			break;
		found = entry - bpf_core_field_offset(t->ptrace_entry);
		if (number_seen_by(t, (struct task_struct *)found) == number)
			return (struct task_struct *)found;
		at = (struct list_head *)entry;
		entry = (__u64)BPF_CORE_READ(at, next);
	}
	return NULL;
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

#define PTRACE_ATTACH 16
#define PTRACE_SEIZE  0x4206

static __always_inline void ptrace_ended(struct call c, __u32 backend)
{
	struct task_struct *t = current_task(), *traced;
	__u32 request = call_arg(c, 1), number = call_arg(c, 2), flags = 0;
	struct process_ref target;

	if (request != PTRACE_ATTACH && request != PTRACE_SEIZE)
		return;
	traced = traced_by(t, number);
	if (traced) {
		target_of(&target, traced);
	} else {
		target_claimed(&target, t, number);
		flags = WIRE_TAMPER_CLAIMED;
	}
	report(t, WHAT(WIRE_TAMPER_PTRACE, backend, flags), &target, request);
}

/* Whether this was told within the window. */
static __always_inline bool is_repeat(struct tampered_key *key, __u64 now)
{
	__u64 *told = bpf_map_lookup_elem(&tampered, key);

	return told && now - *told < window_ns;
}

/*
 * process_vm_writev: whom the kernel let it write to was noted on the way in,
 * where a hook could be had; a process that writes to itself was not.
 */
static __always_inline void vm_write_ended(struct call c, __u32 backend,
					   long ret)
{
	struct task_struct *t = current_task();
	__u64 task = number_of(t), now = bpf_ktime_get_boot_ns();
	struct process_ref *noted = bpf_map_lookup_elem(&accessed, &task);
	struct tampered_key key = {};
	struct process_ref target;
	__u32 flags = 0;

	if (noted) {
		target = *noted;
		bpf_map_delete_elem(&accessed, &task);
	} else {
		target_claimed(&target, t, call_arg(c, 1));
		flags = WIRE_TAMPER_CLAIMED;
	}
	if (ret <= 0)
		return;
	key.start_ns = task_start_ns(t);
	key.target_start_ns = target.start_ns;
	key.tgid = BPF_CORE_READ(t, tgid);
	key.image = BPF_CORE_READ(t, self_exec_id);
	key.target_tgid = target.tgid;
	if (key.tgid == target.tgid)
		return;
	if (is_repeat(&key, now)) {
		count_summed(WIRE_FAM_TAMPER);
		return;
	}
	report(t, WHAT(WIRE_TAMPER_VM_WRITE, backend, flags), &target, 0);
	bpf_map_update_elem(&tampered, &key, &now, BPF_ANY);
}

#define PTRACE_MODE_ATTACH 0x02

/* The kernel asks whether the running task may reach into this one. */
static __always_inline void access_asked(struct task_struct *child,
					 unsigned int mode)
{
	struct pt_regs *regs;
	struct process_ref target;
	struct call c;
	__u64 task;

	if (!(mode & PTRACE_MODE_ATTACH) || is_muted())
		return;
	regs = (struct pt_regs *)current_regs();
	if (!call_wanted(regs, raw_number(regs), &c) ||
	    call_rule(c)->kind != WIRE_SYS_VM_WRITE)
		return;
	task = bpf_get_current_task();
	target_of(&target, child);
	bpf_map_update_elem(&accessed, &task, &target, BPF_ANY);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(access_lsm, struct task_struct *child, unsigned int mode, int ret)
{
	access_asked(child, mode);
	return ret;
}

SEC("fentry/security_ptrace_access_check")
int BPF_PROG(access_fentry, struct task_struct *child, unsigned int mode)
{
	access_asked(child, mode);
	return 0;
}

SEC("kprobe/security_ptrace_access_check")
int BPF_KPROBE(access_kprobe, struct task_struct *child, unsigned int mode)
{
	access_asked(child, mode);
	return 0;
}

/* ---- bpf(2) on what is picket's ------------------------------------------ */

/* Which object a command changes, and where its attributes name it. */
static __always_inline __u32 changed_kind(__u32 cmd, __u32 *ret_offset)
{
	*ret_offset = 0;
	switch (cmd) {
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM:
	case BPF_MAP_FREEZE:
		return WIRE_OWN_MAP;
	case BPF_MAP_UPDATE_BATCH:
	case BPF_MAP_DELETE_BATCH:
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
		*ret_offset = offsetof(union bpf_attr, batch.map_fd);
		return WIRE_OWN_MAP;
	case BPF_LINK_UPDATE:
	case BPF_LINK_DETACH:
		return WIRE_OWN_LINK;
	}
	return WIRE_OWN_NONE;
}

/* Its id, if the descriptor names one of ours. */
static __always_inline __u32 own_id(__u32 kind, __u32 fd)
{
	struct file *file = file_of_current_fd(fd);
	struct wire_own own = { .kind = kind };
	struct bpf_link *link = BPF_CORE_READ(file, private_data);
	struct bpf_map *map = BPF_CORE_READ(file, private_data);

	if (!is_bpf_file(file,
			 kind == WIRE_OWN_MAP ? FILE_BPF_MAP : FILE_BPF_LINK))
		return 0;
	own.id = kind == WIRE_OWN_MAP ? BPF_CORE_READ(map, id)
				      : BPF_CORE_READ(link, id);
	return bpf_map_lookup_elem(&own_objects, &own) ? own.id : 0;
}

static __always_inline void report_own(__u64 what, __u32 cmd, __u32 id)
{
	struct process_ref none = {};

	if (id)
		report(current_task(), what | (__u64)WIRE_TAMPER_SELF << 16,
		       &none, cmd | (__u64)id << 32);
}

static __always_inline void bpf_asked(enum wire_backend backend, __u32 cmd,
				      __u64 attr)
{
	__u32 offset, kind = changed_kind(cmd, &offset), fd = 0;

	if (kind == WIRE_OWN_NONE || is_muted())
		return;
	bpf_probe_read_kernel(&fd, sizeof(fd), (void *)attr + offset);
	report_own(WHAT(WIRE_TAMPER_BPF, backend, 0), cmd, own_id(kind, fd));
}

SEC("lsm/bpf")
int BPF_PROG(bpf_lsm, int cmd, union bpf_attr *attr, unsigned int size, int ret)
{
	bpf_asked(WIRE_BACKEND_LSM, cmd, ctx[1]);
	return ret;
}

SEC("fentry/security_bpf")
int BPF_PROG(bpf_fentry, int cmd, union bpf_attr *attr, unsigned int size)
{
	bpf_asked(WIRE_BACKEND_FENTRY, cmd, ctx[1]);
	return 0;
}

SEC("kprobe/security_bpf")
int BPF_KPROBE(bpf_kprobe, int cmd, union bpf_attr *attr, unsigned int size)
{
	bpf_asked(WIRE_BACKEND_KPROBE, cmd, (__u64)attr);
	return 0;
}

static __always_inline void bpf_ended(struct call c, __u32 backend)
{
	__u32 cmd = call_arg(c, 1), offset, fd = 0;
	__u32 kind = changed_kind(cmd, &offset);

	if (kind == WIRE_OWN_NONE)
		return;
	bpf_probe_read_user(&fd, sizeof(fd), (void *)call_arg(c, 2) + offset);
	report_own(WHAT(WIRE_TAMPER_BPF, backend, WIRE_TAMPER_CLAIMED), cmd,
		   own_id(kind, fd));
}

__noinline __u32 tamper_call_ended(__u64 regs, __u32 index, __u32 backend,
				   __u64 ret)
{
	struct call c = { (struct pt_regs *)regs, index };
	__u32 kind = call_rule(c)->kind;

	if (kind == WIRE_SYS_VM_WRITE)
		vm_write_ended(c, backend, ret);
	else if ((long)ret < 0)
		return 0;
	else if (kind == WIRE_SYS_PTRACE)
		ptrace_ended(c, backend);
	else if (call_rule(c)->also & WIRE_ALSO(CHANGE_BPF))
		bpf_ended(c, backend);
	return 0;
}
