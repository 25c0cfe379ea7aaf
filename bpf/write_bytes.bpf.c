/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * How much was written, where the hook that tells of it comes before: behind
 * the functions that return it. aio, io_uring, splice and sendfile do not pass
 * them, and their bytes are not counted.
 */
#include "emit.h"
#include "read_task.h"
#include "write.h"

/* Plain loads: every write of the machine comes by, to sockets as well. */
static __always_inline void count_bytes(struct file *file, long written)
{
	__u32 type = file->f_inode->i_mode & S_IFMT;

	if (written > 0 && (type == S_IFREG || type == S_IFBLK) && !is_muted())
		bytes_written(number_of(file->f_inode), written);
}

SEC("fexit/vfs_write")
int BPF_PROG(vfs_write_fexit, struct file *file, void *from, size_t size,
	     void *at, long written)
{
	count_bytes(file, written);
	return 0;
}

SEC("fexit/vfs_writev")
int BPF_PROG(vfs_writev_fexit, struct file *file, void *from, size_t count,
	     void *at, int flags, long written)
{
	count_bytes(file, written);
	return 0;
}

SEC("fexit/vfs_copy_file_range")
int BPF_PROG(vfs_copy_file_range_fexit, struct file *in, void *in_at,
	     struct file *out, void *out_at, size_t size, int flags,
	     long written)
{
	count_bytes(out, written);
	return 0;
}
