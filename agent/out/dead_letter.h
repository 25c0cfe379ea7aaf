/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that the collector refuses, set aside: one JSON object per line in
 * a file of the state directory, with the collector's answer and the record
 * as it was sent, so that it can be looked at and sent again by hand.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/*
 * When the file would grow past this it becomes NAME.1, and what was that is
 * gone: a collector's refusals must neither fill a disk nor hold up what it
 * takes. The journal still has the records for a while.
 */
#define DEAD_LETTER_FILE_MAX (64u << 20)

struct dead_letter {
	const char *uid;
	const char *format; /* otlp, picket */
	long status;
	const char *answer;
	struct slice record;
	int64_t wall_ns; /* now */
};

/* Durable when it returns 0. *ret_gone: older letters had to go for it. */
int dead_letter_append(const char *dir, const char *name,
		       const struct dead_letter *d, bool *ret_gone);
