/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What files are, on the agent's loop: the database of packages is opened, or
 * made, when the policy first asks for it, and made anew when packages change.
 */
#pragma once

#include <sys/types.h>

#include "app/pending.h"
#include "trust/trust.h"

struct agent;
struct trust_run;

struct trust_status {
	bool enabled;
	bool wanted; /* some rule asks for it */
	bool making;
	bool is_fixed; /* nobody is left to make another database */
	int error;     /* of the last try to make a database, errno */
	uint32_t odd;  /* entries that it left out */
	struct trust_stats stats;
	struct pending_stats pending;
};

/* While there is one thread, and before privileges go: the process that reads
 * the databases. -errno. */
int trust_run_prepare(struct agent *a);
/* That process; 0: there is none. */
pid_t trust_run_helper(const struct agent *a);
/* The thread. What is pending can be judged from now on. -errno. */
int trust_run_new(struct agent *a);
/* On the loop. -errno. */
int trust_run_start(struct agent *a);
void trust_run_free(struct agent *a);

/* Whether the rules, perhaps others than before, ask for packages. */
void trust_run_rules(struct agent *a);
/* What waits is judged; last: for good. */
void trust_run_settle(struct agent *a, bool last);
/*
 * At the end, when the loop has ended: as it becomes known, for PENDING_MS at
 * most, and then for good.
 */
void trust_run_finish(struct agent *a);

void trust_run_status(const struct agent *a, struct trust_status *ret);
