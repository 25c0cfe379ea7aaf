/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters become an event: who responds to an incident has to know that
 * a collector does not hold everything. The shipper may not write the journal,
 * so the agent reads what the shipper says of itself.
 */
#pragma once

#include <stdint.h>

#include "app/destinations.h"

struct announcer;

struct refusals {
	int64_t since_ns; /* wall time; what was refused before is not told */
	struct {
		int64_t shipper_ns; /* when it started; 0: none was seen yet */
		uint64_t told;	    /* dead letters of it */
		uint64_t last_ns;   /* boot time of the last event; 0: none */
	} of[DESTINATIONS_MAX];
};

/*
 * Look, and tell what is new; of one collector once a minute at most, for the
 * event itself may be refused.
 */
void refusals_check(struct refusals *r, const struct conf *c,
		    struct announcer *a, uint64_t now_ns);
