/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shipping to one destination: journal -> collector, at least once. Peek,
 * send, wait for a 2xx, move the cursor. ships.h has all of them.
 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"
#include "out/collector.h"
#include "out/ship_status.h"

struct ship;

enum ship_say { SHIP_ERROR, SHIP_WARNING, SHIP_NOTICE, SHIP_DEBUG };
/* One line for the operator, escaped. */
typedef void (*ship_say_fn)(void *arg, enum ship_say level, const char *line);
/* Called once, when `once` is finished for this destination. */
typedef void (*ship_done_fn)(void *arg, int code);

struct ship_settings {
	const struct collector *collector; /* kept, not copied */
	const char *journal_dir;	   /* the same */
	/*
	 * Ship what the journal has now, then call done: with 0 if everything
	 * was acknowledged; with 1 if a record was refused, the journal's end
	 * is missing, the cursor cannot be saved, or the collector has taken
	 * nothing for `timeout`.
	 */
	bool once;
	ship_say_fn say;
	void *say_arg;
	ship_done_fn done;
	void *done_arg;
};

int ship_new(struct loop *l, const struct ship_settings *s, struct ship **ret);
/* Writes a last status. What is not acknowledged is sent again next time. */
void ship_free(struct ship *s);

/* Begin, with the first turn of the loop. -errno. */
int ship_start(struct ship *s);

/* Read credentials anew, and try at once if it was waiting. */
void ship_reload(struct ship *s);

const struct ship_status *ship_status(const struct ship *s);
