/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Files opened, written and mapped, by the hooks that every way to do so comes
 * by: each system call that opens, io_uring, aio, splice, clones; loop devices
 * and nfsd as well, as the kernel threads that they are.
 *
 * They come before the deed. It may still fail for want of space, by an I/O
 * error, or because the caller's memory is not there; an open may be refused
 * by a driver. How many bytes it was to be is not known here.
 *
 * file_permission is asked for every read and write of the machine. What is no
 * write to a file is out after a few loads; these are plain ones where the
 * kernel tells the type of the pointer.
 */
#include "emit.h"
#include "pending.h"
#include "read_path.h"
#include "read_task.h"
#include "write.h"

static __always_inline bool is_file(__u32 i_mode)
{
	return (i_mode & S_IFMT) == S_IFREG || (i_mode & S_IFMT) == S_IFBLK;
}

/*
 * Whether a file with this f_mode is one that a stacked file system opened
 * below that of the user: it is told by the user's.
 */
static __always_inline bool is_lower(__u32 f_mode)
{
	return f_mode & FMODE_NOACCOUNT;
}

static __always_inline void tell(struct path *path, __u64 change, __u64 args)
{
	file_changed((__u64)BPF_CORE_READ(path, dentry),
		     (__u64)BPF_CORE_READ(path, mnt), change, 0, args);
}

static __always_inline struct path *own_path(struct file *file)
{
	return (void *)file + bpf_core_field_offset(file->f_path);
}

/* ---- open ------------------------------------------------------------------ */

/*
 * A file that this open made passed path_mknod; what was kept there is none
 * of a later call's.
 */
__noinline __u32 file_opened(__u64 at, __u32 mode, __u32 asked, __u32 backend)
{
	struct file *file = (struct file *)at;
	__u32 flags = 0;

	if (is_muted())
		return 0;
	if (mode & FMODE_CREATED) {
		flags |= WIRE_WRITE_CREATED;
		pending_forget();
	}
	if (asked & O_TRUNC)
		flags |= WIRE_WRITE_TRUNC;
	if (asked & O_APPEND)
		flags |= WIRE_WRITE_APPEND;
	if (is_file(BPF_CORE_READ(file, f_inode, i_mode)))
		tell(own_path(file),
		     WRITE_CHANGE(WIRE_OP_OPEN, backend, flags, WIRE_NO_SYSCALL,
				  0),
		     asked);
	return 0;
}

/* Reading only, and nothing lost or made by it: nobody's business. */
static __always_inline bool open_matters(__u32 mode, __u32 asked)
{
	return !is_lower(mode) &&
	       ((mode & (FMODE_WRITE | FMODE_CREATED)) || (asked & O_TRUNC));
}

SEC("lsm/file_open")
int BPF_PROG(file_open_lsm, struct file *file, int ret)
{
	__u32 mode = file->f_mode, asked = file->f_flags;

	if (open_matters(mode, asked))
		file_opened(number_of(file), mode, asked, WIRE_BACKEND_LSM);
	return ret;
}

SEC("fentry/security_file_open")
int BPF_PROG(file_open_fentry, struct file *file)
{
	__u32 mode = file->f_mode, asked = file->f_flags;

	if (open_matters(mode, asked))
		file_opened(number_of(file), mode, asked, WIRE_BACKEND_FENTRY);
	return 0;
}

SEC("kprobe/security_file_open")
int BPF_KPROBE(file_open_kprobe, struct file *file)
{
	__u32 mode = BPF_CORE_READ(file, f_mode);
	__u32 asked = BPF_CORE_READ(file, f_flags);

	if (open_matters(mode, asked))
		file_opened((__u64)file, mode, asked, WIRE_BACKEND_KPROBE);
	return 0;
}

/* ---- write ----------------------------------------------------------------- */

__noinline __u32 file_used(__u64 at, __u32 op, __u32 backend)
{
	struct file *file = (struct file *)at;
	__u32 mode = BPF_CORE_READ(file, f_mode);
	__u64 change =
		WRITE_CHANGE(WIRE_OP_WRITE, backend, 0, WIRE_NO_SYSCALL, 0);

	if (is_muted())
		return 0;
	if (op == WIRE_OP_WRITE && is_content_news(at, change, 0))
		tell(own_path(file), change, 0);
	else if (op == WIRE_OP_MMAP)
		tell(file_user_path(file, mode),
		     WRITE_CHANGE(WIRE_OP_MMAP, backend, 0, WIRE_NO_SYSCALL, 0),
		     0);
	return 0;
}

SEC("lsm/file_permission")
int BPF_PROG(file_permission_lsm, struct file *file, int mask, int ret)
{
	if ((mask & MAY_WRITE) && is_file(file->f_inode->i_mode) &&
	    !is_lower(file->f_mode))
		file_used(number_of(file), WIRE_OP_WRITE, WIRE_BACKEND_LSM);
	return ret;
}

SEC("fentry/security_file_permission")
int BPF_PROG(file_permission_fentry, struct file *file, int mask)
{
	if ((mask & MAY_WRITE) && is_file(file->f_inode->i_mode) &&
	    !is_lower(file->f_mode))
		file_used(number_of(file), WIRE_OP_WRITE, WIRE_BACKEND_FENTRY);
	return 0;
}

SEC("kprobe/security_file_permission")
int BPF_KPROBE(file_permission_kprobe, struct file *file, int mask)
{
	if ((mask & MAY_WRITE) &&
	    is_file(BPF_CORE_READ(file, f_inode, i_mode)) &&
	    !is_lower(BPF_CORE_READ(file, f_mode)))
		file_used((__u64)file, WIRE_OP_WRITE, WIRE_BACKEND_KPROBE);
	return 0;
}

/* ---- memory ---------------------------------------------------------------- */

/*
 * A shared mapping that can be written to, of a file that was opened so: else
 * the kernel refuses it after this hook.
 */
static __always_inline void mapping_begins(enum wire_backend backend,
					   struct file *file,
					   unsigned long prot,
					   unsigned long flags)
{
	__u32 type = flags & MAP_TYPE;

	if (!(prot & PROT_WRITE) ||
	    (type != MAP_SHARED && type != MAP_SHARED_VALIDATE) || !file)
		return;
	if ((BPF_CORE_READ(file, f_mode) & FMODE_WRITE) &&
	    is_file(BPF_CORE_READ(file, f_inode, i_mode)))
		file_used(number_of(file), WIRE_OP_MMAP, backend);
}

SEC("lsm/mmap_file")
int BPF_PROG(mmap_file_lsm, struct file *file, unsigned long reqprot,
	     unsigned long prot, unsigned long flags, int ret)
{
	mapping_begins(WIRE_BACKEND_LSM, file, prot, flags);
	return ret;
}

SEC("fentry/security_mmap_file")
int BPF_PROG(mmap_file_fentry, struct file *file, unsigned long prot,
	     unsigned long flags)
{
	mapping_begins(WIRE_BACKEND_FENTRY, file, prot, flags);
	return 0;
}

SEC("kprobe/security_mmap_file")
int BPF_KPROBE(mmap_file_kprobe, struct file *file, unsigned long prot,
	       unsigned long flags)
{
	mapping_begins(WIRE_BACKEND_KPROBE, file, prot, flags);
	return 0;
}

/* A mapping that was made for reading becomes one for writing. */
static __always_inline void protection_changes(enum wire_backend backend,
					       struct vm_area_struct *vma,
					       unsigned long prot)
{
	unsigned long flags = BPF_CORE_READ(vma, vm_flags);
	struct file *file = BPF_CORE_READ(vma, vm_file);

	if (!(prot & PROT_WRITE) || !(flags & VM_SHARED) ||
	    (flags & VM_WRITE) || !file)
		return;
	if (is_file(BPF_CORE_READ(file, f_inode, i_mode)))
		file_used((__u64)file, WIRE_OP_MMAP, backend);
}

SEC("lsm/file_mprotect")
int BPF_PROG(file_mprotect_lsm, struct vm_area_struct *vma,
	     unsigned long reqprot, unsigned long prot, int ret)
{
	protection_changes(WIRE_BACKEND_LSM, vma, prot);
	return ret;
}

SEC("fentry/security_file_mprotect")
int BPF_PROG(file_mprotect_fentry, struct vm_area_struct *vma,
	     unsigned long reqprot, unsigned long prot)
{
	protection_changes(WIRE_BACKEND_FENTRY, vma, prot);
	return 0;
}

SEC("kprobe/security_file_mprotect")
int BPF_KPROBE(file_mprotect_kprobe, struct vm_area_struct *vma,
	       unsigned long reqprot, unsigned long prot)
{
	protection_changes(WIRE_BACKEND_KPROBE, vma, prot);
	return 0;
}
