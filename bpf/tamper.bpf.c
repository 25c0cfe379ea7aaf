/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Signals that end or stop picket, and bpf(2) on its own links, programs and
 * maps.
 */
#include "tamper.h"
#include "read_file.h"
#include "read_syscall.h"
#include "tamper_record.h"

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

/* Special values of a siginfo's address: a user's call, the kernel itself. */
#define SIGINFO_USER   0
#define SIGINFO_KERNEL 1

#define SIGILL	4
#define SIGTRAP 5
#define SIGBUS	7
#define SIGFPE	8
#define SIGSEGV 11
#define SIGSYS	31

/* What a thread does to itself, where the siginfo's code is of that signal. */
#define FAULTS                                                                \
	(1ull << SIGILL | 1ull << SIGTRAP | 1ull << SIGBUS | 1ull << SIGFPE | \
	 1ull << SIGSEGV | 1ull << SIGSYS)

#define SIGALRM	  14
#define SIGVTALRM 26
#define SIGPROF	  27

/* What only timers of one's own make the kernel send. */
#define ALARMS (1ull << SIGALRM | 1ull << SIGVTALRM | 1ull << SIGPROF)

#define SIGINT	2
#define SIGQUIT 3
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22

/* What a terminal sends for a key, or for reading and writing behind one. */
#define KEYS                                                  \
	(1ull << SIGINT | 1ull << SIGQUIT | 1ull << SIGTSTP | \
	 1ull << SIGTTIN | 1ull << SIGTTOU)

#define SI_TIMER  (-2)
#define SI_USER	  0
#define SI_KERNEL 0x80
#define SI_QUEUE  (-1)
#define SI_TKILL  (-6)

static __always_inline int code_of(__u64 info)
{
	struct kernel_siginfo *i = (struct kernel_siginfo *)info;

	if (info <= SIGINFO_KERNEL)
		return info == SIGINFO_USER ? SI_USER : SI_KERNEL;
	return BPF_CORE_READ(i, si_code);
}

/* Whether the running task sent it, by kill, sigqueue, tkill, cgroup.kill. */
static __always_inline bool is_sent(int code)
{
	return code == SI_USER || code == SI_QUEUE || code == SI_TKILL;
}

/* Whoever sits before a picket that runs in a terminal; a service has none. */
static __always_inline bool is_at_a_terminal(struct task_struct *to)
{
	return BPF_CORE_READ(to, signal, tty);
}

/* What picket, or the process that it meets, made for itself. */
static __always_inline bool is_own(int code, int sig, struct task_struct *to,
				   const struct process_ref *target)
{
	__u64 bit = 1ull << (sig & 63);

	if (is_sent(code))
		return is_muted() ||
		       target->tgid == bpf_get_current_pid_tgid() >> 32;
	if (code == SI_TIMER || (code == SI_KERNEL && (ALARMS & bit)))
		return true;
	if (code == SI_KERNEL && (KEYS & bit))
		return is_at_a_terminal(to);
	return code > 0 && (FAULTS & bit);
}

static __always_inline void signal_sent(enum wire_backend backend, int sig,
					__u64 info, struct task_struct *to)
{
	struct tamper_more more = {};
	struct process_ref target;

	if (HARMLESS & 1ull << (sig & 63))
		return;
	target_of(&target, to);
	if (!is_picket(&target))
		return;
	more.code = code_of(info);
	if (is_own(more.code, sig, to, &target))
		return;
	/*
	 * Out of memory, a file that has an owner, sysrq, a limit:
	 * whoever runs meanwhile need not have done it.
	 */
	report_more(is_sent(more.code) ? current_task() : NULL,
		    WHAT(WIRE_TAMPER_SIGNAL, backend, 0), &target, (__u32)sig,
		    &more);
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

/* A call that succeeded. */
__noinline __u32 bpf_call_ended(__u64 regs, __u32 index, __u32 backend)
{
	struct call c = { (struct pt_regs *)regs, index };
	__u32 cmd = call_arg(c, 1), offset, fd = 0;
	__u32 kind = changed_kind(cmd, &offset);

	if (kind == WIRE_OWN_NONE)
		return 0;
	bpf_probe_read_user(&fd, sizeof(fd), (void *)call_arg(c, 2) + offset);
	report_own(WHAT(WIRE_TAMPER_BPF, backend, WIRE_TAMPER_CLAIMED), cmd,
		   own_id(kind, fd));
	return 0;
}
