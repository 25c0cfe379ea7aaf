/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What could have been seen at a point in time, from the journal alone: the
 * table of ways in that was in force, what was lost around it, and whether
 * picket ran at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/reader.h"

enum coverage_state {
	COVERAGE_RAN,
	COVERAGE_BEFORE,  /* the journal begins later */
	COVERAGE_STOPPED, /* it had been stopped */
	COVERAGE_DOWN,	  /* it had ended without a word, and started later */
};

struct coverage_row {
	char *family, *way, *backend, *reason;
	bool active;
};

struct coverage_loss {
	char *family;	 /* COVERAGE_ANY_FAMILY: of whatever kinds */
	const char *why; /* static */
	uint64_t count;
	int64_t from_ns, until_ns; /* wall clock */
};

#define COVERAGE_LOSSES_MAX 64
#define COVERAGE_ANY_FAMILY "records"

struct coverage {
	enum coverage_state state;
	/* Not running: since when, and until when; INT64_MAX: it still is. */
	int64_t from_ns, until_ns;
	char *why; /* STOPPED: the record's own words */

	/* The table that was in force, or the next one of that run. */
	struct coverage_row *rows;
	size_t n_rows;

	/* Lost in an interval that the time lies in. */
	struct coverage_loss losses[COVERAGE_LOSSES_MAX];
	size_t n_losses;
	uint64_t more_losses; /* events of those that had no room here */

	/* Records that stood around that time and are gone. */
	uint64_t missing_first, missing_last; /* 0: none */

	int64_t newest_ns;  /* the last record that was read */
	size_t newest_era; /* of the clock (coverage_clock.h) */
	uint64_t bad;	   /* that could not be understood */
};

/*
 * era: of the clock, that the time is of. -errno of reading. *ret is filled in on
 * success; coverage_done frees it.
 */
int coverage_read(const char *dir, int64_t at_ns, size_t era,
		  struct coverage *ret);
void coverage_done(struct coverage *c);

/* Is it of what picket says of itself? Others are not unpacked. */
bool coverage_is_of_picket(const struct reader_frame *f);
