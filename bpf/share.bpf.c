/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Fair shares of one ring, so that whoever floods it is refused before it has
 * taken the room of others' first events: of what a family may use, a process
 * half, a cgroup three quarters.
 *
 * What is admitted up to half of the ring has shares apart from what is admitted
 * up to three quarters: half of the latter is as much as a cgroup's whole share
 * of the former, and one process's flood of connections would refuse the first
 * writes of all others in its cgroup.
 *
 * The ring is read in order, so what was put in is gone when the reader has
 * passed the place where it ended. Each owner's bytes are kept in two ages;
 * when the reader has passed the beginning of the younger, the older are gone
 * and a new age begins. That takes a record for waiting a little longer than
 * it does, never shorter. Counting begins when an eighth of the ring is full
 * (see admitted), and that eighth is taken to be whoever's who asks: a quiet
 * host pays nothing for this.
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
	__u64 process = bpf_get_current_pid_tgid() >> 32;
	__u64 uncounted = ring_bytes / SHARES_FROM;
	__u64 kind = limit > ring_bytes / 2 ? 0 : SHARE_OF_WRITES;

	return take_share(process | SHARE_OF_PROCESS | kind,
			  limit / 2 - uncounted, bytes) &&
	       take_share(bpf_get_current_cgroup_id() | kind,
			  limit / 4 * 3 - uncounted, bytes);
}
