/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seals of a segment, from the last one backwards: each says where the one
 * before it is, and of what time the records before it are. The index within a
 * segment. Nothing that a seal says leads out of what is before it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "journal_format.h"
#include "store/scan.h"

struct seal_at {
	struct journal_seal seal; /* times that it does not have: zeros */
	bool has_times;
	uint64_t off, end; /* of its frame */
};

/*
 * 1: *ret is the last seal. *ret_is_last: nothing stands behind it. 0: there
 * is none in the end of the file, where one is unless more than a second of
 * records, or damage, comes behind it. The scan's position is lost.
 */
int seals_last(struct scan *s, struct seal_at *ret, bool *ret_is_last);

/* 1: *ret is the seal before `of`; 0: `of` is the first, or says wrong. */
int seals_before(const struct scan *s, const struct seal_at *of,
		 struct seal_at *ret);
