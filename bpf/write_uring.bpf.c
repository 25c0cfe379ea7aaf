/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Changes asked for through io_uring, where only tracepoints can be attached.
 *
 * A request is told when it is submitted: its completion can be hidden from
 * tracepoints (IOSQE_CQE_SKIP_SUCCESS, a completion ring that is full). Then
 * names have been copied into the kernel, but not looked up; descriptors are
 * looked up later, when the request is issued. So all that is told is claimed,
 * and whether it was done is not known. A completion that can be seen has the
 * file that was really written and how many bytes; another file than the one
 * of the submission is told then.
 */
#include "types_uring.h"
#include "write.h"
#include "write_places.h"

/* linux/io_uring.h, as of 6.15. */
#define OP_WRITEV	2
#define OP_WRITE_FIXED	5
#define OP_FALLOCATE	17
#define OP_OPENAT	18
#define OP_WRITE	23
#define OP_OPENAT2	28
#define OP_SPLICE	30
#define OP_RENAMEAT	35
#define OP_UNLINKAT	36
#define OP_MKDIRAT	37
#define OP_SYMLINKAT	38
#define OP_LINKAT	39
#define OP_FSETXATTR	41
#define OP_SETXATTR	42
#define OP_FTRUNCATE	55
#define OP_WRITEV_FIXED 61

#define REQ_FIXED_FILE 0x1 /* the descriptor is one of the ring's own */

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

/* The ring's own files: an array until 6.12, pointers to nodes since. */
struct io_rsrc_node___ptr {
	unsigned long file_ptr;
};

struct io_rsrc_data___nodes {
	unsigned int nr;
	struct io_rsrc_node___ptr **nodes;
};

struct io_file_table___nodes {
	struct io_rsrc_data___nodes data;
};

struct io_fixed_file {
	unsigned long file_ptr;
};

struct io_file_table___array {
	struct io_fixed_file *files;
};

struct io_ring_ctx___nodes {
	struct io_file_table___nodes file_table;
};

struct io_ring_ctx___array {
	unsigned int nr_user_files;
	struct io_file_table___array file_table;
};

#pragma clang attribute pop

/* The low bits of a file's pointer are flags. */
#define FILE_MASK (~7ull)

static __always_inline struct file *ring_file(struct io_kiocb *req, __u32 slot)
{
	struct io_ring_ctx___nodes *new = (void *)BPF_CORE_READ(req, ctx);
	struct io_ring_ctx___array *old = (void *)new;
	struct io_rsrc_node___ptr **nodes, *node = NULL;
	struct io_fixed_file *file;

	if (bpf_core_field_exists(new->file_table.data)) {
		if (slot >= BPF_CORE_READ(new, file_table.data.nr))
			return NULL;
		nodes = BPF_CORE_READ(new, file_table.data.nodes);
		bpf_probe_read_kernel(&node, sizeof(node), nodes + slot);
		return (void *)(BPF_CORE_READ(node, file_ptr) & FILE_MASK);
	}
	if (slot >= BPF_CORE_READ(old, nr_user_files))
		return NULL;
	file = BPF_CORE_READ(old, file_table.files);
	file = (void *)file +
	       (__u64)slot * bpf_core_type_size(struct io_fixed_file);
	return (void *)(BPF_CORE_READ(file, file_ptr) & FILE_MASK);
}

/* What a request with this code changes; WIRE_OP_NONE: no file by itself. */
static __always_inline __u32 op_of(__u8 opcode)
{
	switch (opcode) {
	case OP_WRITE:
	case OP_WRITEV:
	case OP_WRITE_FIXED:
	case OP_WRITEV_FIXED:
	case OP_SPLICE:
	case OP_FALLOCATE:
		return WIRE_OP_WRITE;
	case OP_FTRUNCATE:
		return WIRE_OP_TRUNCATE;
	case OP_FSETXATTR:
	case OP_SETXATTR:
		return WIRE_OP_XATTR;
	case OP_OPENAT:
	case OP_OPENAT2:
		return WIRE_OP_OPEN;
	case OP_RENAMEAT:
		return WIRE_OP_RENAME;
	case OP_UNLINKAT:
		return WIRE_OP_UNLINK;
	case OP_MKDIRAT:
		return WIRE_OP_MKDIR;
	case OP_SYMLINKAT:
		return WIRE_OP_SYMLINK;
	case OP_LINKAT:
		return WIRE_OP_LINK;
	}
	return WIRE_OP_NONE;
}

static __always_inline bool has_names(__u8 opcode)
{
	return opcode == OP_OPENAT || opcode == OP_OPENAT2 ||
	       opcode == OP_SETXATTR ||
	       (opcode >= OP_RENAMEAT && opcode <= OP_LINKAT);
}

/* ---- names ----------------------------------------------------------------- */

static __always_inline void find_start(struct place *p, struct filename *f,
				       int dirfd)
{
	char first = 0;

	p->name = (__u64)BPF_CORE_READ(f, name);
	bpf_probe_read_kernel(&first, sizeof(first), (void *)p->name);
	p->name_len = measure_kernel_str(p->name);
	start_at(p, first, dirfd);
}

/* False: the file is only read. */
static __always_inline bool find_opening(struct io_open *open, struct place *a,
					 struct told_change *told)
{
	__u64 flags = BPF_CORE_READ(open, how.flags);

	if ((flags & O_PATH) || !(flags & (O_ACCMODE | O_TRUNC | O_CREAT)))
		return false;
	if (flags & O_TRUNC)
		told->flags |= WIRE_WRITE_TRUNC;
	if (flags & O_APPEND)
		told->flags |= WIRE_WRITE_APPEND;
	told->args = (__u32)flags;
	find_start(a, BPF_CORE_READ(open, filename), BPF_CORE_READ(open, dfd));
	return true;
}

static __always_inline void find_rename(struct io_rename *r, struct place *a,
					struct place *b,
					struct told_change *told)
{
	if (BPF_CORE_READ(r, flags) & RENAME_EXCHANGE)
		told->flags |= WIRE_WRITE_EXCHANGE;
	find_start(a, BPF_CORE_READ(r, oldpath), BPF_CORE_READ(r, old_dfd));
	find_start(b, BPF_CORE_READ(r, newpath), BPF_CORE_READ(r, new_dfd));
}

static __always_inline void find_unlink(struct io_unlink *u, struct place *a,
					struct told_change *told)
{
	if (BPF_CORE_READ(u, flags) & AT_REMOVEDIR)
		told->op = WIRE_OP_RMDIR;
	find_start(a, BPF_CORE_READ(u, filename), BPF_CORE_READ(u, dfd));
}

static __always_inline void find_symlink(struct io_link *l, struct place *a,
					 struct place *b)
{
	struct filename *target = BPF_CORE_READ(l, oldpath);

	find_start(a, BPF_CORE_READ(l, newpath), BPF_CORE_READ(l, new_dfd));
	b->name = (__u64)BPF_CORE_READ(target, name);
	b->name_len = measure_kernel_str(b->name);
}

/* A request's own part begins where the request does. */
static __always_inline bool find_names(__u64 req, __u8 opcode, struct place *a,
				       struct place *b,
				       struct told_change *told)
{
	struct io_link *link = (void *)req;
	struct io_mkdir *dir = (void *)req;
	struct io_xattr *xattr = (void *)req;

	switch (opcode) {
	case OP_OPENAT:
	case OP_OPENAT2:
		return find_opening((void *)req, a, told);
	case OP_RENAMEAT:
		find_rename((void *)req, a, b, told);
		return true;
	case OP_UNLINKAT:
		find_unlink((void *)req, a, told);
		return true;
	case OP_MKDIRAT:
		told->args = BPF_CORE_READ(dir, mode);
		find_start(a, BPF_CORE_READ(dir, filename),
			   BPF_CORE_READ(dir, dfd));
		return true;
	case OP_SYMLINKAT:
		find_symlink(link, a, b);
		return true;
	case OP_LINKAT:
		find_start(a, BPF_CORE_READ(link, oldpath),
			   BPF_CORE_READ(link, old_dfd));
		find_start(b, BPF_CORE_READ(link, newpath),
			   BPF_CORE_READ(link, new_dfd));
		return true;
	case OP_SETXATTR:
		find_start(a, BPF_CORE_READ(xattr, filename), AT_FDCWD);
		return true;
	}
	return false;
}

__noinline __u32 names_submitted(__u64 req, __u32 opcode)
{
	struct told_change told = {
		.op = op_of(opcode),
		.backend = WIRE_BACKEND_TP_BTF,
		.flags = WIRE_WRITE_SUBMITTED,
		.syscall = WIRE_NO_SYSCALL,
	};
	struct place a = {}, b = {};

	if (!find_names(req, opcode, &a, &b, &told))
		return 0;
	count_made(WIRE_FAM_WRITE);
	if (!admitted(ADMIT_HALF)) {
		count_lost(WIRE_FAM_WRITE);
		return 0;
	}
	forget_known(a);
	forget_known(b);
	forget_known(told);
	report_places(&a, &b, &told, false);
	return 0;
}

/* ---- files ----------------------------------------------------------------- */

static __always_inline __u64 change_of(__u8 opcode, __u32 flags)
{
	__u32 op = op_of(opcode);

	return WRITE_CHANGE(op, WIRE_BACKEND_TP_BTF, flags, WIRE_NO_SYSCALL,
			    op == WIRE_OP_XATTR ? (__u64)WIRE_SYS_EVENT : 0);
}

static __always_inline bool is_changeable(struct file *file)
{
	__u32 type = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;

	return type == S_IFREG || type == S_IFBLK;
}

__noinline __u32 file_submitted(__u64 at, __u32 opcode)
{
	struct io_kiocb *req = (struct io_kiocb *)at;
	__u32 fd = BPF_CORE_READ(req, cqe.fd);
	struct file *file;

	if (BPF_CORE_READ(req, flags) & REQ_FIXED_FILE)
		file = ring_file(req, fd);
	else
		file = file_of_fd(current_task(), fd);
	/* None: opened by a request before this one; its completion tells. */
	if (!is_changeable(file))
		return 0;
	if (opcode != OP_FSETXATTR &&
	    !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return 0;
	file_changed(
		(__u64)BPF_CORE_READ(file, f_path.dentry),
		(__u64)BPF_CORE_READ(file, f_path.mnt),
		change_of(opcode, WIRE_WRITE_FD_CLAIMED | WIRE_WRITE_SUBMITTED),
		0, 0);
	return 0;
}

__noinline __u32 request_completed(__u64 at)
{
	struct io_kiocb *req = (struct io_kiocb *)at;
	__u8 opcode = BPF_CORE_READ(req, opcode);
	__s32 res = BPF_CORE_READ(req, cqe.res);
	__u32 op = op_of(opcode);
	struct file *file;

	if (!op || has_names(opcode) || res < 0 || is_muted() ||
	    !(call_ops & 1u << op))
		return 0;
	if (op != WIRE_OP_WRITE || opcode == OP_FALLOCATE)
		res = 0;
	else if (!res)
		return 0;
	file = BPF_CORE_READ(req, file);
	if (is_changeable(file))
		file_completed((__u64)BPF_CORE_READ(file, f_path.dentry),
			       (__u64)BPF_CORE_READ(file, f_path.mnt),
			       change_of(opcode, 0), res);
	return 0;
}

/* ---- hooks ----------------------------------------------------------------- */

static __always_inline int submitted(__u64 req, __u8 opcode)
{
	__u32 op = op_of(opcode);

	if (!op || !(call_ops & 1u << op) || is_muted())
		return 0;
	if (has_names(opcode))
		names_submitted(req, opcode);
	else
		file_submitted(req, opcode);
	return 0;
}

/* Since 6.4 (a6e8a5ac3a6e), under this name. */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(uring_submit_tp_btf, struct io_kiocb *req)
{
	return submitted(number_of(req), req->opcode);
}

/*
 * Before, and with the request since 5.19: the plain load makes the kernels
 * that have something else there refuse it.
 */
SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(uring_submit_old_tp_btf, struct io_kiocb *req)
{
	return submitted(number_of(req), req->opcode);
}

/* req: NULL for completions that no request stands behind. */
SEC("tp_btf/io_uring_complete")
int BPF_PROG(uring_complete_tp_btf, void *ring, void *req)
{
	__u64 at = number_of(req);

	if (at)
		request_completed(at);
	return 0;
}
