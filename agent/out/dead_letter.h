/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that a collector refuses, set aside in a journal of their own: as
 * they stand in the journal, with who did it, and with the collector's answer
 * (Refusal in proto/event.proto). Whatever reads journals reads them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/*
 * The oldest letters go beyond this: a collector's refusals must neither fill
 * a disk nor hold up what it takes. The journal has the records for a while.
 */
#define DEAD_LETTERS_SIZE_MAX (64u << 20)
#define DEAD_LETTERS_AGE_DAYS 365

/* Which record, and what was said to it. Text is borrowed, and short. */
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
 * Those of state_dir, about records of the journal in journal_dir. Nothing is
 * opened or made before the first letter.
 */
int dead_letters_new(const char *state_dir, const char *journal_dir,
		     struct dead_letters **ret);
void dead_letters_free(struct dead_letters *d);

/*
 * Durable when it returns 0; on failure it may be there all the same, and be
 * there twice when it is tried again. *ret_gone: older ones had to go.
 */
int dead_letters_add(struct dead_letters *d, const struct dead_letter *l,
		     bool *ret_gone);
