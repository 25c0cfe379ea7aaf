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

/* ---- what a call is given to load ------------------------------------------ */

/*
 * By thread, apart from the file of a change, which an mmap(2) may also be. Kept
 * by the hook that has the kernel's own file of a module; where there is none, at
 * the call's begin, as what the descriptor names then.
 */
#define HELD_OF_LOAD   (1ull << 63)
#define HELD_BY_KERNEL 1

static __always_inline __u64 load_key(void)
{
	return bpf_get_current_pid_tgid() | HELD_OF_LOAD;
}

static __always_inline void hold_code(__u32 index, struct file *file,
				      __u32 by_kernel)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct held held = {
		.file = (__u64)file,
		.dentry = (__u64)BPF_CORE_READ(file, f_path.dentry),
		.mnt = (__u64)BPF_CORE_READ(file, f_path.mnt),
		.inode = (__u64)inode,
		.ino = BPF_CORE_READ(inode, i_ino),
		.syscall = index,
		.asked = by_kernel,
	};
	__u64 key = load_key();

	bpf_map_update_elem(&held_files, &key, &held, BPF_ANY);
}

/* Whether it was kept of this call: into *ret, which is taken away then. */
static __always_inline bool code_was_held(__u32 index, struct held *ret)
{
	__u64 key = load_key();
	struct held *held = bpf_map_lookup_elem(&held_files, &key);

	if (!held)
		return false;
	*ret = *held;
	bpf_map_delete_elem(&held_files, &key);
	return ret->syscall == index;
}

static __always_inline bool is_held(const struct held *held, struct file *file)
{
	return held->file == (__u64)file &&
	       held->dentry == (__u64)BPF_CORE_READ(file, f_path.dentry);
}

/*
 * The call may have let go of the file since, and what was kept be something
 * else's: nothing is believed that does not still fit together.
 */
static __always_inline void believe(struct held *held)
{
	struct dentry *dentry = (struct dentry *)held->dentry;
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);

	if ((__u64)inode == held->inode &&
	    BPF_CORE_READ(inode, i_ino) == held->ino)
		return;
	held->dentry = 0;
	held->mnt = 0;
}

__noinline __u32 load_call_began(__u64 regs, __u32 index)
{
	struct call c = { (struct pt_regs *)regs, index };
	const volatile struct wire_syscall *rule = call_rule(c);

	if (rule->kind != WIRE_SYS_MODULE &&
	    ((call_arg(c, 4) & MAP_ANONYMOUS) || !may_execute(call_arg(c, 3))))
		return 0;
	hold_code(index, file_of_current_fd(call_arg(c, rule->fd)), 0);
	return 0;
}

__noinline __u32 module_call_ended(void)
{
	__u64 key = load_key();

	bpf_map_delete_elem(&held_files, &key);
	return 0;
}

/* ---- modules ------------------------------------------------------------- */

/*
 * The kernel reads what finit_module(2) was given, packed or not: from then on
 * no descriptor counts. Modules from memory have no file and do not come by.
 */
static __always_inline void module_read(__u64 file)
{
	struct pt_regs *regs = (struct pt_regs *)current_regs();
	struct call c;

	if (call_wanted(regs, raw_number(regs), &c) &&
	    call_rule(c)->kind == WIRE_SYS_MODULE && !is_muted())
		hold_code(c.index, (struct file *)file, HELD_BY_KERNEL);
}

SEC("lsm/kernel_read_file")
int BPF_PROG(module_file_lsm, struct file *file, int id, bool contents, int ret)
{
	module_read(ctx[0]);
	return ret;
}

SEC("fentry/security_kernel_read_file")
int BPF_PROG(module_file_fentry, struct file *file)
{
	module_read(ctx[0]);
	return 0;
}

SEC("kprobe/security_kernel_read_file")
int BPF_KPROBE(module_file_kprobe, struct file *file)
{
	module_read((__u64)file);
	return 0;
}

static __always_inline void module_told(__u64 dentry, __u64 mnt, __u32 backend,
					bool claimed, struct module *mod)
{
	code_loaded(dentry, mnt,
		    WHAT(WIRE_LOAD_MODULE, backend,
			 claimed ? WIRE_LOAD_FD_CLAIMED : 0),
		    (__u64)mod + bpf_core_field_offset(mod->name), 0);
}

/*
 * The kernel's own file is told, and marked only if the descriptor does not
 * name it any more: it may be gone then. Else which of two the kernel took is
 * not known, and both are told.
 */
static __noinline int module_of_file(struct module *mod, __u32 backend,
				     __u64 index, struct file *now)
{
	__u64 dentry = (__u64)BPF_CORE_READ(now, f_path.dentry);
	__u64 mnt = (__u64)BPF_CORE_READ(now, f_path.mnt);
	bool claimed = was_table_shared(), is_kernels;
	struct held held;

	if (!code_was_held(index, &held)) {
		module_told(dentry, mnt, backend, claimed, mod);
		return 0;
	}
	is_kernels = held.asked == HELD_BY_KERNEL;
	if (is_held(&held, now)) {
		module_told(dentry, mnt, backend, claimed && !is_kernels, mod);
		return 0;
	}
	believe(&held);
	if (is_kernels || held.dentry || !now)
		module_told(held.dentry, held.mnt, backend, true, mod);
	if (!is_kernels && now)
		module_told(dentry, mnt, backend, true, mod);
	return 0;
}

/*
 * A module is told by the kernel; its file is what the call was given, and there
 * is none where it came from memory.
 */
static __always_inline void module_loaded(enum wire_backend backend,
					  struct module *mod)
{
	struct pt_regs *regs = (struct pt_regs *)current_regs();
	struct call c;

	if (call_wanted(regs, raw_number(regs), &c) &&
	    call_rule(c)->kind == WIRE_SYS_MODULE)
		module_of_file(
			mod, backend, c.index,
			file_of_current_fd(call_arg(c, call_rule(c)->fd)));
	else
		module_told(0, 0, backend, false, mod);
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

/*
 * What a mapping's descriptor named at the begin, where that is another file than
 * now: into *ret, empty where there is none. A function, so that what it has on
 * the stack is gone where code is told.
 */
static __noinline __u32 mapped_before(__u64 index, struct file *now,
				      struct path *ret)
{
	struct held held;

	ret->dentry = NULL;
	if (!code_was_held(index, &held) || is_held(&held, now))
		return 0;
	believe(&held);
	ret->dentry = (struct dentry *)held.dentry;
	ret->mnt = (struct vfsmount *)held.mnt;
	return WIRE_LOAD_FD_CLAIMED;
}

__noinline __u32 load_call_ended(__u64 regs, __u32 index, __u32 backend,
				 __u64 ret)
{
	struct call c = { (struct pt_regs *)regs, index };
	const volatile struct wire_syscall *rule = call_rule(c);
	struct path before;
	struct file *now;
	__u32 flags;

	if (rule->also & WIRE_ALSO(LOAD_BPF)) {
		if ((long)ret >= 0 && (__u32)call_arg(c, 1) == BPF_PROG_LOAD)
			prog_load_ended(backend, ret);
		return 0;
	}
	if ((call_arg(c, 4) & MAP_ANONYMOUS) || !may_execute(call_arg(c, 3)))
		return 0;
	now = file_of_current_fd(call_arg(c, rule->fd));
	flags = mapped_before(index, now, &before);
	/* A call that failed leaves nothing behind, either. */
	if ((long)ret < 0)
		return 0;
	if (was_table_shared())
		flags = WIRE_LOAD_FD_CLAIMED;
	/* Which of the two was mapped is not known: both are told. */
	if (before.dentry)
		file_mapped((__u64)before.dentry, (__u64)before.mnt,
			    WHAT(WIRE_LOAD_MMAP, backend, flags));
	if (now)
		tell_mapped(now, WHAT(WIRE_LOAD_MMAP, backend, flags));
	return 0;
}
