/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Reserving room in the ring, and counting records that found none. A submitted
 * record cannot shrink, so a body measures first and then reserves the smallest
 * size class that fits. The record is assembled in the ring itself, because a
 * program that preempts this one can overwrite anything per-CPU.
 *
 * A class ends with SLACK bytes: names are read in pieces of up to 255 bytes,
 * and the verifier tracks `at < class - SLACK` and `n < 256`, but not their
 * sum. The last bytes hold the state of loops: a value that was stored in
 * memory is unknown to the verifier, so all iterations of a path walk look
 * alike to it, on every kernel.
 */
#pragma once

#include "maps.h"

#define PIECE	256
#define SCRATCH 80
#define SLACK	(PIECE + SCRATCH)

/* The last offset at which a piece may begin. */
#define CLASS_END(class) ((class) - SLACK)

/*
 * A pointer as a number. Some verifiers allow no arithmetic on a typed pointer,
 * and none may be passed to a global function.
 */
static __always_inline __u64 number_of(const void *p)
{
	__u64 pointer = (__u64)p, number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &pointer);
	return number;
}

/*
 * Make the verifier forget the value of a variable on the stack, by reading it
 * onto itself. Otherwise each constant that it may hold is a state of its own,
 * and the rest of the program is verified once for each.
 */
#define forget_known(variable) \
	bpf_probe_read_kernel(&(variable), sizeof(variable), &(variable))

static __always_inline struct wire_counters *counters_of(__u32 family)
{
	return bpf_map_lookup_elem(&counters, &family);
}

/*
 * Counters are per CPU, and still need atomic adds: a softirq that interrupts
 * this program may count in the same family.
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
 * Admission by how full the ring is: records that a flood consists of must not
 * displace those that say who caused it. Writes and datagrams are admitted up
 * to half of the ring, connections and their outcomes up to three quarters;
 * exec, fork, exit and cgroup records may fill it. Once an eighth of the ring
 * is in use, processes and cgroups are limited to a fair share of that
 * (share.bpf.c), except for outcomes, which are reported in any process's
 * context.
 */
enum admission {
	ADMIT_ALWAYS,
	ADMIT_OUTCOME,
	ADMIT_THREE_QUARTERS,
	ADMIT_HALF,
};

/* Shares are enforced once 1/SHARES_FROM of the ring is in use. */
#define SHARES_FROM 8

/* Has the current process (and cgroup) a share of `bytes` more in `limit`? */
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
 * A reader that lets records gather is not woken by each of them, but whenever
 * another 1/WAKE_PARTS of the ring was filled. This is less than 1/SHARES_FROM,
 * so that the reader is awake before a flood runs into its share.
 */
#define WAKE_PARTS 32

/* bytes: the size that was reserved. */
static __always_inline void submit(void *record, __u32 bytes)
{
	__u64 end = bpf_ringbuf_query(&ring, BPF_RB_PROD_POS);
	bool crossed = (end & (ring_bytes / WAKE_PARTS - 1)) < bytes;

	bpf_ringbuf_submit(record, crossed ? BPF_RB_FORCE_WAKEUP : 0);
}
