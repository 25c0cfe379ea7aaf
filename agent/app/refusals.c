/* SPDX-License-Identifier: Apache-2.0 */
#include "app/refusals.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/announce.h"
#include "base/clock.h"
#include "event.pb-c.h"
#include "out/collector.h"

#define QUIET_NS (60ull * NS_PER_S)

static void tell(struct announcer *a, const struct conf_collector *c,
		 uint64_t count)
{
	const char *name = c->name ? c->name : "default";
	char n[24];
	const struct record_fact facts[] = {
		{ "collector", name },
		{ "count", n },
		{ NULL, NULL },
	};

	(void)snprintf(n, sizeof(n), "%" PRIu64, count);
	announce(a, PICKET__V1__AGENT__WHAT__REFUSED, facts,
		 "collector %s refused %" PRIu64
		 " records for good: see " COLLECTOR_DEAD " in its state_dir",
		 name, count);
}

void refusals_check(struct refusals *r, const struct conf *c,
		    struct announcer *a, uint64_t now_ns)
{
	const struct conf_collector *it;
	struct ship_status s;
	size_t i;

	for (i = 0; (it = conf_destination(c, i)); i++) {
		if (ship_status_load(it->state_dir, COLLECTOR_STATUS, &s) < 0)
			continue;
		/* Of another shipper the count begins anew. */
		if (r->of[i].shipper_ns != s.started_ns)
			r->of[i].told =
				s.started_ns < r->since_ns ? s.dead_letters : 0;
		r->of[i].shipper_ns = s.started_ns;
		if (s.dead_letters <= r->of[i].told ||
		    (r->of[i].last_ns && now_ns - r->of[i].last_ns < QUIET_NS))
			continue;
		tell(a, it, s.dead_letters - r->of[i].told);
		r->of[i].told = s.dead_letters;
		r->of[i].last_ns = now_ns;
	}
}
