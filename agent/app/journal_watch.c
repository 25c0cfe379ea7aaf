// SPDX-License-Identifier: Apache-2.0
/*
 * What befalls the journal itself, told: as events, which wait in memory
 * while it cannot be written, and as lines of the log. Each state once each
 * way, so that a full disk does not also fill the log.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/agent.h"
#include "app/status_socket.h"
#include "base/clock.h"
#include "base/log.h"
#include "event.pb-c.h"

static void tell_error(struct agent *a, const struct journal_stats *j)
{
	char number[16];
	const struct record_fact facts[] = { { "call", j->error_what },
					     { "errno", number },
					     { NULL, NULL } };

	(void)snprintf(number, sizeof(number), "%d", j->error);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__JOURNAL_ERROR, facts,
		 "the journal cannot be written: %s: %s", j->error_what,
		 strerrordesc_np(j->error));
	log_error("cannot write the journal, events wait in memory: %s: %s",
		  j->error_what, strerrordesc_np(j->error));
}

static void tell_back(struct agent *a, const struct journal_stats *j)
{
	char dropped[24];
	const struct record_fact facts[] = { { "dropped", dropped },
					     { NULL, NULL } };

	(void)snprintf(dropped, sizeof(dropped), "%" PRIu64, j->dropped);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__JOURNAL_BACK, facts,
		 "the journal is being written again; %" PRIu64
		 " records found no room in memory since the start",
		 j->dropped);
	log_notice("journal is being written again dropped=%" PRIu64,
		   j->dropped);
}

/* Somebody took the directory, the lock or the segment away. */
static void tell_reopened(struct agent *a, const struct journal_stats *j)
{
	char first[24];
	const struct record_fact facts[] = { { "first_seq", first },
					     { NULL, NULL } };

	(void)snprintf(first, sizeof(first), "%" PRIu64, j->reopened_seq);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__JOURNAL_ERROR, facts,
		 "the journal was taken away and goes on with number %" PRIu64
		 ": what was in it may be gone",
		 j->reopened_seq);
	log_error("the journal was taken away while it was written, and goes "
		  "on with number %" PRIu64 " in '%s'",
		  j->reopened_seq, a->s->journal_dir);
}

/* While it goes on, once in a while is enough. */
#define TRIMMED_PAUSE_NS (60 * NS_PER_S)

static void tell_trimmed(struct agent *a, uint64_t records)
{
	char count[24];
	const struct record_fact facts[] = { { "count", count },
					     { NULL, NULL } };

	(void)snprintf(count, sizeof(count), "%" PRIu64, records);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__TRIMMED, facts,
		 "%" PRIu64 " records went before they were shipped: the "
		 "journal's bounds left no room",
		 records);
	log_warning("%" PRIu64 " records went before they were shipped: "
		    "[journal] max_size or max_age left no room",
		    records);
}

static void tell_stuck(struct agent *a, uint64_t segments)
{
	char count[24];
	const struct record_fact facts[] = { { "segments", count },
					     { NULL, NULL } };

	(void)snprintf(count, sizeof(count), "%" PRIu64, segments);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__JOURNAL_ERROR, facts,
		 "%" PRIu64 " segments of the journal cannot be removed: "
		 "younger ones go in their place",
		 segments);
	log_error("%" PRIu64 " segments in '%s' cannot be removed, younger "
		  "ones go in their place",
		  segments, a->s->journal_dir);
}

void journal_watch(struct agent *a)
{
	uint64_t now_ns = clock_boot_ns();
	struct journal_stats j;

	journal_stats(a->journal, &j);
	if (j.reopened != a->journal_reopened) {
		tell_reopened(a, &j);
		a->status_astray = a->status;
	}
	a->journal_reopened = j.reopened;
	if (j.trimmed_unread > a->journal_trimmed &&
	    (!a->journal_trimmed_ns ||
	     now_ns - a->journal_trimmed_ns >= TRIMMED_PAUSE_NS)) {
		tell_trimmed(a, j.trimmed_unread - a->journal_trimmed);
		a->journal_trimmed = j.trimmed_unread;
		a->journal_trimmed_ns = now_ns;
	}
	if (j.stuck > a->journal_stuck)
		tell_stuck(a, j.stuck);
	a->journal_stuck = j.stuck;
	if (j.error && j.error != a->journal_error)
		tell_error(a, &j);
	else if (!j.error && a->journal_error)
		tell_back(a, &j);
	a->journal_error = j.error;
	/*
	 * Where it was taken away, so was the name to ask under. Not before
	 * the journal has the lock there: it might be another picket's.
	 */
	if (a->status_astray && !j.error &&
	    status_socket_follow(a->status, a->s->journal_dir) == 0)
		a->status_astray = false;
}
