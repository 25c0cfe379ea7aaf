/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses and the policy in force, gathered from the records read so far. Every
 * manifest repeats them, so that a receiver need not keep all records to know.
 * Each loss is counted once, also over restarts of the shipper.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "out/view.h"

struct tally {
	uint8_t journal[16];
	uint32_t epoch; /* counted up to here */
	uint64_t seq;
	bool has_policy; /* false: no record named one yet */
	uint8_t policy[32];
	uint64_t lost_kernel;  /* events, by the agent's own reports */
	uint64_t lost_journal; /* numbers without a record: gaps */
};

/* Take one record into account; true: something has changed. */
bool tally_take(struct tally *t, const struct view *v);

/* Load the file; an empty tally if there is none or it is another journal's. */
int tally_load(const char *dir, const uint8_t journal[static 16],
	       struct tally *ret);
int tally_save(const char *dir, const struct tally *t);
