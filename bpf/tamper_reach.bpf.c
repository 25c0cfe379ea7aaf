/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Tracing, and writing into, any process; taking picket's descriptors. Told at
 * the end of the system call: by what is attached to these three alone or, where
 * the kernel has no such hooks, by what every call passes.
 */
#include "read_file.h"
#include "read_pid.h"
#include "read_syscall.h"
#include "shared_table.h"
#include "tamper.h"
#include "tamper_record.h"

__u32 ptrace_ended(__u64 regs, __u32 index, __u32 backend);
__u32 vm_write_ended(__u64 regs, __u32 index, __u32 backend, __u64 ret);
__u32 getfd_ended(__u64 regs, __u32 index, __u32 backend, __u64 ret);

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

#define PTRACE_ATTACH 16
#define PTRACE_SEIZE  0x4206

/* A call of ptrace that succeeded. */
__noinline __u32 ptrace_ended(__u64 regs, __u32 index, __u32 backend)
{
	struct call c = { (struct pt_regs *)regs, index };
	struct task_struct *t = current_task(), *traced;
	__u32 request = call_arg(c, 1), number = call_arg(c, 2), flags = 0;
	struct process_ref target;

	if (request != PTRACE_ATTACH && request != PTRACE_SEIZE)
		return 0;
	traced = traced_by(t, number);
	if (traced) {
		target_of(&target, traced);
	} else {
		target_claimed(&target, t, number);
		flags = WIRE_TAMPER_CLAIMED;
	}
	report(t, WHAT(WIRE_TAMPER_PTRACE, backend, flags), &target, request);
	return 0;
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
__noinline __u32 vm_write_ended(__u64 regs, __u32 index, __u32 backend,
				__u64 ret)
{
	struct call c = { (struct pt_regs *)regs, index };
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
	if ((long)ret <= 0)
		return 0;
	key.start_ns = task_start_ns(t);
	key.target_start_ns = target.start_ns;
	key.tgid = BPF_CORE_READ(t, tgid);
	key.image = BPF_CORE_READ(t, self_exec_id);
	key.target_tgid = target.tgid;
	if (key.tgid == target.tgid)
		return 0;
	if (is_repeat(&key, now)) {
		count_summed(WIRE_FAM_TAMPER);
		return 0;
	}
	report(t, WHAT(WIRE_TAMPER_VM_WRITE, backend, flags), &target, 0);
	bpf_map_update_elem(&tampered, &key, &now, BPF_ANY);
	return 0;
}

/* "[pidfd]" and zero: what such a file is called before 6.9. */
#define FILE_PIDFD 0x005d64666469705bull

static __always_inline struct pid *pid_of_file(struct file *file)
{
	struct dentry *d = BPF_CORE_READ(file, f_path.dentry);
	__u32 magic = BPF_CORE_READ(d, d_sb, s_magic);
	__u64 name = 0;

	if (magic == PID_FS_MAGIC)
		return BPF_CORE_READ(file, f_inode, i_private);
	bpf_probe_read_kernel(&name, sizeof(name),
			      BPF_CORE_READ(d, d_name.name));
	if (magic != ANON_INODE_MAGIC || name != FILE_PIDFD)
		return NULL;
	return BPF_CORE_READ(file, private_data);
}

/*
 * pidfd_getfd: only picket's descriptors are told of. From whom it took one was
 * noted on the way in, or is what the caller's pidfd names now.
 */
__noinline __u32 getfd_ended(__u64 regs, __u32 index, __u32 backend, __u64 ret)
{
	struct call c = { (struct pt_regs *)regs, index };
	struct task_struct *t = current_task(), *from;
	__u64 task = number_of(t);
	struct process_ref *noted = bpf_map_lookup_elem(&accessed, &task);
	struct process_ref target;
	__u32 flags = 0;

	if (noted) {
		target = *noted;
		bpf_map_delete_elem(&accessed, &task);
	} else {
		from = task_of_pid(
			pid_of_file(file_of_current_fd(call_arg(c, 1))));
		if (!from)
			return 0;
		target_of(&target, from);
		flags = was_table_shared() ? WIRE_TAMPER_CLAIMED
					   : claimed_by_call(backend);
	}
	if ((long)ret >= 0 && target.tgid != bpf_get_current_pid_tgid() >> 32 &&
	    is_picket(&target))
		report(t, WHAT(WIRE_TAMPER_DESCRIPTOR, backend, flags), &target,
		       (__u32)call_arg(c, 2));
	return 0;
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
	    (call_rule(c)->kind != WIRE_SYS_VM_WRITE &&
	     call_rule(c)->kind != WIRE_SYS_GETFD))
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

/* ---- the ends of these calls ----------------------------------------------- */

__noinline __u32 reach_call_ended(__u64 regs, __u32 index, __u32 backend,
				  __u64 ret)
{
	struct call c = { (struct pt_regs *)regs, index };

	if (call_rule(c)->kind == WIRE_SYS_VM_WRITE)
		return vm_write_ended(regs, index, backend, ret);
	if (call_rule(c)->kind == WIRE_SYS_GETFD)
		return getfd_ended(regs, index, backend, ret);
	return (long)ret < 0 ? 0 : ptrace_ended(regs, index, backend);
}

/* All that is asked of the index here is how the caller passed arguments. */
static __always_inline __u32 index_of_caller(void)
{
	return current_in_compat() ? WIRE_SYSCALL_MAX : 0;
}

static __always_inline int traced(enum wire_backend backend, __u64 regs,
				  long ret)
{
	if (ret >= 0 && !is_muted())
		ptrace_ended(regs, index_of_caller(), backend);
	return 0;
}

static __always_inline int written_to(enum wire_backend backend, __u64 regs,
				      long ret)
{
	if (!is_muted())
		vm_write_ended(regs, index_of_caller(), backend, ret);
	return 0;
}

static __always_inline int taken_from(enum wire_backend backend, __u64 regs,
				      long ret)
{
	if (!is_muted())
		getfd_ended(regs, index_of_caller(), backend, ret);
	return 0;
}

/*
 * At a function's end its own registers do not hold its arguments any more, and
 * what it was given 5.10 knows no type of (its pt_regs is declared only).
 */
static __always_inline __u64 own_regs(void)
{
	return number_of((void *)current_regs());
}

/*
 * What kernels call these functions; those of 32-bit and x32 programs are not
 * in all of them, and the latter's changed its name in 5.16.
 */
#if defined(__TARGET_ARCH_x86)
#define NATIVE(call)  "__x64_sys_" call
#define PTRACE_32     "__ia32_compat_sys_ptrace"
#define WRITEV_32     "__ia32_sys_process_vm_writev"
#define GETFD_32      "__ia32_sys_pidfd_getfd"
#define PTRACE_X32    "__x64_compat_sys_ptrace"
#define PTRACE_X32OLD "__x32_compat_sys_ptrace"
#elif defined(__TARGET_ARCH_arm64)
#define NATIVE(call)  "__arm64_sys_" call
#define PTRACE_32     "__arm64_compat_sys_ptrace"
/* The same as the native one, and no x32. */
#define WRITEV_32     "__arm64_compat_sys_process_vm_writev"
#define GETFD_32      "__arm64_compat_sys_pidfd_getfd"
#define PTRACE_X32    "__arm64_x32_sys_ptrace"
#define PTRACE_X32OLD PTRACE_X32
#endif

SEC("fexit/" NATIVE("ptrace"))
int BPF_PROG(ptrace_fexit, void *regs, long ret)
{
	return traced(WIRE_BACKEND_FENTRY, own_regs(), ret);
}

SEC("kretprobe/" NATIVE("ptrace"))
int BPF_KRETPROBE(ptrace_kretprobe, long ret)
{
	return traced(WIRE_BACKEND_KPROBE, own_regs(), ret);
}

SEC("fexit/" PTRACE_32)
int BPF_PROG(ptrace_32_fexit, void *regs, long ret)
{
	return traced(WIRE_BACKEND_FENTRY, own_regs(), ret);
}

SEC("kretprobe/" PTRACE_32)
int BPF_KRETPROBE(ptrace_32_kretprobe, long ret)
{
	return traced(WIRE_BACKEND_KPROBE, own_regs(), ret);
}

SEC("fexit/" PTRACE_X32)
int BPF_PROG(ptrace_x32_fexit, void *regs, long ret)
{
	return traced(WIRE_BACKEND_FENTRY, own_regs(), ret);
}

SEC("kretprobe/" PTRACE_X32)
int BPF_KRETPROBE(ptrace_x32_kretprobe, long ret)
{
	return traced(WIRE_BACKEND_KPROBE, own_regs(), ret);
}

SEC("fexit/" PTRACE_X32OLD)
int BPF_PROG(ptrace_x32old_fexit, void *regs, long ret)
{
	return traced(WIRE_BACKEND_FENTRY, own_regs(), ret);
}

SEC("kretprobe/" PTRACE_X32OLD)
int BPF_KRETPROBE(ptrace_x32old_kretprobe, long ret)
{
	return traced(WIRE_BACKEND_KPROBE, own_regs(), ret);
}

SEC("fexit/" NATIVE("process_vm_writev"))
int BPF_PROG(writev_fexit, void *regs, long ret)
{
	return written_to(WIRE_BACKEND_FENTRY, own_regs(), ret);
}

SEC("kretprobe/" NATIVE("process_vm_writev"))
int BPF_KRETPROBE(writev_kretprobe, long ret)
{
	return written_to(WIRE_BACKEND_KPROBE, own_regs(), ret);
}

SEC("fexit/" WRITEV_32)
int BPF_PROG(writev_32_fexit, void *regs, long ret)
{
	return written_to(WIRE_BACKEND_FENTRY, own_regs(), ret);
}

SEC("kretprobe/" WRITEV_32)
int BPF_KRETPROBE(writev_32_kretprobe, long ret)
{
	return written_to(WIRE_BACKEND_KPROBE, own_regs(), ret);
}

SEC("fexit/" NATIVE("pidfd_getfd"))
int BPF_PROG(getfd_fexit, void *regs, long ret)
{
	return taken_from(WIRE_BACKEND_FENTRY, own_regs(), ret);
}

SEC("kretprobe/" NATIVE("pidfd_getfd"))
int BPF_KRETPROBE(getfd_kretprobe, long ret)
{
	return taken_from(WIRE_BACKEND_KPROBE, own_regs(), ret);
}

SEC("fexit/" GETFD_32)
int BPF_PROG(getfd_32_fexit, void *regs, long ret)
{
	return taken_from(WIRE_BACKEND_FENTRY, own_regs(), ret);
}

SEC("kretprobe/" GETFD_32)
int BPF_KRETPROBE(getfd_32_kretprobe, long ret)
{
	return taken_from(WIRE_BACKEND_KPROBE, own_regs(), ret);
}
