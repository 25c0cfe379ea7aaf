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
/* `once` is over, for this destination. Called once. */
typedef void (*ship_done_fn)(void *arg, int code);

struct ship_settings {
	const struct collector *collector; /* kept, not copied */
	const char *journal_dir;	   /* the same */
	/*
	 * Ship what is there, then say that it is done: with 0 when everything
	 * was acknowledged; with 1 when a record was refused, the journal's end
	 * is gone or the cursor cannot be saved, or when `timeout`
	 * has passed without any progress and the collector still does not
	 * take what it is sent.
	 */
	bool once;
	ship_say_fn say;
	void *say_arg;
	ship_done_fn done;
	void *done_arg;
};

int ship_new(struct loop *l, const struct ship_settings *s, struct ship **ret);
/* Leaves a last status behind. What is not acknowledged is sent next time. */
void ship_free(struct ship *s);

/* Begin: from the loop's first turn on. */
int ship_start(struct ship *s);

/* Read credentials anew, and try at once if it was waiting. */
void ship_reload(struct ship *s);

const struct ship_status *ship_status(const struct ship *s);
