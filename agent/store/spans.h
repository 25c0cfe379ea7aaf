/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's index by time: which segments hold records of a span of time.
 * It is read from the last seal of each segment, and within a segment from the
 * seals before that (journal_format.h). It is right however the clock was set;
 * a segment that cannot be judged is assumed to hold some.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Wall time, both ends included. */
struct span {
	int64_t from_ns, to_ns;
};

static inline bool span_has(const struct span *s, int64_t wall_ns)
{
	return wall_ns >= s->from_ns && wall_ns <= s->to_ns;
}

/* Consecutive segments to read, from first_seq to last_seq. */
struct span_run {
	uint64_t first_segment, last_segment;
	uint64_t first_seq;
	uint64_t first_off; /* in the first segment; 0: its beginning */
	uint64_t last_seq;
};

struct spans {
	struct span_run *runs; /* ascending */
	size_t n;
	uint64_t segments; /* in the journal */
	uint64_t chosen;   /* how many of them are in runs */
	bool trimmed;	   /* older segments were deleted */
	int64_t begun_ns;  /* wall time when the oldest began; 0: none */
	/* Numbers that the state file names and no segment has; or 0. */
	uint64_t gone_first, gone_last;
};

int spans_find(const char *dir, const struct span *span, struct spans *ret);
void spans_done(struct spans *s);
