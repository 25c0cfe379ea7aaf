/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second lane: while the first is behind, alerts that are raised now go
 * ahead of what waits. A reader of its own looks for them at the journal's
 * end; what was sent is remembered, and withheld from the first lane.
 *
 * It promises speed and no more: whatever goes wrong with it, the record is
 * still in the first lane.
 */
#pragma once

#include "out/ship_part.h"

int early_new(struct ship *s, struct early **ret);
/* NULL is fine, as it is for early_close. */
void early_free(struct early *e);

/*
 * The journal that s->cursor is of was opened, or is being closed. What it
 * holds already is a backlog: looking begins at its end. With `once` nobody
 * looks ahead, but what was sent early before is still known.
 */
int early_open(struct early *e);
void early_close(struct early *e);

/* The first lane is behind: look ahead from where it is. */
void early_watch(struct early *e);
/* The first lane has read everything. */
void early_caught_up(struct early *e);
/* Read credentials anew, and try at once if it was waiting. */
void early_reload(struct early *e);
/* The collector takes records: no need to wait any longer. */
int early_wake(struct early *e);

/* May the first lane send this alert? */
enum early_claim {
	EARLY_FREE, /* yes */
	EARLY_SENT, /* no, it is there */
	EARLY_BUSY, /* not known yet: ship_pump is called when it is */
};
enum early_claim early_claim(struct early *e, const struct view *v);

/* The first lane is done with everything up to s->cursor. */
void early_pass(struct early *e);
