/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier picket wrote last, for who goes on with what it had in
 * memory when it was killed.
 */
#pragma once

#include <stdint.h>

#include "out/view.h"

struct agent;

/*
 * What a busy host makes while a verdict is pending: 13 000 a second, or 1 000
 * while the packages' database is being made (PENDING_MS, PENDING_MAKING_MS).
 */
#define JOURNAL_END_PENDING 65536u

/* Negative: it ends with that; 1: the view is taken over, else it is done. */
typedef int (*journal_end_fn)(void *arg, const struct view_images *images,
			      struct view *v);

/*
 * Each record from the number `from` up to where this run of picket began.
 * An amendment shows nothing of its event. -errno as of the reader or fn.
 */
int journal_end_read(const struct agent *a, uint64_t from, journal_end_fn fn,
		     void *arg);
