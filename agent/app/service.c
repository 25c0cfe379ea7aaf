// SPDX-License-Identifier: Apache-2.0
/*
 * The service manager's part: it hears when picket watches, that a reload is
 * under way, that picket ends, and, as long as the loop gets anywhere, that
 * it does. A loop that turns and reads nothing of a ring with something in it
 * gets nowhere: it is ended and started again, and the pinned programs bridge
 * the gap.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/agent.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "rules/rules.h"
#include "sense/sensor.h"

/* The manager wants to hear at least once in its interval: be early. */
#define FEEDS_PER_INTERVAL 3

static void say(struct agent *a, const char *state)
{
	int r = notify_say(&a->service.notify, state);

	if (r < 0)
		log_warning("cannot tell the service manager: %s",
			    strerrordesc_np(-r));
}

static uint64_t records_read(const struct agent *a)
{
	uint64_t n = 0;

	for (int f = 0; f < WIRE_FAM_COUNT; f++)
		n += sensor_received(a->sensor, (enum wire_family)f);
	return n;
}

static int feed(void *arg)
{
	struct agent *a = arg;
	uint64_t now = records_read(a), used, size;
	bool has_waiting;

	sensor_fill(a->sensor, &used, &size);
	has_waiting = used > 0;
	if (has_waiting && a->service.had_waiting && now == a->service.read)
		return 0;
	a->service.had_waiting = has_waiting;
	a->service.read = now;
	(void)notify_say(&a->service.notify, "WATCHDOG=1");
	return 0;
}

void service_begin(struct agent *a)
{
	int r = notify_open(&a->service.notify);

	if (r < 0)
		log_warning("cannot reach the service manager: %s",
			    strerrordesc_np(-r));
}

int service_ready(struct agent *a)
{
	uint64_t interval_ms = a->service.notify.watchdog_ms;
	struct loop_timer *timer;
	char state[128];
	int r = 0;

	if (interval_ms && !a->service.is_fed)
		r = loop_timer_new(a->loop,
				   interval_ms / FEEDS_PER_INTERVAL + 1, feed,
				   a, &timer);
	if (r < 0)
		return r;
	a->service.is_fed = true;
	(void)snprintf(state, sizeof(state),
		       "READY=1\nSTATUS=watching, %zu rules",
		       rule_set_count(a->rules));
	say(a, state);
	return 0;
}

void service_reloading(struct agent *a)
{
	char state[64];

	/* By the time, READY is known to be the end of this one. */
	(void)snprintf(state, sizeof(state),
		       "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		       clock_mono_ns() / 1000);
	say(a, state);
}

void service_stopping(struct agent *a)
{
	say(a, "STOPPING=1");
}

void service_end(struct agent *a)
{
	notify_close(&a->service.notify);
}
