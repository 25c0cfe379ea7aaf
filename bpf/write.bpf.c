/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Changes to files, where only system calls can be watched. A call is looked
 * up by number in a table that the agent filled; what is not in it leaves at
 * once, because every system call of the machine comes by here. The file is
 * the kernel's: what the descriptor names when the call has succeeded.
 *
 * While a descriptor table is shared, another thread can make a descriptor
 * name another file during the call. So the file is also taken when the call
 * begins, and both are told when they differ.
 */
#include "write.h"
#include "emit.h"
#include "load.h"
#include "read_file.h"
#include "read_syscall.h"
#include "read_task.h"
#include "shared_table.h"
#include "socket_call.h"
#include "tamper.h"
#include "what.h"

#define CLONE	    0x40049409u /* FICLONE, FICLONERANGE */
#define CLONE_RANGE 0x4020940du
#define SETFLAGS    0x40086602u /* FS_IOC_SETFLAGS */
#define SETFLAGS_32 0x40046602u
#define FSSETXATTR  0x401c5820u /* FS_IOC_FSSETXATTR */

/*
 * FS_IOC_RESVSP and its like, which are fallocate(2) on every file system; how
 * long their argument is depends on the width of the caller.
 */
#define PREALLOCATE    0x403058u
#define PREALLOCATE_32 0x402c58u
#define RESVSP	       40
#define UNRESVSP64     43
#define ZERO_RANGE     57

#define BLKDISCARD    0x1277u
#define BLKSECDISCARD 0x127du
#define BLKZEROOUT    0x127fu

static __always_inline bool is_content(__u32 op)
{
	return op == WIRE_OP_WRITE || op == WIRE_OP_TRUNCATE ||
	       op == WIRE_OP_MMAP;
}

/* Content is a matter of files, what is said of them of directories, too. */
static __always_inline bool is_changeable(struct inode *i, __u32 op)
{
	return (!is_content(op) && op != WIRE_OP_OPEN && i) ||
	       holds_content(BPF_CORE_READ(i, i_mode));
}

/* Requests that change what is in a file, or on a device. */
static __always_inline bool request_writes(__u32 cmd)
{
	__u32 group = cmd >> 8, number = cmd & 0xff;

	if (group == PREALLOCATE || group == PREALLOCATE_32)
		return (number >= RESVSP && number <= UNRESVSP64) ||
		       number == ZERO_RANGE;
	return cmd == CLONE || cmd == CLONE_RANGE || cmd == BLKDISCARD ||
	       cmd == BLKSECDISCARD || cmd == BLKZEROOUT;
}

/* Whether the call changes the file that its descriptor names: how. */
static __always_inline __u32 fd_op(struct call c)
{
	const volatile struct wire_syscall *rule = call_rule(c);
	__u32 cmd;

	if (rule->kind == WIRE_SYS_FD || rule->kind == WIRE_SYS_MMAP)
		return rule->op;
	if (rule->kind != WIRE_SYS_IOCTL)
		return WIRE_OP_NONE;
	cmd = call_arg(c, 2);
	if ((call_ops & 1u << WIRE_OP_WRITE) && request_writes(cmd))
		return WIRE_OP_WRITE;
	if ((cmd == SETFLAGS || cmd == SETFLAGS_32 || cmd == FSSETXATTR) &&
	    (call_ops & 1u << WIRE_OP_CHATTR))
		return WIRE_OP_CHATTR;
	return WIRE_OP_NONE;
}

/*
 * Whether a mapping lets the file be written through memory, at once or after
 * an mprotect(2), which no descriptor tells of: whoever maps a file that is
 * open for writing may do that at any time.
 */
static __always_inline bool maps_for_writing(struct call c)
{
	__u32 flags = call_arg(c, 4), type = flags & MAP_TYPE;

	return !(flags & MAP_ANONYMOUS) &&
	       (type == MAP_SHARED || type == MAP_SHARED_VALIDATE);
}

static __always_inline bool is_how(struct call c)
{
	return call_rule(c)->traits & WIRE_SYS_HOW;
}

/*
 * Flags of an opening, wherever this call has them. unreadable: where they are
 * in memory that cannot be read.
 */
static __always_inline __u32 open_flags(struct call c, __u32 unreadable)
{
	const volatile struct wire_syscall *rule = call_rule(c);
	__u64 flags = call_arg(c, rule->flags);

	if (rule->traits & WIRE_SYS_CREAT)
		return O_WRONLY | O_CREAT | O_TRUNC;
	if (is_how(c) &&
	    bpf_probe_read_user(&flags, sizeof(flags), (void *)flags))
		return unreadable;
	return flags;
}

/* What a call is told for by its result alone: nothing else shows it was done. */
static __always_inline bool tells_by_result(struct call c, __u32 op)
{
	__u32 kind = call_rule(c)->kind;

	return kind == WIRE_SYS_PATH || op == WIRE_OP_CHATTR ||
	       (op && (call_rule(c)->traits & WIRE_SYS_EVENT));
}

static __always_inline void name_call_began(struct call c, __u32 asked)
{
	struct held held = { .syscall = c.index, .asked = asked };
	__u64 thread = bpf_get_current_pid_tgid();

	if ((may_be_made_up() || is_how(c)) && !is_muted())
		bpf_map_update_elem(&held_files, &thread, &held, BPF_ANY);
}

/*
 * Whether no begin of this call was seen that may be made up. *ret_asked: what
 * an opening asked for when it began, where that was in memory.
 */
static __always_inline bool is_unsure(struct call c, __u32 *ret_asked)
{
	bool doubtful = may_be_made_up(), begun;
	__u64 thread = bpf_get_current_pid_tgid();
	struct held *held;

	if (!doubtful && !is_how(c))
		return false;
	held = bpf_map_lookup_elem(&held_files, &thread);
	begun = held && held->syscall == c.index;
	if (begun && is_how(c))
		*ret_asked = held->asked;
	bpf_map_delete_elem(&held_files, &thread);
	return doubtful && !begun;
}

static __always_inline bool is_truncate(struct call c)
{
	return call_rule(c)->kind == WIRE_SYS_PATH &&
	       call_rule(c)->op == WIRE_OP_TRUNCATE;
}

/*
 * What loads a file that its descriptor names. Of a module it is kept always: it
 * is told before its call ends.
 */
static __always_inline bool loads_code(const volatile struct wire_syscall *rule,
				       bool shared)
{
	return rule->kind == WIRE_SYS_MODULE ||
	       (shared && (rule->also & WIRE_ALSO(MAP)));
}

static __always_inline int call_began(struct call c)
{
	const volatile struct wire_syscall *rule = call_rule(c);
	struct held held = {};
	struct file *file;
	struct inode *inode;
	bool shared = note_shared_table();
	__u32 op = fd_op(c), asked = 0;
	__u64 thread;

	if (rule->kind >= WIRE_SYS_CONNECT) {
		if (shared && !is_muted())
			socket_call_began(number_of(c.regs), c.index);
		return 0;
	}
	if (loads_code(rule, shared) && !is_muted())
		load_call_began(number_of(c.regs), c.index);
	if (rule->kind == WIRE_SYS_OPEN)
		asked = open_flags(c, 0);
	if (rule->kind == WIRE_SYS_PATH || (asked & O_TRUNC))
		name_call_began(c, asked);
	if (is_truncate(c))
		name_kept(number_of(c.regs), c.index);
	if (!op)
		return 0;
	if (!shared && !(tells_by_result(c, op) && may_be_made_up()))
		return 0;
	if (is_muted())
		return 0;
	if (rule->kind == WIRE_SYS_MMAP && !maps_for_writing(c))
		return 0;
	file = file_of_current_fd(call_arg(c, rule->fd));
	inode = BPF_CORE_READ(file, f_inode);
	if (!is_changeable(inode, op))
		return 0;
	held.file = (__u64)file;
	held.dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	held.mnt = (__u64)BPF_CORE_READ(file, f_path.mnt);
	held.inode = (__u64)inode;
	held.ino = BPF_CORE_READ(inode, i_ino);
	held.syscall = c.index;
	thread = bpf_get_current_pid_tgid();
	bpf_map_update_elem(&held_files, &thread, &held, BPF_ANY);
	return 0;
}

static __always_inline void tell_file(struct file *file, __u64 change,
				      __u64 bytes, __u64 args)
{
	file_changed((__u64)BPF_CORE_READ(file, f_path.dentry),
		     (__u64)BPF_CORE_READ(file, f_path.mnt), change, bytes,
		     args);
}

/* Of what is found out about a call's begin, beside WIRE_WRITE_FD_*. */
#define BEGIN_SEEN (1u << 16)

/*
 * Was the call's file another one at its begin, whose place is put into *ret?
 * WIRE_WRITE_FD_CHANGED then. The call kept it from being freed, but the
 * descriptor's new owner may have been quick: nothing is believed that does not
 * still fit together. always: something was kept even of a table that nobody
 * shared. A function for the stack's sake, as fd_used.
 */
static __noinline __u32 held_against_begin(__u64 index, struct file *now,
					   struct path *ret, bool always)
{
	__u32 flags = was_table_shared() ? WIRE_WRITE_FD_CLAIMED : 0;
	__u64 thread = bpf_get_current_pid_tgid();
	struct dentry *dentry;
	struct held *held;

	if (!flags && !always)
		return 0;
	held = bpf_map_lookup_elem(&held_files, &thread);
	if (!held)
		return flags;
	dentry = (struct dentry *)held->dentry;
	if (held->syscall == index) {
		flags |= BEGIN_SEEN;
		if (held->file != (__u64)now ||
		    dentry != BPF_CORE_READ(now, f_path.dentry))
			flags |= WIRE_WRITE_FD_CHANGED | WIRE_WRITE_FD_CLAIMED;
	}
	if ((__u64)BPF_CORE_READ(dentry, d_inode) == held->inode) {
		ret->dentry = dentry;
		ret->mnt = (struct vfsmount *)held->mnt;
	}
	bpf_map_delete_elem(&held_files, &thread);
	return flags;
}

/*
 * Through a descriptor: write and its like, and shared mappings. A function, so
 * that what it has on the stack is gone where code is told that was loaded.
 * first: the call's first argument by tp_btf, where that is one load.
 */
static __noinline void fd_used(struct pt_regs *regs, __u64 index, __u32 what,
			       int first, long ret)
{
	struct call c = { regs, index };
	__u32 op = WHAT_OP(what), backend = WHAT_BACKEND(what);
	const volatile struct wire_syscall *rule = call_rule(c);
	__u32 traits = rule->traits, nr = c.index & (WIRE_SYSCALL_MAX - 1);
	__u64 bytes = traits & WIRE_SYS_COUNTS ? ret : 0, args = 0, change;
	struct path before = {};
	struct file *file;
	__u32 flags;
	bool changed;

	if (rule->kind == WIRE_SYS_MMAP && !maps_for_writing(c))
		return;
	if (rule->fd == 1 && backend == WIRE_BACKEND_TP_BTF)
		file = file_of_current_fd(first);
	else
		file = file_of_current_fd(call_arg(c, rule->fd));
	flags = held_against_begin(c.index, file, &before,
				   tells_by_result(c, op));
	changed = flags & WIRE_WRITE_FD_CHANGED;
	if (ret < 0 || ((traits & WIRE_SYS_COUNTS) && !bytes))
		return;
	if (!(flags & BEGIN_SEEN) && tells_by_result(c, op) && may_be_made_up())
		flags |= WIRE_WRITE_SUBMITTED;
	flags &= ~BEGIN_SEEN;
	if (rule->arg)
		args = (__u32)call_arg(c, rule->arg) | call_arg(c, rule->arg2)
							       << 32;
	if (op == WIRE_OP_CHATTR)
		traits |= WIRE_SYS_EVENT;
	change = WRITE_CHANGE(op, backend, flags, nr, traits);
	/* Most descriptors of most programs are no files: out, soon. */
	if (!changed && is_content(op)) {
		if (is_content_news((__u64)file, change, bytes))
			tell_file(file, change, bytes, args);
		return;
	}
	if (changed)
		file_changed((__u64)before.dentry, (__u64)before.mnt, change,
			     bytes, args);
	if (is_changeable(BPF_CORE_READ(file, f_inode), op))
		tell_file(file, change, bytes, args);
}

/*
 * Another thread has closed what was opened before we come to look, or put
 * another file over it: there is only what the caller asked for, which for a
 * handle is not even a name.
 */
static __always_inline void opened_and_gone(enum wire_backend backend,
					    struct call c, __u64 asked)
{
	if (!(asked & (O_ACCMODE | O_TRUNC | O_CREAT)) || (asked & O_PATH))
		return;
	if (call_rule(c)->name) {
		names_changed(number_of(c.regs), c.index, backend, asked);
		return;
	}
	count_made(WIRE_FAM_WRITE);
	count_lost(WIRE_FAM_WRITE);
}

/*
 * Whether a file is none that this call can have opened: it asked for one to be
 * written to, and no open gives a pipe or a socket but by a name in /proc. A
 * function for the stack's sake.
 */
static __noinline bool is_cover(struct file *file, __u32 mode, __u32 asked)
{
	__u32 access = asked & O_ACCMODE, type;
	bool writes = access == O_WRONLY || access == O_RDWR;

	if (!(writes || (asked & O_TRUNC)) || (asked & O_PATH))
		return false;
	if (writes && !(mode & FMODE_WRITE))
		return true;
	type = BPF_CORE_READ(file, f_inode, i_mode);
	return !holds_content(type) && (type & S_IFMT) != S_IFCHR;
}

/*
 * What is asked for in memory (openat2) may be there at the begin or at the end
 * alone: another thread may write to it, and O_TRUNC itself does away with what
 * lies in a mapping of the file, so that it cannot be read any more. So, of a
 * file that is not open for writing, it is only what was asked for.
 */
static __always_inline void file_opened(enum wire_backend backend,
					struct call c, long fd, bool unsure,
					__u32 at_begin)
{
	const volatile struct wire_syscall *rule = call_rule(c);
	struct file *file = file_of_current_fd(fd);
	__u32 mode = BPF_CORE_READ(file, f_mode), asked, flags = 0;
	__u32 nr = c.index & (WIRE_SYSCALL_MAX - 1);

	asked = open_flags(c, at_begin ?: O_TRUNC) | (at_begin & O_TRUNC);
	if (is_how(c) && !(mode & FMODE_WRITE))
		unsure = true;
	if (!file) {
		opened_and_gone(backend, c, asked);
		return;
	}
	if (is_cover(file, mode, asked) && was_table_shared()) {
		opened_and_gone(backend, c,
				asked | (unsure ? NAMES_UNSURE : 0));
		return;
	}
	/* With O_PATH nothing is opened, whatever else was asked. */
	if ((mode & FMODE_PATH) ||
	    (!(mode & (FMODE_WRITE | FMODE_CREATED)) && !(asked & O_TRUNC)))
		return;
	if (mode & FMODE_CREATED)
		flags |= WIRE_WRITE_CREATED;
	if (asked & O_TRUNC)
		flags |= unsure ? WIRE_WRITE_TRUNC | WIRE_WRITE_SUBMITTED
				: WIRE_WRITE_TRUNC;
	if (asked & O_APPEND)
		flags |= WIRE_WRITE_APPEND;
	if (was_table_shared())
		flags |= WIRE_WRITE_FD_CLAIMED;
	if (is_changeable(BPF_CORE_READ(file, f_inode), rule->op))
		tell_file(file, WRITE_CHANGE(rule->op, backend, flags, nr, 0),
			  0, asked);
}

/* What is more, or something else, than a change to a file. */
static __always_inline void also_ended(enum wire_backend backend, struct call c,
				       long ret)
{
	__u32 also = call_rule(c)->also;

	if (also & (WIRE_ALSO(MAP) | WIRE_ALSO(LOAD_BPF)))
		load_call_ended(number_of(c.regs), c.index, backend, ret);
	if (call_rule(c)->kind == WIRE_SYS_MODULE)
		module_call_ended();
	if (also & WIRE_ALSO(REACH))
		reach_call_ended(number_of(c.regs), c.index, backend, ret);
	if (ret >= 0 && (also & WIRE_ALSO(CHANGE_BPF)))
		bpf_call_ended(number_of(c.regs), c.index, backend);
	if (ret >= 0 && (also & WIRE_ALSO(LIMIT)))
		limit_call_ended(number_of(c.regs), c.index, backend);
	if (ret >= 0 && (also & WIRE_ALSO(OWNER)))
		owner_call_ended(number_of(c.regs), c.index, backend);
}

static __always_inline void tell_ended(enum wire_backend backend, struct call c,
				       long ret, __u64 unsure, __u32 asked)
{
	__u32 kind = call_rule(c)->kind;

	if (kind == WIRE_SYS_AIO)
		aio_submitted(number_of(c.regs), c.index, backend, ret);
	else if (kind == WIRE_SYS_OPEN)
		file_opened(backend, c, ret, unsure, asked);
	else if (kind == WIRE_SYS_PATH)
		names_changed(number_of(c.regs), c.index, backend, unsure);
}

static __always_inline int call_ended(enum wire_backend backend, struct call c,
				      long ret)
{
	__u32 kind = call_rule(c)->kind, op, asked = 0;
	__u64 unsure = 0;

	if (is_muted())
		return 0;
	if (call_rule(c)->also) {
		also_ended(backend, c, ret);
		if (!call_rule(c)->op)
			return 0;
	}
	if (kind >= WIRE_SYS_CONNECT) {
		socket_call_ended(number_of(c.regs), c.index, backend, ret);
		return 0;
	}
	/* Also a failed call must not leave its file behind, see call_began. */
	op = fd_op(c);
	if (op) {
		fd_used(c.regs, c.index, WHAT(op, backend, 0),
			backend == WIRE_BACKEND_TP_BTF ? typed_first_arg(c) : 0,
			ret);
		return 0;
	}
	/* Nor its begin. */
	if ((kind == WIRE_SYS_PATH || kind == WIRE_SYS_OPEN) &&
	    is_unsure(c, &asked))
		unsure = NAMES_UNSURE;
	if (ret >= 0)
		tell_ended(backend, c, ret, unsure, asked);
	if (is_truncate(c))
		kept_name_done();
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter_tp_btf, struct pt_regs *regs, long number)
{
	struct call c;

	return call_wanted(regs, number, &c) ? call_began(c) : 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit_tp_btf, struct pt_regs *regs, long ret)
{
	struct call c;

	return call_wanted(regs, typed_number(regs), &c)
		       ? call_ended(WIRE_BACKEND_TP_BTF, c, ret)
		       : 0;
}

SEC("raw_tp/sys_enter")
int BPF_PROG(sys_enter_raw_tp, struct pt_regs *regs, long number)
{
	struct call c;

	return call_wanted(regs, number, &c) ? call_began(c) : 0;
}

SEC("raw_tp/sys_exit")
int BPF_PROG(sys_exit_raw_tp, struct pt_regs *regs, long ret)
{
	struct call c;

	return call_wanted(regs, raw_number(regs), &c)
		       ? call_ended(WIRE_BACKEND_RAW_TP, c, ret)
		       : 0;
}
