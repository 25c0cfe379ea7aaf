/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seals of a segment, from the last one backwards: the index within a
 * segment. Each seal points to the one before it and has the times of the
 * records that it covers. Offsets in a seal are checked: they only lead
 * backwards.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "journal_format.h"
#include "store/scan.h"

struct seal_at {
	struct journal_seal seal; /* without times, these are 0 */
	bool has_times;
	uint64_t off, end; /* of its frame */
};

/*
 * 1: *ret is the last seal; *ret_is_last: nothing follows it. 0: none was found
 * near the end of the file, which happens only if damage or more than a second
 * of records follows it. The scan's position is lost. -errno.
 */
int seals_last(struct scan *s, struct seal_at *ret, bool *ret_is_last);

/* 1: *ret is the seal before `of`; 0: `of` is the first, or is wrong. */
int seals_before(const struct scan *s, const struct seal_at *of,
		 struct seal_at *ret);
