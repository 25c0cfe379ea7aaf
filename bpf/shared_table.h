/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Whether another task could change what the running one's descriptors name.
 * A thread that has swapped a descriptor can be gone by the end of the call,
 * and its share of the table with it: so it is asked when a call begins, too.
 */
#pragma once

#include "current.h"
#include "marks.h"
#include "moved.h"

static __always_inline bool is_table_shared(void)
{
	struct task_struct *t = (void *)bpf_get_current_task();

	if (!has_typed_current())
		return BPF_CORE_READ(t, files, count.counter) > 1;
	return current_shares_files();
}

/* A call begins: is_table_shared, kept for was_table_shared. */
static __always_inline bool note_shared_table(void)
{
	bool shared = is_table_shared();

	mark(MARK_SHARED, shared);
	return shared;
}

/* A call ends: whether the table was shared at its begin, or is now. */
static __always_inline bool was_table_shared(void)
{
	return is_table_shared() || is_marked(MARK_SHARED);
}
