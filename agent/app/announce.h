/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events about picket itself, in the journal like any other, so that whoever
 * reads it later knows when picket saw, what it could not see, and why.
 */
#pragma once

#include <stdint.h>

#include "out/record.h"

struct journal;

struct announcer {
	struct journal *journal; /* borrowed */
	int64_t wall_offset_ns;	 /* wall - boot, kept current */
};

#define ANNOUNCE_FACTS_MAX 24

/*
 * Journal one. what: PICKET__V1__AGENT__WHAT__*. facts: end with a NULL key;
 * may be NULL. fmt: the line for a person; escape foreign bytes before.
 * Returns the event's number; 0: the journal did not take it.
 */
uint64_t announce(struct announcer *a, int what,
		  const struct record_fact *facts, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The COVERAGE event. */
void announce_coverage(struct announcer *a,
		       const struct record_coverage_table *table);
