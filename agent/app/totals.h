/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process went on doing to a file after the event that told of it.
 * The kernel sums repeats in its `written` map; here stands which event each
 * sum belongs to. Sums are fetched when the process exits or the window is
 * over, and journaled as amendments where they add anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/amend.h"
#include "event.h"

struct totals;
struct pipeline;
struct wire_written_key;

int totals_new(struct totals **ret);
void totals_free(struct totals *t);

/*
 * Amend what is expected for this image and file now; false: nothing is, and
 * nothing was taken.
 */
bool totals_settle(struct totals *t, struct pipeline *p,
		   const struct wire_written_key *key, uint64_t now_ns);

void totals_expect(struct totals *t, const struct event *ev,
		   struct amend_target target);

/* The process is gone: amend its events, forget them. */
void totals_of_process(struct totals *t, struct pipeline *p,
		       struct proc_key proc, uint64_t now_ns);

/*
 * Amend events older than window_ns; at most a bounded number each call.
 * 0: none waits; else when the oldest will be due (boottime).
 */
uint64_t totals_due(struct totals *t, struct pipeline *p, uint64_t now_ns,
		    uint64_t window_ns);
