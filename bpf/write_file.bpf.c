/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A file that the kernel itself has pointed out was changed, or may be from
 * now on. The first of each kind of change by an image is an event at once;
 * what follows within the window is added up.
 */
#include "pseudo_fs.h"
#include "read_file.h"
#include "read_path.h"
#include "read_task.h"
#include "write.h"

#define CLASS_SMALL 768
#define CLASS_LARGE 9216

/* Changes that come by the thousand; all others are events each time. */
static __always_inline bool is_summed(__u64 change)
{
	return !(CHANGE_TRAITS(change) & WIRE_SYS_EVENT) &&
	       !(CHANGE_FLAGS(change) & WIRE_WRITE_CREATED);
}

/* Opening what is there with O_TRUNC is two kinds at once. */
static __always_inline __u32 change_kinds(__u64 change)
{
	__u32 kinds = 1u << (CHANGE_OP(change) & 31);

	if ((CHANGE_FLAGS(change) & (WIRE_WRITE_TRUNC | WIRE_WRITE_CREATED)) ==
	    WIRE_WRITE_TRUNC)
		kinds |= 1u << WIRE_OP_TRUNCATE;
	return kinds;
}

/* from: i, or a copy of its first bytes: `direct`. */
static __always_inline void written_key(struct wire_written_key *key,
					struct inode *i, struct inode *from,
					bool direct)
{
	struct super_block *sb = GET(direct, from, i_sb);

	key->start_ns = current_image(&key->image);
	key->ino = GET(direct, from, i_ino);
	key->tgid = bpf_get_current_pid_tgid() >> 32;
	key->dev = BPF_CORE_READ(sb, s_dev);
	key->version = inode_version(i, from, direct);
}

static __always_inline void add_operation(struct wire_written *w, __u64 bytes)
{
	__sync_fetch_and_add(&w->count, 1);
	__sync_fetch_and_add(&w->bytes, bytes);
}

/* The agent asks for no sum that was not added to. */
static __always_inline void mark_summed(const struct wire_written_key *key,
					__u64 now)
{
	volatile __u32 *at = &summed[WIRE_SUMMED_SLOT(key)];
	__u32 units = now >> WIRE_SUMMED_SHIFT;

	/* Who looked at the clock long ago takes nothing back. */
	if (*at < units)
		*at = units;
}

/*
 * Add to the totals; true: nothing of it is news. What is the caller's word is
 * no repeat of what was certain: the sum would be told as certain, too.
 */
static __always_inline bool is_repeat(struct wire_written *w, __u32 kinds,
				      bool claimed, __u64 bytes, __u64 now)
{
	__u32 told;

	if (!w)
		return false;
	add_operation(w, bytes);
	told = claimed ? w->claimed : w->ops | w->claimed;
	return now - w->since_ns < window_ns && (told & kinds) == kinds;
}

/*
 * The first operation on a file, or the first since its sum gave way. Another
 * thread may be as quick: then it is added to that one's.
 */
static __noinline void begin_sum(struct wire_written_key *key, __u64 bytes,
				 __u64 now)
{
	struct wire_written *w, first = {
		.since_ns = now,
		.count = 1,
		.bytes = bytes,
	};

	if (bpf_map_update_elem(&written, key, &first, BPF_NOEXIST) == 0)
		return;
	w = bpf_map_lookup_elem(&written, key);
	if (!w)
		return;
	add_operation(w, bytes);
}

/*
 * Only what is in the ring counts as told. Two threads may both change `ops`
 * and one bit be lost: then there is an event more, not one less. A function,
 * so that what it has on the stack is gone where paths are measured.
 */
static __noinline void mark_told(struct wire_written_key *key, __u32 kinds,
				 bool claimed, __u64 bytes, __u64 now)
{
	/* Anew, not from before: a pointer or none would be two states. */
	struct wire_written *w = bpf_map_lookup_elem(&written, key);

	/* It gave way meanwhile: the next operation is the first again. */
	if (!w)
		return;
	__sync_fetch_and_add(&w->told_count, 1);
	__sync_fetch_and_add(&w->told_bytes, bytes);
	if (now - w->since_ns >= window_ns) {
		w->since_ns = now;
		w->ops = w->claimed = 0;
	}
	if (claimed)
		w->claimed |= kinds;
	else
		w->ops |= kinds;
}

static __always_inline bool report_file(struct walk_job *job, __u64 change,
					__u64 bytes, __u64 args)
{
	struct dentry *dentry = job->dentry;
	struct wire_write *r;
	struct record rec;
	struct room room;
	__u32 n;

	count_made(WIRE_FAM_WRITE);
	if (!admitted(ADMIT_HALF)) {
		count_lost(WIRE_FAM_WRITE);
		return false;
	}
	job->size = path_size_of(dentry, job->mnt);
	n = job->size.path + job->size.prefix + 1;
	r = room_of_two(&room, CLASS_SMALL, CLASS_LARGE, sizeof(*r), n,
			job->size.steps);
	if (!r) {
		count_lost(WIRE_FAM_WRITE);
		return false;
	}
	rec = record_of(r, room.class, sizeof(*r));
	hdr_begin(&r->hdr, WIRE_WRITE, CHANGE_BACKEND(change));
	hdr_current(&r->hdr);
	put_file(&r->file, BPF_CORE_READ(dentry, d_inode), r + 1);
	mark_memfd(&r->file, dentry, job->mnt);
	r->path2 = (struct wire_path){};
	r->name = r->name2 = (struct wire_str){};
	r->op = CHANGE_OP(change);
	r->reserved = 0;
	r->flags = CHANGE_FLAGS(change);
	r->syscall = CHANGE_NR(change);
	r->arg = args;
	r->arg2 = args >> 32;
	r->bytes = bytes;
	put_path(rec, job, room.steps, &r->path);
	r->hdr.size = rec.f->pos;
	submit(r, room.class);
	return true;
}

__noinline __u32 file_changed(__u64 dentry, __u64 mnt, __u64 change,
			      __u64 bytes, __u64 args)
{
	struct walk_job job = {};
	struct dentry *leaf = (struct dentry *)dentry;
	struct inode *inode = BPF_CORE_READ(leaf, d_inode);
	__u32 magic = BPF_CORE_READ(inode, i_sb, s_magic);
	__u32 kinds = change_kinds(change);
	bool claimed = CHANGE_FLAGS(change) & WIRE_WRITE_FD_CLAIMED;
	struct wire_written_key key;
	struct wire_written *w;
	__u64 now;

	if (is_pseudo_fs(magic) && !pseudo_file_matters(leaf, magic)) {
		count_skipped(WIRE_FAM_WRITE);
		return 0;
	}
	now = bpf_ktime_get_boot_ns();
	written_key(&key, inode, inode, false);
	w = bpf_map_lookup_elem(&written, &key);
	if (is_repeat(w, kinds, claimed, bytes, now) && is_summed(change)) {
		mark_summed(&key, now);
		count_summed(WIRE_FAM_WRITE);
		return 0;
	}
	if (is_kernels_own(leaf, (struct vfsmount *)mnt)) {
		count_skipped(WIRE_FAM_WRITE);
		return 0;
	}
	if (!w)
		begin_sum(&key, bytes, now);
	job.dentry = leaf;
	job.mnt = (struct vfsmount *)mnt;
	if (report_file(&job, change, bytes, args))
		mark_told(&key, kinds, claimed, bytes, now);
	else
		mark_summed(&key, now);
	return 0;
}

static __always_inline bool was_opened_for_content(struct file *f)
{
	return (BPF_CORE_READ(f, f_mode) & FMODE_WRITE) &&
	       holds_content(BPF_CORE_READ(f, f_inode, i_mode));
}

/*
 * The first bytes of the file and then of its inode are copied to the stack and
 * read there. Where they are not laid out for that, all of it is news.
 */
__noinline __u32 is_content_news(__u64 file, __u64 change, __u64 bytes)
{
	__u64 head[INODE_HEAD / sizeof(__u64)];
	struct file *f = (struct file *)head;
	struct inode *i = (struct inode *)head, *inode;
	__u32 kinds = change_kinds(change);
	struct wire_written_key key;
	struct wire_written *w;
	__u64 now;

	if (!is_file_plain() || !is_inode_plain())
		return was_opened_for_content((struct file *)file);
	bpf_probe_read_kernel(head, FILE_HEAD, (void *)file);
	if (!(f->f_mode & FMODE_WRITE))
		return false;
	inode = f->f_inode;
	bpf_probe_read_kernel(head, sizeof(head), inode);
	if (!holds_content(i->i_mode))
		return false;
	if (CHANGE_FLAGS(change) || !is_summed(change))
		return true;
	written_key(&key, inode, i, true);
	w = bpf_map_lookup_elem(&written, &key);
	if (!w || (w->ops & kinds) != kinds)
		return true;
	now = bpf_ktime_get_boot_ns();
	if (now - w->since_ns >= window_ns)
		return true;
	add_operation(w, bytes);
	mark_summed(&key, now);
	count_summed(WIRE_FAM_WRITE);
	return false;
}

__noinline __u32 file_completed(__u64 dentry, __u64 mnt, __u64 change,
				__u64 bytes)
{
	struct dentry *leaf = (struct dentry *)dentry;
	__u32 kinds = change_kinds(change);
	struct inode *inode;
	struct wire_written_key key;
	struct wire_written *w;

	inode = BPF_CORE_READ(leaf, d_inode);
	written_key(&key, inode, inode, false);
	w = bpf_map_lookup_elem(&written, &key);
	if (!w || ((w->ops | w->claimed) & kinds) != kinds)
		return file_changed(dentry, mnt, change, bytes, 0);
	__sync_fetch_and_add(&w->bytes, bytes);
	mark_summed(&key, bpf_ktime_get_boot_ns());
	return 0;
}

/* What was told before it was done: how much it came to. */
__noinline __u32 bytes_written(__u64 inode, __u64 bytes)
{
	struct wire_written_key key;
	struct wire_written *w;

	written_key(&key, (struct inode *)inode, (struct inode *)inode, false);
	w = bpf_map_lookup_elem(&written, &key);
	if (!w)
		return 0;
	__sync_fetch_and_add(&w->bytes, bytes);
	mark_summed(&key, bpf_ktime_get_boot_ns());
	return 0;
}
