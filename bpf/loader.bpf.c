/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The loader (PT_INTERP) of a program: the kernel maps it itself, so no system
 * call tells of it, and before the exec is told. Right after that, it is the
 * mapping at the address that the kernel gives the new program as AT_BASE;
 * where mappings cannot be looked up, load.bpf.c has held its file.
 */
#include "emit.h"
#include "load.h"
#include "read_file.h"
#include "read_task.h"

#define AT_BASE	  7
#define AUXV_READ 24

struct auxv_pair {
	unsigned long type;
	unsigned long value;
};

/* Of a 32-bit program both are in one word, the type below. */
static __always_inline unsigned long loader_address(struct mm_struct *mm)
{
	const void *auxv = (void *)mm + bpf_core_field_offset(mm->saved_auxv);
	struct auxv_pair pair;
	bool halves = false;
	int i;

	for (i = 0; i < AUXV_READ; i++) {
		if (bpf_probe_read_kernel(&pair, sizeof(pair),
					  auxv + i * sizeof(pair)))
			break;
		if (!i)
			halves = pair.type >> 32;
		if (!halves && pair.type == AT_BASE)
			return pair.value;
		if (halves && (__u32)pair.type == AT_BASE)
			return pair.type >> 32;
		if (halves && (__u32)pair.value == AT_BASE)
			return pair.value >> 32;
	}
	return 0;
}

/* On an overlay a mapping has the file below: told is what that stands for. */
static __always_inline void tell_loader(struct file *file)
{
	struct path *path = file_user_path(file, BPF_CORE_READ(file, f_mode));
	struct dentry *d = BPF_CORE_READ(path, dentry);

	if (d)
		file_mapped((__u64)d, (__u64)BPF_CORE_READ(path, mnt),
			    WHAT(WIRE_LOAD_MMAP, WIRE_BACKEND_TP_BTF, 0));
}

static long mapping_found(struct task_struct *task, struct vm_area_struct *vma,
			  void *arg)
{
	struct file *file = BPF_CORE_READ(vma, vm_file);

	if (file)
		tell_loader(file);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(loader_tp_btf, struct task_struct *t)
{
	unsigned long at = loader_address(BPF_CORE_READ(t, mm));
	struct task_struct *current = bpf_get_current_task_btf();
	__u64 unused = 0;

	if (at && !is_muted())
		bpf_find_vma(current, at, mapping_found, &unused, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(loader_held_tp_btf, struct task_struct *t)
{
	__u64 task = bpf_get_current_task();
	__u64 *held = bpf_map_lookup_elem(&loaders, &task);
	struct file *file;

	if (!held)
		return 0;
	file = (struct file *)*held;
	bpf_map_delete_elem(&loaders, &task);
	if (!is_muted())
		tell_loader(file);
	return 0;
}
