/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Calls that act on names: rename, unlink, link, chmod and the like. The
 * kernel's objects are out of reach for a program that sees only system
 * calls, so the record has the directory that the lookup began in, from the
 * kernel, and the name, from the caller's memory, and says so.
 */
#include "read_syscall.h"
#include "write.h"
#include "write_places.h"

/*
 * Of a name that cannot be read it is not known where it began either: the
 * directory alone would be told as if it were the file.
 */
static __always_inline void find_start(struct place *p, int dirfd)
{
	bool unreadable;
	char first = 0;

	if (p->is_kept) {
		unreadable = bpf_probe_read_kernel(&first, sizeof(first),
						   (void *)p->name);
		p->name_len = measure_kernel_str(p->name);
	} else {
		unreadable = bpf_probe_read_user(&first, sizeof(first),
						 (void *)p->name);
		p->name_len = measure_user_str(p->name);
	}
	start_at(p, first, dirfd);
	if (unreadable && p->name)
		p->start.dentry = NULL;
}

static __always_inline void find_places(struct place *a, struct place *b,
					struct call c)
{
	const volatile struct wire_syscall *rule = call_rule(c);
	__u64 kept = 0;

	a->name = call_arg(c, rule->name);
	if (rule->op == WIRE_OP_TRUNCATE)
		kept = kept_name(c.index);
	if (kept) {
		a->name = kept;
		a->is_kept = true;
	}
	find_start(a, rule->dir ? (int)call_arg(c, rule->dir) : AT_FDCWD);
	if (!rule->name2)
		return;
	b->name = call_arg(c, rule->name2);
	if (rule->traits & WIRE_SYS_TARGET)
		b->name_len = measure_user_str(b->name);
	else
		find_start(b, rule->dir2 ? (int)call_arg(c, rule->dir2)
					 : AT_FDCWD);
}

/* What an opening asked for is all that is known of one. */
static __always_inline void put_opening(struct told_change *told, __u64 opening)
{
	told->flags = WIRE_WRITE_FD_CLAIMED;
	if (opening & O_TRUNC)
		told->flags |= WIRE_WRITE_TRUNC;
	if (opening & O_APPEND)
		told->flags |= WIRE_WRITE_APPEND;
	told->args = opening;
}

__noinline __u32 names_changed(__u64 regs, __u32 index, __u32 backend,
			       __u64 opening)
{
	struct call c = { (struct pt_regs *)regs, index };
	const volatile struct wire_syscall *rule = call_rule(c);
	struct told_change told = { .backend = backend };
	struct place a = {}, b = {};
	__u64 flags = call_arg(c, rule->flags);

	if ((rule->traits & WIRE_SYS_TIMES) && !flags)
		return 0;
	count_made(WIRE_FAM_WRITE);
	if (!admitted(ADMIT_HALF)) {
		count_lost(WIRE_FAM_WRITE);
		return 0;
	}
	told.op = rule->op;
	if ((rule->traits & WIRE_SYS_UNLINK) && (flags & AT_REMOVEDIR))
		told.op = WIRE_OP_RMDIR;
	if ((rule->traits & WIRE_SYS_EXCHANGE) && (flags & RENAME_EXCHANGE))
		told.flags = WIRE_WRITE_EXCHANGE;
	told.syscall = c.index & (WIRE_SYSCALL_MAX - 1);
	told.args = (__u32)call_arg(c, rule->arg) | call_arg(c, rule->arg2)
							    << 32;
	if ((__u32)opening)
		put_opening(&told, (__u32)opening);
	if (opening & NAMES_UNSURE)
		told.flags |= WIRE_WRITE_SUBMITTED;
	find_places(&a, &b, c);
	forget_known(a);
	forget_known(b);
	forget_known(told);
	report_places(&a, &b, &told, true);
	return 0;
}
