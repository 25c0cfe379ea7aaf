/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Whether another task could change what the running one's descriptors name.
 * A thread that has swapped a descriptor can be gone by the end of the call,
 * and its share of the table with it: so it is asked when a call begins, too.
 *
 * Of the begin one bit for each thread id is kept. A thread sets none but its
 * own, and mostly finds it as it should be: then nothing is written, and the
 * threads of a busy program do not take the same bytes from each other.
 */
#pragma once

#include "current.h"
#include "maps.h"
#include "moved.h"

static __always_inline bool is_table_shared(void)
{
	struct task_struct *t = (void *)bpf_get_current_task();

	if (!has_typed_current())
		return BPF_CORE_READ(t, files, count.counter) > 1;
	return current_shares_files();
}

/* Where the running thread's bit is; NULL: its id is none that exists. */
static __always_inline __u64 *begin_bit(__u64 *ret_bit)
{
	__u32 tid = bpf_get_current_pid_tgid(), word = tid / 64;

	*ret_bit = 1ull << (tid & 63);
	return bpf_map_lookup_elem(&shared_at_begin, &word);
}

/* A call begins: is_table_shared, kept for was_table_shared. */
static __always_inline bool note_shared_table(void)
{
	bool shared = is_table_shared();
	__u64 bit, *word = begin_bit(&bit);

	/* Added or taken away: 5.10 has no other atomic operation. */
	if (word && !!(*word & bit) != shared)
		__sync_fetch_and_add(word, shared ? bit : -bit);
	return shared;
}

/* A call ends: whether the table was shared at its begin, or is now. */
static __always_inline bool was_table_shared(void)
{
	__u64 bit, *word;

	if (is_table_shared())
		return true;
	word = begin_bit(&bit);
	return !word || (*word & bit);
}
