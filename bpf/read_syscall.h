/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * System calls and their arguments, from the registers. Arguments are read at
 * the end of the call: the registers still hold them (on arm64 the kernel
 * saves the first one), and user memory that the call itself read is resident
 * by then.
 */
#pragma once

#include "maps.h"
#include "moved.h"

/*
 * Where the arguments stand in struct pt_regs, in words, one byte for each,
 * the first argument lowest. The layout is ptrace's ABI; as a number it costs
 * a shift, where six members to choose from would cost branches.
 */
#if defined(__TARGET_ARCH_x86)
/* di, si, dx, r10, r8, r9; by int 0x80: bx, cx, dx, si, di, bp */
#define ARGS_NATIVE  0x0809070c0d0eull
#define ARGS_COMPAT  0x040e0d0c0b05ull
/* x32 programs set this bit in otherwise native numbers. */
#define NUMBER_FLAGS 0x40000000u
#elif defined(__TARGET_ARCH_arm64)
/* orig_x0, x1 … x5 */
#define ARGS_NATIVE  0x050403020122ull
#define ARGS_COMPAT  ARGS_NATIVE
#define NUMBER_FLAGS 0u
#endif

struct call {
	struct pt_regs *regs;
	__u64 index; /* into syscalls[] */
};

static __always_inline bool is_compat(struct call c)
{
	return c.index >= WIRE_SYSCALL_MAX;
}

static __always_inline const volatile struct wire_syscall *call_rule(
	struct call c)
{
	return &syscalls[c.index & (2 * WIRE_SYSCALL_MAX - 1)];
}

/* n: from 1; 0 gives 0. */
static __always_inline __u64 call_arg(struct call c, __u32 n)
{
	__u64 places = is_compat(c) ? ARGS_COMPAT : ARGS_NATIVE, value = 0;

	if (!n)
		return 0;
	bpf_probe_read_kernel(&value, sizeof(value),
			      (void *)c.regs +
				      (places >> ((n - 1) & 7) * 8 & 0xff) * 8);
	return is_compat(c) ? (__u32)value : value;
}

/*
 * The first argument. Most descriptors are that, and one load where the pointer
 * has a type.
 */
static __always_inline __u64 typed_first_arg(struct call c)
{
#if defined(__TARGET_ARCH_x86)
	__u64 value = is_compat(c) ? c.regs->bx : c.regs->di;
#else
	__u64 value = c.regs->orig_x0;
#endif

	return is_compat(c) ? (__u32)value : value;
}

/*
 * The number as the tracepoint's register file has it. Direct where the
 * pointer has a type: this is what every system call of the machine pays.
 */
static __always_inline __u64 typed_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#else
	return regs->syscallno;
#endif
}

static __always_inline __u64 raw_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return BPF_CORE_READ(regs, orig_ax);
#else
	return BPF_CORE_READ(regs, syscallno);
#endif
}

/*
 * Whether this call is one that we look at; *ret_call is filled in then. A
 * number means one thing to native and another to 32-bit programs, and which
 * it was is asked only when either would matter.
 *
 * The kernel goes by the lower half of the register alone (x86: since 5.13,
 * `movslq %eax, %rsi` of entry_SYSCALL_64; before, and on arm64 it has no
 * upper half here, such a call does not exist), so what a program puts into
 * the upper one must hide nothing.
 */
static __always_inline bool call_wanted(struct pt_regs *regs, __u64 number,
					struct call *ret_call)
{
	number = (__u32)number & ~NUMBER_FLAGS;
	barrier_var(number);
	if (number >= WIRE_SYSCALL_MAX)
		return false;
	if (!(syscalls[number].kind | syscalls[number + WIRE_SYSCALL_MAX].kind))
		return false;
	if (current_in_compat())
		number += WIRE_SYSCALL_MAX;
	ret_call->regs = regs;
	ret_call->index = number;
	return syscalls[number].kind != WIRE_SYS_NONE;
}

/*
 * A filter (seccomp) or a tracer can have the kernel skip a call and answer
 * what they like, and a tracer can change its number before it returns. Then
 * no begin was seen of it. They are anybody's, of his own processes: without
 * this, anybody could have it told that he changed /etc/passwd.
 */
static __always_inline bool may_be_made_up(void)
{
	struct task_struct *t = (void *)bpf_get_current_task();

	if (has_typed_current()) {
		t = bpf_get_current_task_btf();
		if (t->ptrace)
			return true;
		return bpf_core_field_exists(t->seccomp) && t->seccomp.mode;
	}
	if (BPF_CORE_READ(t, ptrace))
		return true;
	return bpf_core_field_exists(t->seccomp) &&
	       BPF_CORE_READ(t, seccomp.mode);
}
