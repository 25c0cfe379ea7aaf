/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Fair shares of one ring, so that whoever floods it is refused before it has
 * taken the room of others' first events. A share is measured by what is free,
 * not by what there is: a process may have as much as is free, a cgroup twice
 * that. Alone it gets half, or two thirds, and many together leave room for who
 * comes next, however many they are. (Fixed shares of more than half: two
 * cgroups took all.)
 *
 * What is admitted up to half of the ring has shares apart from what is admitted
 * up to three quarters, or a flood of connections would refuse the first writes
 * of all others in its cgroup. The latter are half as large, so that a cgroup's
 * connections alone do not reach half of the ring, above which nobody's writes
 * are admitted.
 *
 * A record is counted as what is usual (see admitted): how long its names are is
 * not known yet. Who makes larger ones gets more than his share, of what is free,
 * and so leaves a part of that for others all the same.
 *
 * The ring is read in order, so what was put in is gone when the reader has
 * passed the place where it ended. Each owner's bytes are kept in two ages;
 * when the reader has passed the beginning of the younger, the older are gone
 * and a new age begins. That takes a record for waiting a little longer than
 * it does, never shorter. Counting begins when an eighth of the ring is full
 * (see admitted): a quiet host pays nothing for this.
 */
#include "emit.h"

/* Add, unless it would be more than `most`; what an owner has is about right. */
static __always_inline bool take_share(__u64 owner, __u64 most, __u32 bytes)
{
	struct share *s = bpf_map_lookup_elem(&shares, &owner), first = {};

	if (!s) {
		first.since = bpf_ringbuf_query(&ring, BPF_RB_PROD_POS);
		first.young = bytes;
		bpf_map_update_elem(&shares, &owner, &first, BPF_NOEXIST);
		return true;
	}
	if (bpf_ringbuf_query(&ring, BPF_RB_CONS_POS) >= s->since) {
		s->old = s->young;
		s->young = 0;
		s->since = bpf_ringbuf_query(&ring, BPF_RB_PROD_POS);
	}
	if (s->old + s->young + bytes > most)
		return false;
	__sync_fetch_and_add(&s->young, bytes);
	return true;
}

__noinline bool has_share(__u64 limit, __u32 bytes)
{
	__u64 used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	__u64 share = used < limit ? limit - used : 0;
	__u64 kind = limit > ring_bytes / 2 ? 0 : SHARE_OF_WRITES;
	__u64 process = bpf_get_current_pid_tgid() >> 32;

	if (!kind)
		share /= 2;
	return take_share(process | SHARE_OF_PROCESS | kind, share, bytes) &&
	       take_share(bpf_get_current_cgroup_id() | kind, share * 2, bytes);
}
