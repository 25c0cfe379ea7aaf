/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repeated writes of a process to a file after the first, which was an event.
 * The kernel sums the repeats in its map `written`; this table says which
 * event each sum belongs to. A sum that was added to is fetched when the process
 * exits or the window ends, and journaled as an amendment if it adds anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/amend.h"
#include "event.h"

struct totals;
struct pipeline;
struct wire_written_key;

/* p outlives it; p->sensor is there before the first call of the others. */
int totals_new(struct pipeline *p, struct totals **ret);
void totals_free(struct totals *t);

/*
 * Fetch and journal the sum for this image and file now. False: none is
 * expected, and nothing was fetched.
 */
bool totals_settle(struct totals *t, const struct wire_written_key *key,
		   uint64_t now_ns);

/* The first write `ev` was journaled as target: expect a sum for it. */
void totals_expect(struct totals *t, const struct event *ev,
		   struct amend_target target);

/* The process has exited: amend its events and forget them. */
void totals_of_process(struct totals *t, struct proc_key proc, uint64_t now_ns);

/*
 * Amend events older than window_ns, a bounded number per call. Returns when
 * the next is due (CLOCK_BOOTTIME); 0: none waits.
 */
uint64_t totals_due(struct totals *t, uint64_t now_ns, uint64_t window_ns);
