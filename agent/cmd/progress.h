/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a command that reads a journal has come: one line on stderr, which
 * is taken away again, and only where that is a terminal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what; /* "learning" */
	bool on;
	bool shown;
	uint64_t events;
	int64_t first_ns, last_ns; /* wall clock: of the span */
	uint64_t told_ns;
};

/* to_ns: where the span ends; INT64_MAX: now. */
void progress_begin(struct progress *p, const char *what, int64_t to_ns);
/* One more event, of this time. */
void progress_step(struct progress *p, int64_t wall_ns);
void progress_end(struct progress *p);
