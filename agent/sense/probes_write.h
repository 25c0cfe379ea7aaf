/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write family's part of the table in probes.c, which alone includes this:
 * for each hook the ways to see it, best first.
 */
#pragma once

#include "sense/probes.h"

/* What a probe does not say is nothing: most run alone, most see all. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* Programs that run along with a probe's own. */
#define WITH(...) ((const char *const[]){ __VA_ARGS__, NULL })

/*
 * Each row of the write family ends with the system calls: kernel objects
 * through a descriptor, the caller's word for a name.
 */
#define CALL_ENDS(blind)                                                   \
	{ WIRE_BACKEND_TP_BTF, PLACE_CALL_END, "sys_exit_tp_btf", (blind), \
	  NULL },                                                          \
	{                                                                  \
		WIRE_BACKEND_RAW_TP, PLACE_CALL_END, "sys_exit_raw_tp",    \
			(blind), NULL                                      \
	}

/* One security hook that tells by itself; by_calls: what calls do not see. */
#define BY_HOOK(hook, blind, by_calls)                                        \
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, hook "_lsm", (blind), NULL },       \
		{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, hook "_fentry", (blind), \
		  NULL },                                                     \
		{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, hook "_kprobe", (blind), \
		  NULL },                                                     \
		CALL_ENDS(by_calls)

static const struct probe open_probes[] = {
	BY_HOOK("file_open", NULL,
		"core dumps; files made by an open that fails; what a second "
		"thread hides: by a file that could be it, or a device, in "
		"the descriptor's place, or O_TRUNC taken out of openat2's "
		"structure"),
};

#define BYTES \
	"?vfs_write_fexit", "?vfs_writev_fexit", "?vfs_copy_file_range_fexit"
#define SOME_BYTES "how many bytes by aio, io_uring, splice and sendfile"

static const struct probe data_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "file_permission_lsm", SOME_BYTES,
	  WITH(BYTES) },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "file_permission_fentry",
	  SOME_BYTES, WITH(BYTES) },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "file_permission_kprobe",
	  "how many bytes", NULL },
	CALL_ENDS("whether aio was done; aio whose requests are overwritten "
		  "before the call ends"),
};

static const struct probe mapping_probes[] = {
	BY_HOOK("mmap_file", NULL, "old_mmap of 32-bit programs"),
};

static const struct probe protection_probes[] = {
	BY_HOOK("file_mprotect", NULL,
		"told when mapped from a file open for writing, whether made "
		"writable or not"),
};

/* See bpf/pending.h: what is told, or counted, all the same is not said here. */
#define MKNOD_BLIND                                                      \
	"mknod(2) of a regular file that waits in the kernel while "     \
	"thousands of threads begin changes"
#define MKNOD_KRETPROBE_BLIND \
	"mknod(2) of a regular file " KRETPROBE_FULL
#define UNHEARD "told whether done or not " KRETPROBE_FULL

/* A hook that has the names, and a function of the VFS that has the result. */
#define BY_NAME_BUT(hook, fexit, kretprobe, blind, by_kprobe, by_calls)       \
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, hook "_lsm", blind, fexit },        \
		{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, hook "_fentry", blind,   \
		  fexit },                                                    \
		{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, hook "_kprobe",          \
		  by_kprobe, kretprobe },                                     \
		CALL_ENDS(by_calls)
#define BY_NAME(hook, fexit, kretprobe)                \
	BY_NAME_BUT(hook, fexit, kretprobe, NULL, NULL, \
		    "the names are the caller's")

static const struct probe unlink_probes[] = {
	BY_NAME("path_unlink",
		WITH("vfs_unlink_fexit", "d_delete_fentry",
		     "drop_write_fentry"),
		WITH("vfs_unlink_kretprobe", "d_delete_kprobe",
		     "drop_write_kprobe")),
};

static const struct probe rmdir_probes[] = {
	BY_NAME("path_rmdir", WITH("d_delete_fentry", "drop_write_fentry"),
		WITH("d_delete_kprobe", "drop_write_kprobe")),
};

static const struct probe rename_probes[] = {
	BY_NAME("path_rename", WITH("vfs_rename_fexit", "drop_write_fentry"),
		WITH("vfs_rename_kretprobe", "drop_write_kprobe")),
};

static const struct probe link_probes[] = {
	BY_NAME("path_link", WITH("vfs_link_fexit", "drop_write_fentry"),
		WITH("vfs_link_kretprobe", "drop_write_kprobe")),
};

static const struct probe symlink_probes[] = {
	BY_NAME("path_symlink", WITH("vfs_symlink_fexit", "drop_write_fentry"),
		WITH("vfs_symlink_kretprobe", "drop_write_kprobe")),
};

static const struct probe mknod_probes[] = {
	BY_NAME_BUT("path_mknod",
		    WITH("vfs_mknod_fexit", "vfs_create_fexit",
			 "drop_write_fentry"),
		    WITH("vfs_mknod_kretprobe", "vfs_create_kretprobe",
			 "drop_write_kprobe"),
		    MKNOD_BLIND, MKNOD_KRETPROBE_BLIND,
		    "the names are the caller's; what bind(2) makes of a unix "
		    "socket"),
};

static const struct probe mkdir_probes[] = {
	BY_NAME("path_mkdir", WITH("vfs_mkdir_fexit", "drop_write_fentry"),
		WITH("vfs_mkdir_kretprobe", "drop_write_kprobe")),
};

#define MOUNTS_FENTRY "want_write_fentry", "want_write_file_fentry"
#define MOUNTS_KPROBE "want_write_kprobe", "want_write_file_kprobe"
#define TELL_FENTRY   "drop_write_fentry", "drop_write_file_fentry"
#define TELL_KPROBE   "drop_write_kprobe", "drop_write_file_kprobe"
#define BY_CALLER     "without a descriptor the name is the caller's"

static const struct probe attr_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "inode_setattr_lsm", NULL,
	  WITH("notify_change_fexit", MOUNTS_FENTRY, TELL_FENTRY) },
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "inode_setattr_old_lsm", NULL,
	  WITH("notify_change_fexit", MOUNTS_FENTRY, TELL_FENTRY) },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "notify_change_fentry", NULL,
	  WITH("notify_change_fexit", MOUNTS_FENTRY, TELL_FENTRY) },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "notify_change_kprobe", UNHEARD,
	  WITH("notify_change_kretprobe", MOUNTS_KPROBE, TELL_KPROBE) },
	CALL_ENDS(BY_CALLER "; a name that truncate(2) takes away unread"),
};

/* Access lists are a matter of their own since 6.2, before of xattrs. */
static const struct probe xattr_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "inode_setxattr_lsm", NULL,
	  WITH("post_setxattr_fentry", "inode_removexattr_lsm",
	       "vfs_removexattr_fexit", "?inode_set_acl_lsm",
	       "?vfs_set_acl_fexit", "?inode_remove_acl_lsm",
	       "?vfs_remove_acl_fexit", MOUNTS_FENTRY, TELL_FENTRY) },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "inode_setxattr_fentry", NULL,
	  WITH("post_setxattr_fentry", "inode_removexattr_fentry",
	       "vfs_removexattr_fexit", "?inode_set_acl_fentry",
	       "?vfs_set_acl_fexit", "?inode_remove_acl_fentry",
	       "?vfs_remove_acl_fexit", MOUNTS_FENTRY, TELL_FENTRY) },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "inode_setxattr_kprobe", UNHEARD,
	  WITH("post_setxattr_kprobe", "inode_removexattr_kprobe",
	       "vfs_removexattr_kretprobe", "?inode_set_acl_kprobe",
	       "?vfs_set_acl_kretprobe", "?inode_remove_acl_kprobe",
	       "?vfs_remove_acl_kretprobe", MOUNTS_KPROBE, TELL_KPROBE) },
	CALL_ENDS(BY_CALLER),
};

#define SETATTR_BLIND "file_setattr(2)"

/* From 6.17 on, until then, and without vfs_fileattr_set (until 5.13). */
static const struct probe chattr_probes[] = {
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "file_setattr_lsm", NULL,
	  WITH("vfs_fileattr_set_fexit", MOUNTS_FENTRY, TELL_FENTRY) },
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "file_ioctl_lsm", SETATTR_BLIND,
	  WITH("vfs_fileattr_set_fexit", TELL_FENTRY,
	       "?file_ioctl_compat_lsm") },
	{ WIRE_BACKEND_LSM, PLACE_KERNEL, "file_ioctl_lsm", NULL,
	  WITH("vfs_ioctl_fexit", "?file_ioctl_compat_lsm") },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "file_setattr_fentry", NULL,
	  WITH("vfs_fileattr_set_fexit", MOUNTS_FENTRY, TELL_FENTRY) },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "file_ioctl_fentry",
	  SETATTR_BLIND,
	  WITH("vfs_fileattr_set_fexit", TELL_FENTRY,
	       "?file_ioctl_compat_fentry") },
	{ WIRE_BACKEND_FENTRY, PLACE_KERNEL, "file_ioctl_fentry", NULL,
	  WITH("vfs_ioctl_fexit", "?file_ioctl_compat_fentry") },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "file_setattr_kprobe", UNHEARD,
	  WITH("vfs_fileattr_set_kretprobe", MOUNTS_KPROBE, TELL_KPROBE) },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "file_ioctl_kprobe",
	  SETATTR_BLIND "; " UNHEARD,
	  WITH("vfs_fileattr_set_kretprobe", TELL_KPROBE,
	       "?file_ioctl_compat_kprobe") },
	{ WIRE_BACKEND_KPROBE, PLACE_KERNEL, "file_ioctl_kprobe", UNHEARD,
	  WITH("vfs_ioctl_kretprobe", "?file_ioctl_compat_kprobe") },
	CALL_ENDS(NULL),
};

#define URING_BLIND                                                       \
	"told when asked for, whether it is done or not; a file that "    \
	"comes behind the descriptor later (swapped, or opened by a "     \
	"request before it), if the completion is hidden"

/* Where kernel objects tell, io_uring comes by like everybody. */
static const struct probe uring_probes[] = {
	{ WIRE_BACKEND_TP_BTF, PLACE_URING, "uring_submit_tp_btf",
	  URING_BLIND,
	  WITH("uring_complete_tp_btf") },
	{ WIRE_BACKEND_TP_BTF, PLACE_URING, "uring_submit_old_tp_btf",
	  URING_BLIND,
	  WITH("uring_complete_tp_btf") },
};
