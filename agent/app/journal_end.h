/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the end of the journal at a start, for those who restore what an
 * earlier picket had in memory when it was killed.
 */
#pragma once

#include <stdint.h>

#include "out/view.h"

struct agent;

/*
 * Records that have to be read to find every pending verdict: 13 000 a second
 * for PENDING_MS, or 1 000 a second for PENDING_MAKING_MS.
 */
#define JOURNAL_END_PENDING 65536u

/* Returns 1: fn keeps the view, 0: it does not; negative ends the reading. */
typedef int (*journal_end_fn)(void *arg, const struct view_images *images,
			      struct view *v);

/*
 * Call fn for each record from the number `from` to the last one before this
 * run of picket. Amendments do not show their event. -errno of the reader or
 * of fn.
 */
int journal_end_read(const struct agent *a, uint64_t from, journal_end_fn fn,
		     void *arg);
