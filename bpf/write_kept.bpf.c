/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Names of calls that may do away with them: truncate(2), whose name may lie in
 * a mapping of the file that it cuts. What was behind the file's new end is zero
 * by the end of the call, or cannot be read: a part of the name would be told,
 * or none. So the name is read when the call begins.
 *
 * What nobody has touched before cannot be read by then, while the kernel itself
 * fetches it; nor is it kept where more threads than there is room for are in
 * such a call. Then it is read at the end as any other call's.
 */
#include "read_syscall.h"
#include "read_task.h"
#include "write.h"

__noinline __u32 name_kept(__u64 regs, __u32 index)
{
	struct call c = { (struct pt_regs *)regs, index };
	static const struct kept_name nothing;
	__u64 thread = bpf_get_current_pid_tgid();
	struct kept_name *k;
	long n;

	if (is_muted())
		return 0;
	bpf_map_update_elem(&kept_names, &thread, &nothing, BPF_ANY);
	k = bpf_map_lookup_elem(&kept_names, &thread);
	if (!k)
		return 0;
	k->syscall = index;
	n = bpf_probe_read_user_str(k->name, sizeof(k->name),
				    (void *)call_arg(c, call_rule(c)->name));
	if (n <= 0)
		bpf_map_delete_elem(&kept_names, &thread);
	return n > 0;
}

__noinline __u64 kept_name(__u64 index)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct kept_name *k = bpf_map_lookup_elem(&kept_names, &thread);

	return k && k->syscall == index ? number_of(k->name) : 0;
}

__noinline __u32 kept_name_done(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&kept_names, &thread);
	return 0;
}
