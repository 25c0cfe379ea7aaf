// SPDX-License-Identifier: Apache-2.0
/*
 * Records wait in the kernel's rings and are read like any others. What is
 * told here is what they cannot tell: what was overwritten, what a build of
 * another layout left, losses that nobody told, and sums of repeated writes
 * whose events were another agent's.
 */
#include "app/restart.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/agent.h"
#include "app/losses.h"
#include "app/totals.h"
#include "base/clock.h"
#include "base/log.h"
#include "event.pb-c.h"
#include "sense/sensor.h"

/* Repeats that no event of ours can be amended with. */
struct leftover {
	struct agent *a;
	uint64_t now_ns;
	uint64_t count, bytes, files;
};

static uint64_t tell_loss(struct agent *a, const char *family, uint64_t count,
			  const char *why)
{
	char n[24];
	const struct record_fact facts[] = {
		{ "family", family },
		{ "count", n },
		{ NULL, NULL },
	};

	if (!count)
		return 0;
	(void)snprintf(n, sizeof(n), "%" PRIu64, count);
	a->lost += count;
	return announce(&a->announcer, PICKET__V1__AGENT__WHAT__LOSS, facts,
			"%" PRIu64 " %s %s", count, family, why);
}

static void tell_former_losses(struct agent *a)
{
	for (int f = 0; f < WIRE_FAM_COUNT; f++) {
		enum wire_family family = (enum wire_family)f;
		uint64_t seq = tell_loss(
			a, family_name(family),
			sensor_former_untold(a->sensor, family),
			"events lost before this start: no room in the ring");

		if (seq)
			sensor_former_tell(a->sensor, family, seq);
	}
}

/* Pins are one thing, what they keep attached another. */
static void check_adopted(struct agent *a)
{
	struct sensor_harm harm;

	if (!a->past.is_adopted || !sensor_check(a->sensor, &harm))
		return;
	a->past.hooks_gone += harm.hooks;
	a->past.was_watched = !harm.hooks;
}

void restart_begin(struct agent *a)
{
	struct sensor_past *past = &a->past;
	struct sensor_journal journal = {
		.last_seq = a->opening.next_seq - 1,
		.seen = pipeline_seen,
		.arg = &a->pipeline,
	};

	memcpy(journal.id, a->opening.id, sizeof(journal.id));
	sensor_resume(a->sensor, &journal, past);
	check_adopted(a);
	a->has_past = past->is_adopted || past->formers;
	if (past->is_adopted)
		log_notice("went on with the programs that were running");
	if (past->formers)
		log_notice("replaced the programs of another build");
}

static void tell_hooks_gone(struct agent *a)
{
	char n[16];
	const struct record_fact facts[] = { { "hooks", n }, { NULL, NULL } };

	if (!a->past.hooks_gone)
		return;
	(void)snprintf(n, sizeof(n), "%u", a->past.hooks_gone);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__BLINDED, facts,
		 "somebody put out %s of picket's hooks while no picket ran",
		 n);
	log_error("somebody put out %s of picket's hooks while no picket ran",
		  n);
}

void restart_tell(struct agent *a)
{
	const struct sensor_past *past = &a->past;

	tell_hooks_gone(a);
	tell_former_losses(a);
	(void)tell_loss(a, "records", past->unreadable,
			"of a build with another layout cannot be read");
	(void)tell_loss(a, "records", past->missing,
			"were read by the last agent, and neither written nor "
			"still in the ring");
}

/* sensor_written_fn: a sum that was there before we were. */
static bool settle_sum(void *leftover, const struct wire_written_key *key,
		       const struct wire_written *value)
{
	struct sensor_untold more = sensor_untold(value);
	struct leftover *l = leftover;
	struct pipeline *p = &l->a->pipeline;

	if (totals_settle(p->totals, key, l->now_ns))
		return false;
	l->count += more.count;
	l->bytes += more.bytes;
	l->files += more.count > 0;
	return true;
}

static void settle_sums(struct agent *a)
{
	struct leftover l = { .a = a, .now_ns = clock_boot_ns() };
	char n[24], bytes[24], files[24];
	const struct record_fact facts[] = {
		{ "family", "write" }, { "count", n }, { "bytes", bytes },
		{ "files", files },    { NULL, NULL },
	};

	sensor_former_written(a->sensor, settle_sum, &l);
	if (!l.count)
		return;
	(void)snprintf(n, sizeof(n), "%" PRIu64, l.count);
	(void)snprintf(bytes, sizeof(bytes), "%" PRIu64, l.bytes);
	(void)snprintf(files, sizeof(files), "%" PRIu64, l.files);
	(void)announce(&a->announcer, PICKET__V1__AGENT__WHAT__LOSS, facts,
		       "%" PRIu64 " repeats of writes to %" PRIu64
		       " files, told by the last agent, are not told one by "
		       "one",
		       l.count, l.files);
}

void restart_watch(struct agent *a)
{
	struct journal_stats j;

	if (!a->has_past || sensor_has_past(a->sensor))
		return;
	journal_stats(a->journal, &j);
	if (!a->past_seq) {
		settle_sums(a);
		journal_stats(a->journal, &j);
		a->past_seq = j.next_seq - 1;
	}
	if (j.sealed_seq < a->past_seq)
		return;
	a->has_past = false;
	sensor_forget_formers(a->sensor);
}

void restart_end(struct agent *a)
{
	if (a->has_past)
		sensor_forget_formers(a->sensor);
	a->has_past = false;
}
