/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The file of a script, or of whatever else the kernel gives to an
 * interpreter. When the exec is told the kernel may have let go of it, so it
 * is told before, on the way in, and the exec says which of these records is
 * its own. A native program leaves after one look at its first bytes.
 */
#include <bpf/bpf_endian.h>

#include "read_file.h"
#include "read_path.h"
#include "read_task.h"

#define CLASS_SMALL 1024
#define CLASS_LARGE 9216

#if defined(__TARGET_ARCH_x86)
#define MACHINE	       62 /* EM_X86_64 */
#define MACHINE_COMPAT 3  /* EM_386 */
#elif defined(__TARGET_ARCH_arm64)
#define MACHINE	       183 /* EM_AARCH64 */
#define MACHINE_COMPAT 40  /* EM_ARM */
#endif

/* What is read of a file: an ELF header, up to its e_machine. */
struct image_head {
	__u32 magic;
	__u8 ident[12];
	__u16 type;
	__u16 machine;
};

static __always_inline bool is_native(struct linux_binprm *bprm)
{
	struct image_head head = {};

	bpf_core_read(&head, sizeof(head), &bprm->buf);
	return head.magic == bpf_htonl(0x7f454c46) &&
	       (head.machine == MACHINE || head.machine == MACHINE_COMPAT);
}

/* Returns the record's time, by which the exec names it; 0: no room. */
static __always_inline __u64 report_script(enum wire_backend backend,
					   struct file *file)
{
	struct walk_job job = {
		.dentry = BPF_CORE_READ(file, f_path.dentry),
		.mnt = BPF_CORE_READ(file, f_path.mnt),
	};
	struct wire_script *r;
	struct record rec;
	struct room room;
	__u64 time_ns;

	count_made(WIRE_FAM_EXEC);
	job.size = path_size_of(job.dentry, job.mnt);
	r = room_of_two(&room, CLASS_SMALL, CLASS_LARGE, sizeof(*r),
			job.size.path + job.size.prefix + 1, job.size.steps);
	if (!r) {
		count_lost(WIRE_FAM_EXEC);
		return 0;
	}
	rec = record_of(r, room.class, sizeof(*r));
	hdr_begin(&r->hdr, WIRE_SCRIPT, backend);
	hdr_current(&r->hdr);
	time_ns = r->hdr.time_ns;
	put_file(&r->file, BPF_CORE_READ(file, f_inode), r + 1);
	mark_memfd(&r->file, job.dentry, job.mnt);
	put_path(rec, &job, room.steps, &r->path);
	r->reserved = 0;
	r->hdr.size = rec.f->pos;
	submit(r, room.class);
	return time_ns;
}

/*
 * Asked once for each file on the way to the one that runs. Only the first is
 * what the caller named: from then on interp differs from filename.
 */
static __always_inline void exec_checked(enum wire_backend backend,
					 struct linux_binprm *bprm)
{
	__u64 task = bpf_get_current_task(), time_ns = 0;

	if (BPF_CORE_READ(bprm, interp) != BPF_CORE_READ(bprm, filename))
		return;
	if (!is_native(bprm))
		time_ns = report_script(backend, BPF_CORE_READ(bprm, file));
	/* What an exec that failed has left is not this one's. */
	if (time_ns)
		bpf_map_update_elem(&scripts, &task, &time_ns, BPF_ANY);
	else
		bpf_map_delete_elem(&scripts, &task);
}

SEC("lsm/bprm_check_security")
int BPF_PROG(script_lsm, struct linux_binprm *bprm, int ret)
{
	exec_checked(WIRE_BACKEND_LSM, bprm);
	return ret;
}

SEC("fentry/security_bprm_check")
int BPF_PROG(script_fentry, struct linux_binprm *bprm)
{
	exec_checked(WIRE_BACKEND_FENTRY, bprm);
	return 0;
}

SEC("kprobe/security_bprm_check")
int BPF_KPROBE(script_kprobe, struct linux_binprm *bprm)
{
	exec_checked(WIRE_BACKEND_KPROBE, bprm);
	return 0;
}
