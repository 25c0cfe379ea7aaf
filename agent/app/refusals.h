/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports dead letters as events: whoever responds to an incident must know
 * that a collector does not have everything. The shipper may not write to the
 * journal, so the agent reads the shipper's status.
 */
#pragma once

#include <stdint.h>

#include "app/destinations.h"

struct announcer;

struct refusals {
	int64_t since_ns; /* wall time; earlier refusals are not reported */
	struct {
		int64_t shipper_ns; /* when it started; 0: none was seen yet */
		uint64_t told;	    /* dead letters that were reported */
		uint64_t last_ns;   /* boot time of the last event; 0: none */
	} of[DESTINATIONS_MAX];
};

/*
 * Report new ones; per collector at most once a minute, because the event that
 * reports them may be refused, too.
 */
void refusals_check(struct refusals *r, const struct conf *c,
		    struct announcer *a, uint64_t now_ns);
