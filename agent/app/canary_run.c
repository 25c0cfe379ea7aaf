// SPDX-License-Identifier: Apache-2.0
/*
 * The canary's rounds on the agent's loop: one is sent each interval, and the
 * one before is judged then. What is told is a change: that it came through
 * for the first time, that it no longer does, that it does again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/agent.h"
#include "app/destinations.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "event.pb-c.h"

/* The first one does not wait for the interval. */
#define FIRST_MS 200

static struct canary_progress progress_of(struct agent *a)
{
	struct canary_progress p = { 0 };
	struct journal_stats j;

	journal_stats(a->journal, &j);
	p.sealed_seq = j.sealed_seq;
	p.has_done = destinations_done(a->s->conf, a->opening.id, &p.done_seq);
	return p;
}

void canary_watch(struct agent *a)
{
	struct canary_progress p;

	if (!a->canary.flies)
		return;
	p = progress_of(a);
	canary_progress(&a->canary, &p, clock_boot_ns());
}

static void tell_missing(struct agent *a, const char *stage, const char *why)
{
	char rounds[24], misses[24];
	const struct record_fact facts[] = {
		{ "stage", stage },
		{ "rounds", rounds },
		{ "misses", misses },
		{ NULL, NULL },
	};

	(void)snprintf(rounds, sizeof(rounds), "%" PRIu64, a->canary.rounds);
	(void)snprintf(misses, sizeof(misses), "%" PRIu64, a->canary.misses);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__CANARY_MISSING, facts,
		 "the canary did not come through: %s", why);
	log_warning("the canary did not come through: %s", why);
}

static void tell_through(struct agent *a, const char *how)
{
	char ms[24];
	const struct record_fact facts[] = { { "latency_ms", ms },
					     { NULL, NULL } };

	(void)snprintf(ms, sizeof(ms), "%llu",
		       a->canary.latency_ns / NS_PER_MS);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__CANARY, facts,
		 "the canary came through%s in %s ms", how, ms);
}

/* What is said of a stage that was not reached. */
static const char *const lacking[CANARY_STAGES] = {
	[CANARY_EXEC] = "its exec was not seen",
	[CANARY_CONNECT] = "its connection was not seen",
	[CANARY_WRITE] = "its write was not seen",
	[CANARY_SEALED] = "its events are not on the disk",
	[CANARY_ACKNOWLEDGED] = "a collector has not acknowledged its events",
};

static void judge_journal(struct agent *a, enum canary_stage lacks)
{
	struct canary *c = &a->canary;
	char why[96];

	if (lacks > CANARY_SEALED) {
		if (c->is_missing || c->rounds == 1)
			tell_through(a, c->is_missing ? " again" : "");
		c->is_missing = false;
		return;
	}
	c->misses++;
	if (c->is_missing)
		return;
	c->is_missing = true;
	if (a->helper_error)
		(void)snprintf(why, sizeof(why), "it could not be run: %s",
			       strerrordesc_np(a->helper_error));
	else
		(void)snprintf(why, sizeof(why), "%s", lacking[lacks]);
	tell_missing(a, canary_stage_name(lacks), why);
}

static void judge_collectors(struct agent *a, enum canary_stage lacks)
{
	struct canary *c = &a->canary;

	if (lacks == CANARY_STAGES) {
		c->is_unacknowledged = false;
	} else if (lacks == CANARY_ACKNOWLEDGED && !c->is_unacknowledged) {
		c->is_unacknowledged = true;
		tell_missing(a, canary_stage_name(lacks), lacking[lacks]);
	}
}

static void judge_round(struct agent *a)
{
	struct canary_progress p = progress_of(a);
	enum canary_stage lacks;

	canary_progress(&a->canary, &p, clock_boot_ns());
	lacks = canary_lacks(&a->canary, p.has_done);
	judge_journal(a, lacks);
	judge_collectors(a, lacks);
}

static int canary_due(void *arg)
{
	struct agent *a = arg;
	int r;

	if (a->canary.flies)
		judge_round(a);
	canary_begin(&a->canary, clock_boot_ns());
	r = helper_canary(a->helper, a->canary.nonce);
	/* Still at the one before: that is why it is missing. */
	a->helper_error = r < 0 ? -r : EINPROGRESS;
	return loop_timer_arm(a->canary_timer, a->s->conf->canary.interval_ms);
}

static int helper_spoke(int fd, uint32_t events, void *arg)
{
	struct agent *a = arg;
	int r;

	(void)events;
	r = helper_answer(a->helper, &a->helper_error);
	if (r == -EAGAIN)
		return 0;
	if (r < 0) {
		a->helper_error = EPIPE;
		loop_remove(a->loop, fd);
		log_warning("the helper process is gone: no canary flies");
	}
	return 0;
}

int canary_start(struct agent *a)
{
	int r;

	if (!a->helper)
		return 0;
	a->canary.helper = helper_pid(a->helper);
	a->pipeline.canary = &a->canary;
	r = loop_add(a->loop, helper_fd(a->helper), EPOLLIN, helper_spoke, a);
	if (r >= 0)
		r = loop_timer_new(a->loop, 0, canary_due, a, &a->canary_timer);
	if (r >= 0)
		r = loop_timer_arm(a->canary_timer, FIRST_MS);
	return r;
}
