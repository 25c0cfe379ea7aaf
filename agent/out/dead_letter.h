/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: records that a collector refused, kept in a journal of their
 * own with the process that acted and the collector's answer (Refusal in
 * proto/event.proto). All commands that read journals can read it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/*
 * Bounds, beyond which the oldest are deleted: refusals must neither fill a
 * disk nor delay other records. (The main journal still has the records for a
 * while.)
 */
#define DEAD_LETTERS_SIZE_MAX (64u << 20)
#define DEAD_LETTERS_AGE_DAYS 365

/* A record, and how it was refused. Text is borrowed. */
struct dead_letter {
	uint8_t journal[16];
	uint32_t epoch;
	uint64_t seq;
	const char *uid;
	const char *destination; /* "" for the unnamed one */
	const char *url;
	const char *format; /* otlp, picket */
	uint32_t status;
	const char *answer;
	struct slice record; /* as it was sent */
	int64_t wall_ns;     /* now */
};

struct dead_letters;

/*
 * The dead letters in state_dir, for records of the journal in journal_dir.
 * Nothing is opened or created before the first one.
 */
int dead_letters_new(const char *state_dir, const char *journal_dir,
		     struct dead_letters **ret);
void dead_letters_free(struct dead_letters *d);

/*
 * Durable when it returns 0. After a failure it may be there all the same, and
 * twice when it is tried again. *ret_gone: older ones were deleted.
 */
int dead_letters_add(struct dead_letters *d, const struct dead_letter *l,
		     bool *ret_gone);
