/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded events put to a policy once more, by the deciding code itself, and
 * what it says held against what was said before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/expect.h"
#include "event.h"
#include "store/spans.h"

struct query_match;
struct rule_set;

/* Samples kept of each rule that alerts now and did not, or the other way. */
#define REPLAY_SAMPLES 3

struct replay_sample {
	char *uid, *line;
};

/* What changed for one rule: newly alerted by it, or no longer. */
struct replay_change {
	char rule[EXPECT_NAME_MAX + 1]; /* "none": no rule decided */
	enum severity severity;
	bool silenced; /* else alerted */
	uint64_t count;
	struct replay_sample samples[REPLAY_SAMPLES];
};

struct replay_tally {
	uint64_t answers[ANSWER_COUNT];
	uint64_t alerts;
};

struct replay {
	struct rule_set *set;	  /* borrowed: the policy under test */
	struct rule_set *against; /* borrowed; NULL: what was recorded */
	struct expects *expects;  /* borrowed; NULL: none */

	uint64_t events;
	int64_t first_ns, last_ns;
	struct replay_tally before, now;
	struct replay_change *changes; /* by count, most first */
	size_t n_changes;
	uint64_t alerted, silenced; /* events */
	/* Events that may only seem to differ: it hangs on redacted secrets. */
	uint64_t redacted;
	/* Whose recorded verdict is not known: it was pending to the end. */
	uint64_t unsettled;
	uint64_t bad; /* records that were not understood */
};

/* Which events: of this journal, time and kind. */
struct replay_source {
	const char *journal;
	struct span span;
	const struct query_match *match;
};

/* -errno. replay_done in any case. */
int replay_run(struct replay *r, const struct replay_source *of);
void replay_done(struct replay *r);
