/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that an earlier agent left in the ring: they are read, and their
 * memory is released once the journal has them.
 */
#pragma once

struct agent;

/* Call it once the journal is open and before anything is read. */
void restart_begin(struct agent *a);

/*
 * Report what was lost before this start. Call it after the event STARTED, so
 * that readers place the loss between the two runs.
 */
void restart_tell(struct agent *a);

/* Call it now and then: releases the records once they are durable. */
void restart_watch(struct agent *a);

/* The same at the end, after the journal was flushed. */
void restart_end(struct agent *a);
