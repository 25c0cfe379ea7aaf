/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Names that have changed: behind the VFS's own functions, which all ways to
 * change a name come by and which return what became of it; and where a dentry
 * goes. The kernel's
 * objects were kept by write_begin.bpf.c; a call that nobody began (a stacked
 * file system or nfsd for itself) finds nothing kept. What is not there any
 * more when the change is told, by write_tell.bpf.c, is kept now.
 */
#include "emit.h"
#include "pending.h"
#include "read_file.h"
#include "write.h"

static __always_inline bool is_hashed(struct dentry *d)
{
	return BPF_CORE_READ(d, d_hash.pprev);
}

/* The kernel does nothing, and well, where both names are the same file. */
static __always_inline bool has_moved(struct pending *p)
{
	struct dentry *d = (struct dentry *)p->leaf;

	return BPF_CORE_READ(d, d_name.hash_len) != p->hash_len ||
	       (__u64)BPF_CORE_READ(d, d_parent) != p->dir;
}

/*
 * Whether what was begun is done, by the look of it: a stacked file system's
 * call on its lower one also returns, while the upper name is as before.
 */
static __always_inline bool looks_done(struct pending *p)
{
	struct dentry *leaf = (struct dentry *)(p->leaf2 ?: p->leaf);

	if (p->op == WIRE_OP_RENAME)
		return has_moved(p);
	if (p->op == WIRE_OP_UNLINK || p->op == WIRE_OP_RMDIR)
		return !BPF_CORE_READ(leaf, d_inode) || !is_hashed(leaf);
	return BPF_CORE_READ(leaf, d_inode);
}

static __always_inline void keep_name(char out[static 256], __u64 dentry)
{
	struct dentry *d = (struct dentry *)dentry;

	bpf_probe_read_kernel_str(out, 256, BPF_CORE_READ(d, d_name.name));
}

/*
 * After a rename the old leaf has the new name (that of its new place, where
 * the two were exchanged); the old one was kept before.
 */
static __always_inline void keep_names(struct pending *p)
{
	if (p->op == WIRE_OP_RENAME) {
		keep_name(p->name2, p->leaf);
		return;
	}
	if (p->op == WIRE_OP_LINK)
		keep_name(p->name2, p->leaf2);
	else
		keep_name(p->name, p->leaf);
}

static __always_inline void keep_result(struct pending *p)
{
	struct dentry *leaf = (struct dentry *)p->leaf;
	struct dentry *other = (struct dentry *)p->leaf2;
	struct inode *inode = BPF_CORE_READ(leaf, d_inode);

	keep_names(p);
	if (!p->file.ino && inode)
		put_inode(&p->file, inode, inode, false);
	if (p->op == WIRE_OP_RENAME && BPF_CORE_READ(other, d_inode) &&
	    is_hashed(other))
		p->flags = WIRE_WRITE_EXCHANGE;
	p->done = true;
}

/* ops: 1 << enum wire_write_op of what this function may have done. */
__noinline __u32 name_ended(__u64 ops, __u64 returned)
{
	struct pending *p = pending_of_thread();
	bool stacked;

	if (!p || !(ops & 1u << (p->op & 31)))
		return 0;
	stacked = is_stacked((struct dentry *)p->leaf);
	if (has_failed(returned)) {
		/* Perhaps only that of a lower file system. */
		if (!stacked)
			pending_forget();
		return 0;
	}
	if ((stacked || p->op == WIRE_OP_RENAME) && !looks_done(p))
		return 0;
	keep_result(p);
	return 0;
}

/*
 * Compilers put the VFS's smaller functions into their callers, where no hook
 * finds them. What nobody said has failed is looked at again at the end: what
 * was to be made is there and was not before, what was to move has moved. (Not
 * a regular file of mknod: it may be an open's, which is told by itself.)
 */
__noinline __u32 name_left(void)
{
	const __u32 ops = 1u << WIRE_OP_RENAME | 1u << WIRE_OP_LINK |
			  1u << WIRE_OP_SYMLINK | 1u << WIRE_OP_MKDIR;
	struct pending *p = pending_of_thread();

	if (!p)
		return 0;
	if (p->op == WIRE_OP_MKNOD ? !may_be_open(p->op, p->args)
				   : ops & 1u << (p->op & 31))
		if (looks_done(p))
			keep_result(p);
	return 0;
}

/* Only what is gone comes by here, and the very dentry that was to go. */
static __always_inline void name_deleted(struct dentry *dentry)
{
	struct pending *p = pending_of_thread();

	if (p && (p->op == WIRE_OP_UNLINK || p->op == WIRE_OP_RMDIR) &&
	    p->leaf == number_of(dentry))
		keep_result(p);
}

SEC("fentry/d_delete")
int BPF_PROG(d_delete_fentry, struct dentry *dentry)
{
	name_deleted(dentry);
	return 0;
}

SEC("kprobe/d_delete")
int BPF_KPROBE(d_delete_kprobe, struct dentry *dentry)
{
	name_deleted(dentry);
	return 0;
}

#define DONE(op) (1ull << WIRE_OP_##op)

/* An NFS that renames what is still open deletes no dentry. */
SEC("fexit/vfs_unlink")
int vfs_unlink_fexit(__u64 *ctx)
{
	name_ended(DONE(UNLINK), vfs_returned(ctx, 3));
	return 0;
}

SEC("kretprobe/vfs_unlink")
int BPF_KRETPROBE(vfs_unlink_kretprobe, long returned)
{
	name_ended(DONE(UNLINK), returned);
	return 0;
}

/* Six arguments became one in 5.12 (9fe61450972d), and in 5.10's updates. */
SEC("fexit/vfs_rename")
int vfs_rename_fexit(__u64 *ctx)
{
	bool is_one = bpf_core_type_exists(struct renamedata);

	name_ended(DONE(RENAME),
		   func_returned(ctx, ctx_either(ctx, is_one, 1, 6)));
	return 0;
}

SEC("kretprobe/vfs_rename")
int BPF_KRETPROBE(vfs_rename_kretprobe, long returned)
{
	name_ended(DONE(RENAME), returned);
	return 0;
}

SEC("fexit/vfs_link")
int vfs_link_fexit(__u64 *ctx)
{
	name_ended(DONE(LINK), vfs_returned(ctx, 4));
	return 0;
}

SEC("kretprobe/vfs_link")
int BPF_KRETPROBE(vfs_link_kretprobe, long returned)
{
	name_ended(DONE(LINK), returned);
	return 0;
}

SEC("fexit/vfs_symlink")
int vfs_symlink_fexit(__u64 *ctx)
{
	name_ended(DONE(SYMLINK), vfs_returned(ctx, 3));
	return 0;
}

SEC("kretprobe/vfs_symlink")
int BPF_KRETPROBE(vfs_symlink_kretprobe, long returned)
{
	name_ended(DONE(SYMLINK), returned);
	return 0;
}

SEC("fexit/vfs_mkdir")
int vfs_mkdir_fexit(__u64 *ctx)
{
	name_ended(DONE(MKDIR), vfs_returned(ctx, 3));
	return 0;
}

SEC("kretprobe/vfs_mkdir")
int BPF_KRETPROBE(vfs_mkdir_kretprobe, long returned)
{
	name_ended(DONE(MKDIR), returned);
	return 0;
}

/* mknod(2) of a regular file is a create to the VFS, of all else a mknod. */
SEC("fexit/vfs_mknod")
int vfs_mknod_fexit(__u64 *ctx)
{
	name_ended(DONE(MKNOD), vfs_returned(ctx, 4));
	return 0;
}

SEC("kretprobe/vfs_mknod")
int BPF_KRETPROBE(vfs_mknod_kretprobe, long returned)
{
	name_ended(DONE(MKNOD), returned);
	return 0;
}

SEC("fexit/vfs_create")
int vfs_create_fexit(__u64 *ctx)
{
	name_ended(DONE(MKNOD), vfs_returned(ctx, 4));
	return 0;
}

SEC("kretprobe/vfs_create")
int BPF_KRETPROBE(vfs_create_kretprobe, long returned)
{
	name_ended(DONE(MKNOD), returned);
	return 0;
}
