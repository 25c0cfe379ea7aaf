/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Code that is loaded beside the program itself: a file mapped executable or
 * made so later, a kernel module, a BPF program. Every mmap of the machine
 * comes by here, so what is not executable leaves first.
 */
#include "load.h"
#include "emit.h"
#include "read_file.h"
#include "read_syscall.h"
#include "read_task.h"
#include "shared_table.h"

/*
 * While a program is put in place, the kernel maps it and then its loader, and
 * nobody was told of the exec yet: loader.bpf.c tells of it afterwards. The
 * mapping keeps the file until then.
 */
static __always_inline void hold_loader(struct file *file)
{
	__u64 task = bpf_get_current_task(), held = number_of(file);

	if (can_find_vma())
		return;
	if (BPF_CORE_READ(file, f_path.dentry, d_inode) == exe_inode())
		bpf_map_delete_elem(&loaders, &task);
	else
		bpf_map_update_elem(&loaders, &task, &held, BPF_ANY);
}

static __always_inline void tell_mapped(struct file *file, __u64 what)
{
	if (is_muted())
		return;
	if (in_execve(current_task())) {
		hold_loader(file);
		return;
	}
	file_mapped((__u64)BPF_CORE_READ(file, f_path.dentry),
		    (__u64)BPF_CORE_READ(file, f_path.mnt), what);
}

/*
 * With this personality, which programs without PT_GNU_STACK have from their
 * exec on, what may be read may be executed. (Not so from a file system that is
 * mounted noexec: then it is told though it cannot be.)
 */
static __always_inline bool may_execute(unsigned long prot)
{
	if (prot & PROT_EXEC)
		return true;
	return (prot & PROT_READ) &&
	       (BPF_CORE_READ(current_task(), personality) & READ_IMPLIES_EXEC);
}

/* file: NULL for memory that is no file's. */
static __always_inline void mmap_asked(enum wire_backend backend, __u64 file,
				       unsigned long prot)
{
	if (file && may_execute(prot))
		tell_mapped((struct file *)file,
			    WHAT(WIRE_LOAD_MMAP, backend, 0));
}

static __always_inline void mprotect_asked(enum wire_backend backend,
					   struct vm_area_struct *vma,
					   unsigned long prot)
{
	struct file *file;

	if (!may_execute(prot) || (BPF_CORE_READ(vma, vm_flags) & VM_EXEC))
		return;
	file = BPF_CORE_READ(vma, vm_file);
	if (file)
		tell_mapped(file,
			    WHAT(WIRE_LOAD_MMAP, backend, WIRE_LOAD_MPROTECT));
}

SEC("lsm/mmap_file")
int BPF_PROG(load_mmap_lsm, struct file *file, unsigned long reqprot,
	     unsigned long prot, unsigned long flags, int ret)
{
	mmap_asked(WIRE_BACKEND_LSM, ctx[0], prot);
	return ret;
}

SEC("fentry/security_mmap_file")
int BPF_PROG(load_mmap_fentry, struct file *file, unsigned long prot,
	     unsigned long flags)
{
	mmap_asked(WIRE_BACKEND_FENTRY, ctx[0], prot);
	return 0;
}

SEC("kprobe/security_mmap_file")
int BPF_KPROBE(load_mmap_kprobe, struct file *file, unsigned long prot,
	       unsigned long flags)
{
	mmap_asked(WIRE_BACKEND_KPROBE, (__u64)file, prot);
	return 0;
}

SEC("lsm/file_mprotect")
int BPF_PROG(load_mprotect_lsm, struct vm_area_struct *vma,
	     unsigned long reqprot, unsigned long prot, int ret)
{
	mprotect_asked(WIRE_BACKEND_LSM, vma, prot);
	return ret;
}

SEC("fentry/security_file_mprotect")
int BPF_PROG(load_mprotect_fentry, struct vm_area_struct *vma,
	     unsigned long reqprot, unsigned long prot)
{
	mprotect_asked(WIRE_BACKEND_FENTRY, vma, prot);
	return 0;
}

SEC("kprobe/security_file_mprotect")
int BPF_KPROBE(load_mprotect_kprobe, struct vm_area_struct *vma,
	       unsigned long reqprot, unsigned long prot)
{
	mprotect_asked(WIRE_BACKEND_KPROBE, vma, prot);
	return 0;
}

/* ---- modules ------------------------------------------------------------- */

/*
 * A module is told by the kernel; its file is what the call's descriptor
 * names, and there is none where it came from memory.
 */
static __always_inline void module_loaded(enum wire_backend backend,
					  struct module *mod)
{
	struct pt_regs *regs = (struct pt_regs *)current_regs();
	struct file *file = NULL;
	__u32 flags = 0;
	struct call c;

	if (call_wanted(regs, raw_number(regs), &c) &&
	    call_rule(c)->kind == WIRE_SYS_MODULE) {
		file = file_of_current_fd(call_arg(c, call_rule(c)->fd));
		flags = was_table_shared() ? WIRE_LOAD_FD_CLAIMED : 0;
	}
	code_loaded((__u64)BPF_CORE_READ(file, f_path.dentry),
		    (__u64)BPF_CORE_READ(file, f_path.mnt),
		    WHAT(WIRE_LOAD_MODULE, backend, flags),
		    (__u64)mod + bpf_core_field_offset(mod->name), 0);
}

SEC("tp_btf/module_load")
int BPF_PROG(load_module_tp_btf, struct module *mod)
{
	module_loaded(WIRE_BACKEND_TP_BTF, (void *)number_of(mod));
	return 0;
}

SEC("raw_tp/module_load")
int BPF_PROG(load_module_raw_tp, struct module *mod)
{
	module_loaded(WIRE_BACKEND_RAW_TP, mod);
	return 0;
}

/* ---- BPF programs -------------------------------------------------------- */

static __always_inline void prog_loaded(struct bpf_prog *prog, __u64 what)
{
	struct bpf_prog_aux *aux = BPF_CORE_READ(prog, aux);

	code_loaded(0, 0, what, (__u64)aux + bpf_core_field_offset(aux->name),
		    BPF_CORE_READ(prog, type) | (__u64)BPF_CORE_READ(aux, id)
							<< 32);
}

/*
 * Asked whenever somebody is about to get a descriptor of a program: of one
 * that nobody else holds, because it was just loaded, or of another.
 */
static __always_inline void prog_asked(enum wire_backend backend,
				       struct bpf_prog *prog)
{
	if (is_muted() || BPF_CORE_READ(prog, aux, refcnt.counter) != 1)
		return;
	prog_loaded(prog, WHAT(WIRE_LOAD_BPF, backend, 0));
}

SEC("lsm/bpf_prog")
int BPF_PROG(load_bpf_lsm, struct bpf_prog *prog, int ret)
{
	prog_asked(WIRE_BACKEND_LSM, (void *)ctx[0]);
	return ret;
}

SEC("fentry/security_bpf_prog")
int BPF_PROG(load_bpf_fentry, struct bpf_prog *prog)
{
	prog_asked(WIRE_BACKEND_FENTRY, (void *)ctx[0]);
	return 0;
}

SEC("kprobe/security_bpf_prog")
int BPF_KPROBE(load_bpf_kprobe, struct bpf_prog *prog)
{
	prog_asked(WIRE_BACKEND_KPROBE, prog);
	return 0;
}

/* ---- by system calls ----------------------------------------------------- */

/*
 * Another thread may have taken the descriptor away, or put another file in its
 * place, before the call ends: that a program was loaded is told all the same.
 */
static __always_inline void prog_load_ended(__u32 backend, long fd)
{
	struct file *file = file_of_current_fd(fd);

	if (!is_bpf_file(file, FILE_BPF_PROG)) {
		code_loaded(0, 0,
			    WHAT(WIRE_LOAD_BPF, backend, WIRE_LOAD_FD_CLAIMED),
			    0, 0);
		return;
	}
	prog_loaded(BPF_CORE_READ(file, private_data),
		    WHAT(WIRE_LOAD_BPF, backend,
			 was_table_shared() ? WIRE_LOAD_FD_CLAIMED : 0));
}

__noinline __u32 load_call_ended(__u64 regs, __u32 index, __u32 backend,
				 __u64 ret)
{
	struct call c = { (struct pt_regs *)regs, index };
	const volatile struct wire_syscall *rule = call_rule(c);
	struct file *file;

	if (rule->also & WIRE_ALSO(LOAD_BPF)) {
		if ((__u32)call_arg(c, 1) == BPF_PROG_LOAD)
			prog_load_ended(backend, ret);
		return 0;
	}
	if ((call_arg(c, 4) & MAP_ANONYMOUS) || !may_execute(call_arg(c, 3)))
		return 0;
	file = file_of_current_fd(call_arg(c, rule->fd));
	if (file)
		tell_mapped(file, WHAT(WIRE_LOAD_MMAP, backend,
				       was_table_shared() ? WIRE_LOAD_FD_CLAIMED
							  : 0));
	return 0;
}
