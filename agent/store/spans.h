/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which segments hold records of a span of time: the journal's index by time,
 * read from what each segment's last seal says, and within a segment from the
 * seals before that (journal_format.h). Right
 * whichever way the clock was set; a segment that cannot be judged is taken
 * to hold some.
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

/*
 * Segments that follow one another, the number to begin reading with, and
 * where that is in the first of them; of the last, the numbers up to which
 * something may be of the span.
 */
struct span_run {
	uint64_t first_segment, last_segment;
	uint64_t first_seq;
	uint64_t first_off; /* behind a seal; 0: at its beginning */
	uint64_t last_seq;
};

struct spans {
	struct span_run *runs; /* ascending */
	size_t n;
	uint64_t segments; /* in the journal */
	uint64_t chosen;   /* of them, in runs */
	bool trimmed;	   /* there was something before the oldest */
	int64_t begun_ns;  /* when the oldest was begun; 0: there is none */
	/* What the state knows of behind the youngest seal; 0: nothing. */
	uint64_t gone_first, gone_last;
};

int spans_find(const char *dir, const struct span *span, struct spans *ret);
void spans_done(struct spans *s);
