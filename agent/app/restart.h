/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier agent left in the kernel: taken up, told, and given back
 * when the journal has it.
 */
#pragma once

struct agent;

/* The journal is open, nothing was read yet. */
void restart_begin(struct agent *a);

/*
 * What was lost before this start, once the journal has its STARTED: so that a
 * reader takes it for what came between that and the run before.
 */
void restart_tell(struct agent *a);

/* Now and then: once all of it is on the disk it is let go. */
void restart_watch(struct agent *a);

/* The same, when everything was read and the journal flushed. */
void restart_end(struct agent *a);
