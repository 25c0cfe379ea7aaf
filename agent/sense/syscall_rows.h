/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row per system call that we look at. Included once for each numbering,
 * after the header that has its __NR_ macros; what a numbering does not have
 * is left out. Arguments count from 1.
 *
 * Where a call both opens and changes (O_TRUNC, O_CREAT), the opening tells.
 * For copy_file_range and splice the third argument is the one written to.
 */
#include "sense/syscalls.h"

/*
 * Younger than the headers that picket may be built with, while the kernel it
 * runs on has them all the same. Since 5.1 a number is the same everywhere.
 */
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#endif
#ifndef __NR_removexattrat
#define __NR_removexattrat 466
#endif
#ifndef __NR_file_setattr
#define __NR_file_setattr 469
#endif

static const struct syscall_row syscall_rows[] = {
/* open: the descriptor is what the call returns */
#ifdef __NR_open
	{ __NR_open,
	  { .kind = WIRE_SYS_OPEN,
	    .op = WIRE_OP_OPEN,
	    .name = 1,
	    .flags = 2 } },
#endif
#ifdef __NR_creat
	{ __NR_creat,
	  { .kind = WIRE_SYS_OPEN,
	    .op = WIRE_OP_OPEN,
	    .name = 1,
	    .traits = WIRE_SYS_CREAT } },
#endif
#ifdef __NR_openat
	{ __NR_openat,
	  { .kind = WIRE_SYS_OPEN,
	    .op = WIRE_OP_OPEN,
	    .dir = 1,
	    .name = 2,
	    .flags = 3 } },
#endif
#ifdef __NR_openat2
	{ __NR_openat2,
	  { .kind = WIRE_SYS_OPEN,
	    .op = WIRE_OP_OPEN,
	    .dir = 1,
	    .name = 2,
	    .flags = 3,
	    .traits = WIRE_SYS_HOW } },
#endif
#ifdef __NR_open_by_handle_at
	{ __NR_open_by_handle_at,
	  { .kind = WIRE_SYS_OPEN, .op = WIRE_OP_OPEN, .flags = 3 } },
#endif
/* through a descriptor */
#ifdef __NR_write
	{ __NR_write,
	  { .kind = WIRE_SYS_FD,
	    .op = WIRE_OP_WRITE,
	    .traits = WIRE_SYS_COUNTS,
	    .fd = 1 } },
#endif
#ifdef __NR_pwrite64
	{ __NR_pwrite64,
	  { .kind = WIRE_SYS_FD,
	    .op = WIRE_OP_WRITE,
	    .traits = WIRE_SYS_COUNTS,
	    .fd = 1 } },
#endif
#ifdef __NR_writev
	{ __NR_writev,
	  { .kind = WIRE_SYS_FD,
	    .op = WIRE_OP_WRITE,
	    .traits = WIRE_SYS_COUNTS,
	    .fd = 1 } },
#endif
#ifdef __NR_pwritev
	{ __NR_pwritev,
	  { .kind = WIRE_SYS_FD,
	    .op = WIRE_OP_WRITE,
	    .traits = WIRE_SYS_COUNTS,
	    .fd = 1 } },
#endif
#ifdef __NR_pwritev2
	{ __NR_pwritev2,
	  { .kind = WIRE_SYS_FD,
	    .op = WIRE_OP_WRITE,
	    .traits = WIRE_SYS_COUNTS,
	    .fd = 1 } },
#endif
#ifdef __NR_sendfile
	{ __NR_sendfile,
	  { .kind = WIRE_SYS_FD,
	    .op = WIRE_OP_WRITE,
	    .traits = WIRE_SYS_COUNTS,
	    .fd = 1 } },
#endif
#ifdef __NR_sendfile64
	{ __NR_sendfile64,
	  { .kind = WIRE_SYS_FD,
	    .op = WIRE_OP_WRITE,
	    .traits = WIRE_SYS_COUNTS,
	    .fd = 1 } },
#endif
#ifdef __NR_splice
	{ __NR_splice,
	  { .kind = WIRE_SYS_FD,
	    .op = WIRE_OP_WRITE,
	    .traits = WIRE_SYS_COUNTS,
	    .fd = 3 } },
#endif
#ifdef __NR_copy_file_range
	{ __NR_copy_file_range,
	  { .kind = WIRE_SYS_FD,
	    .op = WIRE_OP_WRITE,
	    .traits = WIRE_SYS_COUNTS,
	    .fd = 3 } },
#endif
#ifdef __NR_fallocate
	{ __NR_fallocate,
	  { .kind = WIRE_SYS_FD, .op = WIRE_OP_WRITE, .fd = 1 } },
#endif
#ifdef __NR_ftruncate
	{ __NR_ftruncate,
	  { .kind = WIRE_SYS_FD, .op = WIRE_OP_TRUNCATE, .fd = 1 } },
#endif
#ifdef __NR_ftruncate64
	{ __NR_ftruncate64,
	  { .kind = WIRE_SYS_FD, .op = WIRE_OP_TRUNCATE, .fd = 1 } },
#endif
#ifdef __NR_fchmod
	{ __NR_fchmod,
	  { .kind = WIRE_SYS_FD,
	    .traits = WIRE_SYS_EVENT,
	    .fd = 1,
	    .op = WIRE_OP_CHMOD,
	    .arg = 2 } },
#endif
#ifdef __NR_fchown
	{ __NR_fchown,
	  { .kind = WIRE_SYS_FD,
	    .traits = WIRE_SYS_EVENT,
	    .fd = 1,
	    .op = WIRE_OP_CHOWN,
	    .arg = 2,
	    .arg2 = 3 } },
#endif
#ifdef __NR_fchown32
	{ __NR_fchown32,
	  { .kind = WIRE_SYS_FD,
	    .traits = WIRE_SYS_EVENT,
	    .fd = 1,
	    .op = WIRE_OP_CHOWN,
	    .arg = 2,
	    .arg2 = 3 } },
#endif
#ifdef __NR_fsetxattr
	{ __NR_fsetxattr,
	  { .kind = WIRE_SYS_FD,
	    .traits = WIRE_SYS_EVENT,
	    .fd = 1,
	    .op = WIRE_OP_XATTR } },
#endif
#ifdef __NR_fremovexattr
	{ __NR_fremovexattr,
	  { .kind = WIRE_SYS_FD,
	    .traits = WIRE_SYS_EVENT,
	    .fd = 1,
	    .op = WIRE_OP_XATTR } },
#endif
#ifdef __NR_mmap
	{ __NR_mmap, { .kind = WIRE_SYS_MMAP, .op = WIRE_OP_MMAP, .fd = 5 } },
#endif
#ifdef __NR_mmap2
	{ __NR_mmap2, { .kind = WIRE_SYS_MMAP, .op = WIRE_OP_MMAP, .fd = 5 } },
#endif
/* which of the two it is, or neither, the request says */
#ifdef __NR_ioctl
	{ __NR_ioctl, { .kind = WIRE_SYS_IOCTL, .op = WIRE_OP_WRITE, .fd = 1 } },
	{ __NR_ioctl,
	  { .kind = WIRE_SYS_IOCTL, .op = WIRE_OP_CHATTR, .fd = 1 } },
#endif
#ifdef __NR_io_submit
	{ __NR_io_submit, { .kind = WIRE_SYS_AIO, .op = WIRE_OP_WRITE } },
#endif
/* by name */
#ifdef __NR_rename
	{ __NR_rename,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_RENAME,
	    .name = 1,
	    .name2 = 2 } },
#endif
#ifdef __NR_renameat
	{ __NR_renameat,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_RENAME,
	    .dir = 1,
	    .name = 2,
	    .dir2 = 3,
	    .name2 = 4 } },
#endif
#ifdef __NR_renameat2
	{ __NR_renameat2,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_RENAME,
	    .dir = 1,
	    .name = 2,
	    .dir2 = 3,
	    .name2 = 4,
	    .flags = 5,
	    .traits = WIRE_SYS_EXCHANGE } },
#endif
#ifdef __NR_unlink
	{ __NR_unlink,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_UNLINK, .name = 1 } },
#endif
#ifdef __NR_unlinkat
	{ __NR_unlinkat,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_UNLINK,
	    .dir = 1,
	    .name = 2,
	    .flags = 3,
	    .traits = WIRE_SYS_UNLINK } },
#endif
#ifdef __NR_rmdir
	{ __NR_rmdir,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_RMDIR, .name = 1 } },
#endif
#ifdef __NR_link
	{ __NR_link,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_LINK,
	    .name = 1,
	    .name2 = 2 } },
#endif
#ifdef __NR_linkat
	{ __NR_linkat,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_LINK,
	    .dir = 1,
	    .name = 2,
	    .dir2 = 3,
	    .name2 = 4 } },
#endif
#ifdef __NR_symlink
	{ __NR_symlink,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_SYMLINK,
	    .name = 2,
	    .name2 = 1,
	    .traits = WIRE_SYS_TARGET } },
#endif
#ifdef __NR_symlinkat
	{ __NR_symlinkat,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_SYMLINK,
	    .dir = 2,
	    .name = 3,
	    .name2 = 1,
	    .traits = WIRE_SYS_TARGET } },
#endif
#ifdef __NR_mkdir
	{ __NR_mkdir,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_MKDIR, .name = 1, .arg = 2 } },
#endif
#ifdef __NR_mkdirat
	{ __NR_mkdirat,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_MKDIR,
	    .dir = 1,
	    .name = 2,
	    .arg = 3 } },
#endif
#ifdef __NR_mknod
	{ __NR_mknod,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_MKNOD, .name = 1, .arg = 2 } },
#endif
#ifdef __NR_mknodat
	{ __NR_mknodat,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_MKNOD,
	    .dir = 1,
	    .name = 2,
	    .arg = 3 } },
#endif
#ifdef __NR_chmod
	{ __NR_chmod,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_CHMOD, .name = 1, .arg = 2 } },
#endif
#ifdef __NR_fchmodat
	{ __NR_fchmodat,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_CHMOD,
	    .dir = 1,
	    .name = 2,
	    .arg = 3 } },
#endif
	{ __NR_fchmodat2,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_CHMOD,
	    .dir = 1,
	    .name = 2,
	    .arg = 3 } },
#ifdef __NR_chown
	{ __NR_chown,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_CHOWN,
	    .name = 1,
	    .arg = 2,
	    .arg2 = 3 } },
#endif
#ifdef __NR_lchown
	{ __NR_lchown,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_CHOWN,
	    .name = 1,
	    .arg = 2,
	    .arg2 = 3 } },
#endif
#ifdef __NR_chown32
	{ __NR_chown32,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_CHOWN,
	    .name = 1,
	    .arg = 2,
	    .arg2 = 3 } },
#endif
#ifdef __NR_lchown32
	{ __NR_lchown32,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_CHOWN,
	    .name = 1,
	    .arg = 2,
	    .arg2 = 3 } },
#endif
#ifdef __NR_fchownat
	{ __NR_fchownat,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_CHOWN,
	    .dir = 1,
	    .name = 2,
	    .arg = 3,
	    .arg2 = 4 } },
#endif
#ifdef __NR_truncate
	{ __NR_truncate,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_TRUNCATE, .name = 1 } },
#endif
#ifdef __NR_truncate64
	{ __NR_truncate64,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_TRUNCATE, .name = 1 } },
#endif
#ifdef __NR_setxattr
	{ __NR_setxattr,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_XATTR, .name = 1 } },
#endif
#ifdef __NR_lsetxattr
	{ __NR_lsetxattr,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_XATTR, .name = 1 } },
#endif
#ifdef __NR_removexattr
	{ __NR_removexattr,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_XATTR, .name = 1 } },
#endif
#ifdef __NR_lremovexattr
	{ __NR_lremovexattr,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_XATTR, .name = 1 } },
#endif
	{ __NR_setxattrat,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_XATTR, .dir = 1, .name = 2 } },
	{ __NR_removexattrat,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_XATTR, .dir = 1, .name = 2 } },
	{ __NR_file_setattr,
	  { .kind = WIRE_SYS_PATH, .op = WIRE_OP_CHATTR, .dir = 1, .name = 2 } },
/* without times they are set to now, which tells nobody anything */
#ifdef __NR_utime
	{ __NR_utime,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_UTIME,
	    .name = 1,
	    .flags = 2,
	    .traits = WIRE_SYS_TIMES } },
#endif
#ifdef __NR_utimes
	{ __NR_utimes,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_UTIME,
	    .name = 1,
	    .flags = 2,
	    .traits = WIRE_SYS_TIMES } },
#endif
#ifdef __NR_futimesat
	{ __NR_futimesat,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_UTIME,
	    .dir = 1,
	    .name = 2,
	    .flags = 3,
	    .traits = WIRE_SYS_TIMES } },
#endif
#ifdef __NR_utimensat
	{ __NR_utimensat,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_UTIME,
	    .dir = 1,
	    .name = 2,
	    .flags = 3,
	    .traits = WIRE_SYS_TIMES } },
#endif
#ifdef __NR_utimensat_time64
	{ __NR_utimensat_time64,
	  { .kind = WIRE_SYS_PATH,
	    .op = WIRE_OP_UTIME,
	    .dir = 1,
	    .name = 2,
	    .flags = 3,
	    .traits = WIRE_SYS_TIMES } },
#endif
/* code loaded, other processes reached into */
#ifdef __NR_mmap
	{ __NR_mmap, { .kind = WIRE_SYS_MMAP, .op = WIRE_ALSO_MAP, .fd = 5 } },
#endif
#ifdef __NR_mmap2
	{ __NR_mmap2, { .kind = WIRE_SYS_MMAP, .op = WIRE_ALSO_MAP, .fd = 5 } },
#endif
#ifdef __NR_bpf
	{ __NR_bpf, { .kind = WIRE_SYS_BPF, .op = WIRE_ALSO_LOAD_BPF } },
	{ __NR_bpf, { .kind = WIRE_SYS_BPF, .op = WIRE_ALSO_CHANGE_BPF } },
#endif
#ifdef __NR_ptrace
	{ __NR_ptrace, { .kind = WIRE_SYS_PTRACE, .op = WIRE_ALSO_REACH } },
#endif
#ifdef __NR_process_vm_writev
	{ __NR_process_vm_writev,
	  { .kind = WIRE_SYS_VM_WRITE, .op = WIRE_ALSO_REACH } },
	/* The hook that knows whom it reaches asks what is under way. */
	{ __NR_process_vm_writev,
	  { .kind = WIRE_SYS_VM_WRITE, .op = WIRE_ALSO_NAMED } },
#endif
#ifdef __NR_pidfd_getfd
	{ __NR_pidfd_getfd,
	  { .kind = WIRE_SYS_GETFD, .op = WIRE_ALSO_REACH, .fd = 1 } },
	{ __NR_pidfd_getfd,
	  { .kind = WIRE_SYS_GETFD, .op = WIRE_ALSO_NAMED, .fd = 1 } },
#endif
#ifdef __NR_prlimit64
	{ __NR_prlimit64, { .kind = WIRE_SYS_LIMIT, .op = WIRE_ALSO_LIMIT } },
#endif
/* The hook that says that a file gets an owner does not say which. */
#ifdef __NR_fcntl
	{ __NR_fcntl, { .kind = WIRE_SYS_OWNER, .op = WIRE_ALSO_OWNER } },
	{ __NR_fcntl, { .kind = WIRE_SYS_OWNER, .op = WIRE_ALSO_NAMED } },
#endif
#ifdef __NR_fcntl64
	{ __NR_fcntl64, { .kind = WIRE_SYS_OWNER, .op = WIRE_ALSO_OWNER } },
	{ __NR_fcntl64, { .kind = WIRE_SYS_OWNER, .op = WIRE_ALSO_NAMED } },
#endif
#ifdef __NR_ioctl
	{ __NR_ioctl,
	  { .kind = WIRE_SYS_IOCTL, .op = WIRE_ALSO_OWNER, .fd = 1 } },
	{ __NR_ioctl,
	  { .kind = WIRE_SYS_IOCTL, .op = WIRE_ALSO_NAMED, .fd = 1 } },
#endif
#ifdef __NR_finit_module
	{ __NR_finit_module,
	  { .kind = WIRE_SYS_MODULE, .op = WIRE_ALSO_NAMED, .fd = 1 } },
#endif
};
