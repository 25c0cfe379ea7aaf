/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about files, on the agent's loop. The database of packages is loaded,
 * or built, when the policy first needs it, and rebuilt when packages change.
 */
#pragma once

#include <sys/types.h>

#include "app/pending.h"
#include "trust/trust.h"

struct agent;
struct trust_run;

struct trust_status {
	bool enabled;
	bool wanted;   /* some rule asks about packages */
	bool making;   /* a database is being built */
	bool is_fixed; /* the process that builds databases is gone */
	int error;     /* errno of the last attempt to build one; or 0 */
	uint32_t odd;  /* entries that it left out as invalid */
	struct trust_stats stats;
	struct pending_stats pending;
};

/*
 * Start the process that reads the package databases. Call it while there is
 * one thread, and before privileges are dropped. -errno.
 */
int trust_run_prepare(struct agent *a);
/* The pid of that process; 0: there is none. */
pid_t trust_run_helper(const struct agent *a);
/* Start the thread; events can be pending from now on. -errno. */
int trust_run_new(struct agent *a);
/* Attach it to the loop. -errno. */
int trust_run_start(struct agent *a);
void trust_run_free(struct agent *a);

/* The rules were loaded or replaced: do they ask about packages now? */
void trust_run_rules(struct agent *a);
/* Judge pending events again; last: for the last time. */
void trust_run_settle(struct agent *a, bool last);
/*
 * After the loop has ended: wait for facts, for at most PENDING_MS, and then
 * judge what is left for the last time.
 */
void trust_run_finish(struct agent *a);

void trust_run_status(const struct agent *a, struct trust_status *ret);
