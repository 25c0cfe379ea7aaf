/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the journal has told of losses and of the policy in force, as far as
 * it was read: manifests repeat it, so that a receiver need not have kept
 * every record to know. Counted once each, over restarts of the shipper too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "out/view.h"

struct tally {
	uint8_t journal[16];
	uint32_t epoch; /* counted up to here */
	uint64_t seq;
	bool has_policy; /* false: the journal has not told of one */
	uint8_t policy[32];
	uint64_t lost_kernel;  /* events, by the agent's own reports */
	uint64_t lost_journal; /* numbers without a record: gaps */
};

/* Takes what the record tells, if it does; true: something has changed. */
bool tally_take(struct tally *t, const struct view *v);

/* Empty for this journal where there is none, or one of another. -errno. */
int tally_load(const char *dir, const uint8_t journal[static 16],
	       struct tally *ret);
int tally_save(const char *dir, const struct tally *t);
