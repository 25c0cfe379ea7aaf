/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Room in the ring, and the count of what found none. A submitted record
 * cannot shrink, so a body measures first and then takes the smallest class
 * that fits; the record is assembled in the ring itself, because anything
 * per-CPU can be overwritten by a program that preempts this one.
 *
 * A class ends with SLACK: names are read in pieces of up to 255 bytes, and
 * the verifier believes `at < class - SLACK` and `n < 256`, not their sum.
 * Its last bytes hold the state of the loops: what the verifier has seen go
 * through memory it takes for unknown, so that the iterations of a path walk
 * look alike to it, on every kernel.
 */
#pragma once

#include "maps.h"

#define PIECE	256
#define SCRATCH 80
#define SLACK	(PIECE + SCRATCH)

/* Where a record may still be written when a piece begins. */
#define CLASS_END(class) ((class) - SLACK)

/*
 * A pointer as a number: one whose type the verifier knows may not be reckoned
 * with everywhere, nor be handed to a global function.
 */
static __always_inline __u64 number_of(const void *p)
{
	__u64 pointer = (__u64)p, number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &pointer);
	return number;
}

/*
 * Make the verifier forget what it knows of a variable on the stack, by
 * reading it onto itself. Otherwise each constant that it may hold is a state
 * of its own, and all that follows is verified once for each.
 */
#define forget_known(variable) \
	bpf_probe_read_kernel(&(variable), sizeof(variable), &(variable))

static __always_inline struct wire_counters *counters_of(__u32 family)
{
	return bpf_map_lookup_elem(&counters, &family);
}

/*
 * Per CPU, and still by atomic adds: a softirq on top of this program may
 * count in the same family.
 */
static __always_inline void count_skipped(__u32 family)
{
	struct wire_counters *c = counters_of(family);

	if (c)
		__sync_fetch_and_add(&c->skipped, 1);
}

static __always_inline void count_summed(__u32 family)
{
	struct wire_counters *c = counters_of(family);

	if (c)
		__sync_fetch_and_add(&c->summed, 1);
}

static __always_inline void count_made(__u32 family)
{
	struct wire_counters *c = counters_of(family);

	if (c)
		__sync_fetch_and_add(&c->made, 1);
}

static __always_inline void count_lost(__u32 family)
{
	struct wire_counters *c = counters_of(family);

	if (c)
		__sync_fetch_and_add(&c->lost, 1);
}

/*
 * Admission by fill: what a flood is made of may not take the room of what
 * tells who did it. Half for writes and datagrams, three quarters for
 * connections and how they ended; exec, fork, exit and cgroup may fill the
 * ring. Within these, from an eighth of the ring on, a process and a cgroup
 * have their shares (share.bpf.c). An outcome is told in anybody's context,
 * so it is nobody's share.
 */
enum admission {
	ADMIT_ALWAYS,
	ADMIT_OUTCOME,
	ADMIT_THREE_QUARTERS,
	ADMIT_HALF,
};

/* Below this part of the ring nobody is counted. */
#define SHARES_FROM 8

/* Whether who acts now has room for `bytes` more within `limit` of the ring. */
bool has_share(__u64 limit, __u32 bytes);

static __always_inline bool admitted(enum admission a)
{
	__u64 used, limit;

	if (a == ADMIT_ALWAYS)
		return true;
	used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	limit = a == ADMIT_HALF ? ring_bytes / 2 : ring_bytes / 4 * 3;
	if (used >= limit)
		return false;
	if (a == ADMIT_OUTCOME || used < ring_bytes / SHARES_FROM)
		return true;
	return has_share(limit, a == ADMIT_HALF ? 1024 : 256);
}

/*
 * A reader that is behind, waiting for more to read at a time, is not woken by
 * a record; unless that begins another such part of the ring. Less than the
 * part from which shares are counted, so that a flood finds a reader.
 */
#define WAKE_PARTS 32

/* bytes: of the class that it was reserved with. */
static __always_inline void submit(void *record, __u32 bytes)
{
	__u64 end = bpf_ringbuf_query(&ring, BPF_RB_PROD_POS);
	bool crossed = (end & (ring_bytes / WAKE_PARTS - 1)) < bytes;

	bpf_ringbuf_submit(record, crossed ? BPF_RB_FORCE_WAKEUP : 0);
}
