/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * io_submit(2): a list of requests in the caller's memory. They are read after
 * the kernel has, and a second thread may have changed them in between: the
 * files are claimed. How the requests end is not seen.
 */
#include "emit.h"
#include "read_file.h"
#include "read_syscall.h"
#include "write.h"

/* linux/aio_abi.h */
#define CMD_PWRITE  1
#define CMD_PWRITEV 8

/* Requests of one call that are looked at; what is beyond counts as lost. */
#define REQUESTS_MAX 64

/* Of a struct iocb what is looked at, and where it begins. */
struct iocb_what {
	__u16 opcode;
	__s16 priority;
	__u32 fd;
};
#define IOCB_WHAT 16

static __always_inline void tell_request(__u64 at, __u32 backend, __u32 nr)
{
	struct iocb_what cb = {};
	struct file *file;
	__u32 type;

	bpf_probe_read_user(&cb, sizeof(cb), (void *)at + IOCB_WHAT);
	if (cb.opcode != CMD_PWRITE && cb.opcode != CMD_PWRITEV)
		return;
	file = file_of_current_fd(cb.fd);
	type = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	if ((type != S_IFREG && type != S_IFBLK) ||
	    !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return;
	file_changed((__u64)BPF_CORE_READ(file, f_path.dentry),
		     (__u64)BPF_CORE_READ(file, f_path.mnt),
		     WRITE_CHANGE(WIRE_OP_WRITE, backend,
				  WIRE_WRITE_FD_CLAIMED | WIRE_WRITE_SUBMITTED,
				  nr, 0),
		     0, 0);
}

static __always_inline void count_unseen(__u64 requests)
{
	struct wire_counters *c = counters_of(WIRE_FAM_WRITE);

	if (!c)
		return;
	__sync_fetch_and_add(&c->made, requests);
	__sync_fetch_and_add(&c->lost, requests);
}

__noinline __u32 aio_submitted(__u64 regs, __u32 index, __u32 backend,
			       __u64 taken)
{
	struct call c = { (struct pt_regs *)regs, index };
	__u64 list = call_arg(c, 3), at;
	__u32 i, width = is_compat(c) ? 4 : 8;

	for (i = 0; i < REQUESTS_MAX; i++) {
		if (i >= taken)
			return 0;
		at = 0;
		bpf_probe_read_user(&at, width, (void *)list + i * width);
		tell_request(at, backend, index & (WIRE_SYSCALL_MAX - 1));
	}
	if (taken > REQUESTS_MAX)
		count_unseen(taken - REQUESTS_MAX);
	return 0;
}
