// SPDX-License-Identifier: Apache-2.0
/*
 * The canary's rounds on the agent's loop: one is sent each interval, and
 * judged at its own deadline, so that what is missing is told when it is late
 * and not when the next one is due. What is told is a change: that it came
 * through for the first time, that it no longer does, that it does again.
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

static void tell_missing(struct agent *a, const char *stage, const char *why)
{
	char rounds[24], misses[24], after[24];
	const struct record_fact facts[] = {
		{ "stage", stage },   { "rounds", rounds },
		{ "misses", misses }, { "after_ms", after },
		{ NULL, NULL },
	};
	const struct canary *c = &a->canary;

	(void)snprintf(rounds, sizeof(rounds), "%" PRIu64, c->rounds);
	(void)snprintf(misses, sizeof(misses), "%" PRIu64, c->misses);
	(void)snprintf(after, sizeof(after), "%llu",
		       (clock_boot_ns() - c->sent_ns) / NS_PER_MS);
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

/* How far it is, now; see canary_lacks. */
static enum canary_stage follow(struct agent *a)
{
	struct canary_progress p = progress_of(a);

	canary_progress(&a->canary, &p, clock_boot_ns());
	return canary_lacks(&a->canary, p.has_done);
}

static void tell_what_came(struct agent *a, enum canary_stage lacks)
{
	struct canary *c = &a->canary;

	if (lacks > CANARY_SEALED && (c->is_missing || !c->is_told)) {
		tell_through(a, c->is_missing ? " again" : "");
		c->is_missing = false;
		c->is_told = true;
	}
	if (lacks == CANARY_STAGES && c->is_unacknowledged) {
		c->is_unacknowledged = false;
		announce(&a->announcer, PICKET__V1__AGENT__WHAT__CANARY, NULL,
			 "the canary is acknowledged by the collectors again");
	}
}

static void tell_what_did_not(struct agent *a, enum canary_stage lacks)
{
	struct canary *c = &a->canary;
	char why[96];

	if (lacks == CANARY_ACKNOWLEDGED && !c->is_unacknowledged) {
		c->is_unacknowledged = true;
		tell_missing(a, canary_stage_name(lacks), lacking[lacks]);
	}
	if (lacks > CANARY_SEALED)
		return;
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

static int judge_round(void *arg)
{
	struct agent *a = arg;
	enum canary_stage lacks;

	if (!a->canary.flies || a->canary_judged)
		return 0;
	a->canary_judged = true;
	lacks = follow(a);
	tell_what_came(a, lacks);
	tell_what_did_not(a, lacks);
	return 0;
}

/* Also of one that comes after its time. */
void canary_watch(struct agent *a)
{
	if (a->canary.flies)
		tell_what_came(a, follow(a));
}

static int canary_due(void *arg)
{
	struct agent *a = arg;
	uint64_t interval_ms = a->s->conf->canary.interval_ms;
	uint64_t deadline_ms = a->s->conf->canary.deadline_ms;
	int r;

	(void)judge_round(a);
	canary_begin(&a->canary, clock_boot_ns());
	a->canary_judged = false;
	r = helper_canary(a->helper, a->canary.nonce);
	/* Still at the one before: that is why it is missing. */
	a->helper_error = r < 0 ? -r : EINPROGRESS;
	if (deadline_ms < interval_ms) {
		r = loop_timer_arm(a->canary_deadline, deadline_ms);
		if (r < 0)
			return r;
	}
	return loop_timer_arm(a->canary_timer, interval_ms);
}

/* Nobody can start another one: the rights to are given up. */
static void helper_is_gone(struct agent *a)
{
	a->helper_error = EPIPE;
	/* What came through before is no sign that one does again. */
	a->canary.flies = false;
	log_error("the helper process is gone: no canary flies until picket is "
		  "started again");
	if (a->canary.is_missing)
		return;
	a->canary.is_missing = true;
	tell_missing(a, "helper",
		     "its helper process is gone: none flies until picket is "
		     "started again");
}

static int helper_spoke(int fd, uint32_t events, void *arg)
{
	struct agent *a = arg;
	int r;

	(void)events;
	r = helper_answer(a->helper, &a->helper_error);
	if (r < 0 && r != -EAGAIN) {
		loop_remove(a->loop, fd);
		helper_is_gone(a);
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
		r = loop_timer_new(a->loop, 0, judge_round, a,
				   &a->canary_deadline);
	if (r >= 0)
		r = loop_timer_arm(a->canary_timer, FIRST_MS);
	return r;
}
