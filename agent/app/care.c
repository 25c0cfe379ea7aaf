// SPDX-License-Identifier: Apache-2.0
/*
 * Looking after the kernel side on the loop. The order is what matters: what
 * somebody did is told, with the table as it is then, before it is put right,
 * and that is told again. So a reader of the journal knows of every moment
 * that was not watched.
 */
#include <stdio.h>

#include "app/agent.h"
#include "app/mates.h"
#include "base/log.h"
#include "base/loop.h"
#include "event.pb-c.h"
#include "sense/sensor.h"

/* How soon it is noticed. */
#define LOOK_AFTER_MS 2000

/* One line for the operator, and one for whoever reads the journal later. */
static void tell(struct agent *a, const char *key, unsigned count,
		 const char *text)
{
	char n[16];
	const struct record_fact facts[] = { { key, n }, { NULL, NULL } };

	(void)snprintf(n, sizeof(n), "%u", count);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__BLINDED, facts, "%s",
		 text);
	log_error("%s", text);
}

static void tell_harm(struct agent *a, const struct sensor_harm *harm)
{
	char text[320];

	if (harm->hooks) {
		(void)snprintf(text, sizeof(text),
			       "somebody put out %u of picket's hooks: picket "
			       "status tells which",
			       harm->hooks);
		tell(a, "hooks", harm->hooks, text);
	}
	if (harm->pins) {
		(void)snprintf(text, sizeof(text),
			       "somebody took away %u of picket's pins: they "
			       "are back",
			       harm->pins);
		tell(a, "pins", harm->pins, text);
	}
	if (harm->pins_astray)
		tell(a, "pins_astray", 1, sensor_pin_trouble(a->sensor));
	if (harm->control)
		tell(a, "control", 1,
		     "somebody changed whom picket's programs leave out as "
		     "picket itself: it is set right");
}

static void tell_mended(struct agent *a, unsigned hooks)
{
	char n[16];
	const struct record_fact facts[] = { { "hooks", n }, { NULL, NULL } };

	(void)snprintf(n, sizeof(n), "%u", hooks);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__MENDED, facts,
		 "%u of picket's hooks are attached again", hooks);
	log_notice("%u of picket's hooks are attached again", hooks);
}

/* Also while nothing happens: then it may be because nothing is seen. */
static int look_after(void *arg)
{
	struct agent *a = arg;
	struct sensor_harm harm;
	unsigned mended;

	if (sensor_check(a->sensor, &harm)) {
		tell_harm(a, &harm);
		report_coverage(a);
	}
	mended = sensor_mend(a->sensor);
	if (mended)
		tell_mended(a, mended);
	/* After the check: what is ours is set right before it is changed. */
	mates_watch(a);
	report_coverage(a);
	return 0;
}

int care_start(struct agent *a)
{
	struct loop_timer *timer;

	return loop_timer_new(a->loop, LOOK_AFTER_MS, look_after, a, &timer);
}
