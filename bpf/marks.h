/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What is known of each thread that must not give way to what others do, as an
 * entry of an LRU map does: a few bits by thread id, for all ids there can be.
 *
 * A thread sets none but its own, and mostly finds them as they should be: then
 * nothing is written, and the threads of a busy program do not take the same
 * bytes from each other.
 */
#pragma once

#include "maps.h"

enum mark {
	MARK_SHARED = 1, /* the descriptor table, when its call began */
	/* There is, or was until others took its room, an entry in: */
	MARK_BEGUN = 2, /* pending_changes */
	MARK_ASKED = 4, /* mounts_asked */
};

/* Where the running thread's are; NULL: its id is none that exists. */
static __always_inline __u64 *marks_of_thread(__u32 *ret_shift)
{
	__u32 tid = bpf_get_current_pid_tgid(), word = tid / THREADS_PER_WORD;

	*ret_shift = tid % THREADS_PER_WORD * MARKS_PER_THREAD;
	return bpf_map_lookup_elem(&thread_marks, &word);
}

static __always_inline bool is_marked(enum mark m)
{
	__u32 shift;
	__u64 *word = marks_of_thread(&shift);

	return word && (*word & (__u64)m << shift);
}

static __always_inline void mark(enum mark m, bool holds)
{
	__u32 shift;
	__u64 *word = marks_of_thread(&shift), bit = (__u64)m << shift;

	/* Added or taken away: 5.10 has no other atomic operation. */
	if (word && !!(*word & bit) != holds)
		__sync_fetch_and_add(word, holds ? bit : -bit);
}
