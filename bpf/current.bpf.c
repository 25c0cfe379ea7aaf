/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The functions of current.h, which says why they are functions. */
#include "current.h"
#include "moved.h"

/* A kernel without the type never calls them, and verifies them all the same. */
static __always_inline struct task_struct *typed_current(void)
{
	return has_typed_current() ? bpf_get_current_task_btf() : NULL;
}

__noinline __u64 current_start_ns(void)
{
	struct task_struct *t = typed_current();

	return t ? t->group_leader->start_boottime : 0;
}

__noinline __u64 current_euid_and_mnt_ns(void)
{
	struct task_struct *t = typed_current();

	return t ? t->cred->euid.val | (__u64)t->nsproxy->mnt_ns->ns.inum << 32
		 : 0;
}

__noinline __u64 current_file(__u32 fd)
{
	struct task_struct *t = typed_current();
	struct fdtable *table;
	struct file *file = NULL;

	if (!t)
		return 0;
	table = t->files->fdt;
	if (fd < table->max_fds)
		bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
	return (__u64)file;
}

__noinline __u32 current_shares_files(void)
{
	struct task_struct *t = typed_current();

	return t && t->files->count.counter > 1;
}
