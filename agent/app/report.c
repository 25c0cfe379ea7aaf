// SPDX-License-Identifier: Apache-2.0
/*
 * What the agent says of itself: events for whoever reads the journal later,
 * lines for who watches it now.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/agent.h"
#include "app/destinations.h"
#include "app/losses.h"
#include "app/reload.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/hex.h"
#include "base/log.h"
#include "conf/conf.h"
#include "event.pb-c.h"
#include "proc/proc_table.h"
#include "rules/rules.h"
#include "sense/sensor.h"

/* Whose wish a change was; nobody's facts are left out. */
struct wish_facts {
	char pid[16], uid[16], line[512];
};

static size_t add_wish(struct record_fact *facts, struct wish_facts *w,
		       const struct requester *by)
{
	size_t n = 0;

	w->line[0] = '\0';
	if (!by)
		return 0;
	(void)snprintf(w->pid, sizeof(w->pid), "%d", by->pid);
	(void)snprintf(w->uid, sizeof(w->uid), "%u", by->uid);
	(void)snprintf(w->line, sizeof(w->line),
		       ", by %s of pid %s, uid %s%s%.*s", by->how, w->pid,
		       w->uid, by->exe[0] ? ", " : "", 200, by->exe);
	facts[n++] = (struct record_fact){ "by", by->how };
	facts[n++] = (struct record_fact){ "by_pid", w->pid };
	facts[n++] = (struct record_fact){ "by_uid", w->uid };
	if (by->exe[0])
		facts[n++] = (struct record_fact){ "by_exe", by->exe };
	return n;
}

void report_policy(struct agent *a, const char *how, const struct requester *by)
{
	char hex[65], rules[24], generation[24];
	struct wish_facts wish;
	struct record_fact facts[8] = {
		{ "sha256", hex },
		{ "rules", rules },
		{ "generation", generation },
	};

	(void)hex_print(rule_set_hash(a->rules), 32, hex);
	(void)snprintf(rules, sizeof(rules), "%zu", rule_set_count(a->rules));
	(void)snprintf(generation, sizeof(generation), "%" PRIu64,
		       a->generation);
	(void)add_wish(facts + 3, &wish, by);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__POLICY, facts,
		 "policy %s: %s rules, sha256 %s, generation %s%s", how, rules,
		 hex, generation, wish.line);
}

void report_refused_policy(struct agent *a, const char *what,
			   const struct requester *by)
{
	char generation[24];
	struct wish_facts wish;
	/* Without a hash: what is in force has not changed. */
	struct record_fact facts[8] = {
		{ "refused", what },
		{ "generation", generation },
	};

	(void)snprintf(generation, sizeof(generation), "%" PRIu64,
		       a->generation);
	(void)add_wish(facts + 2, &wish, by);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__POLICY, facts,
		 "policy not reloaded, generation %s stays%s: %s", generation,
		 wish.line, what);
}

/* Of what is told of it, so that only a change is told again. */
static uint32_t sum_of(const struct record_coverage *rows, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		const char *const words[] = { rows[i].family, rows[i].way,
					      rows[i].backend, rows[i].reason };

		for (size_t k = 0; k < 4; k++)
			sum = crc32c(sum, words[k], strlen(words[k]) + 1);
		sum = crc32c(sum, &rows[i].active, sizeof(rows[i].active));
	}
	return sum;
}

void report_coverage(struct agent *a)
{
	struct record_coverage table[SENSOR_ROWS_MAX];
	struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t n = sensor_coverage(a->sensor, rows);
	uint32_t sum;

	for (size_t i = 0; i < n; i++)
		table[i] = (struct record_coverage){
			.family = rows[i].family,
			.way = rows[i].hook,
			.backend = rows[i].backend,
			.active = rows[i].active,
			.reason = rows[i].reason,
		};
	sum = sum_of(table, n);
	if (a->coverage_told && sum == a->coverage_sum)
		return;
	a->coverage_told = true;
	a->coverage_sum = sum;
	announce_coverage(&a->announcer,
			  &(struct record_coverage_table){ table, n });
}

void report_start(struct agent *a)
{
	/* With it a reader knows that the time in between was watched. */
	static const struct record_fact went_on[] = {
		{ "kernel_side", "went on" },
		{ NULL, NULL },
	};
	const struct journal_opening *o = &a->opening;
	char from[32], until[32], gap[64] = "";
	const struct record_fact unwatched[] = {
		{ "unwatched_from", from },
		{ "unwatched_until", until },
		{ NULL, NULL },
	};
	const struct record_fact *facts = NULL;

	/* The last record is what is known of when watching ended. */
	if (a->past.was_watched) {
		facts = went_on;
	} else if (o->last_wall_ns) {
		(void)clock_print(clock_wall_ns(), until);
		(void)snprintf(gap, sizeof(gap), ", unwatched since %s",
			       clock_print(o->last_wall_ns, from));
		facts = unwatched;
	}
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__STARTED, facts,
		 "picket %s started, pid %d, epoch %u%s", PICKET_VERSION,
		 getpid(), o->epoch, gap);
	if (o->unclean)
		announce(&a->announcer, PICKET__V1__AGENT__WHAT__UNCLEAN, NULL,
			 "the journal was not closed by its last writer: what "
			 "happened until now %s",
			 a->past.was_watched
				 ? "waited in the kernel and follows"
			 : a->has_past ? "was not all seen: what was, follows"
				       : "was not seen");
	if (o->cut_file[0])
		announce(&a->announcer, PICKET__V1__AGENT__WHAT__CUT, NULL,
			 "what stood in the journal and is not whole, %" PRIu64
			 " bytes, was set aside as %s",
			 o->cut_bytes, o->cut_file);
	report_policy(a, "loaded", NULL);

	report_coverage(a);
}

void report_stop(struct agent *a)
{
	const struct requester *by = &a->stopped_by;
	char signal[16], pid[16], uid[16];
	const struct record_fact facts[] = {
		{ "kernel_side", a->is_kept ? "goes on" : "ended" },
		{ "signal", signal },
		{ "by_pid", pid },
		{ "by_uid", uid },
		{ by->exe[0] ? "by_exe" : NULL, by->exe },
		{ NULL, NULL },
	};

	(void)snprintf(signal, sizeof(signal), "%d", a->stop_signal);
	(void)snprintf(pid, sizeof(pid), "%d", by->pid);
	(void)snprintf(uid, sizeof(uid), "%u", by->uid);
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__STOPPED, facts,
		 "picket stopped by signal %s from pid %s%s%s%s%s", signal, pid,
		 by->exe[0] ? " (" : "", by->exe, by->exe[0] ? ")" : "",
		 a->is_kept ? ": the kernel side goes on" : "");
}

void report_missing(const struct agent *a, struct missing *ret)
{
	struct wire_counters f[WIRE_FAM_COUNT];

	*ret = (struct missing){ 0 };
	losses_sum(a->losses, a->sensor, f);
	for (int i = 0; i < WIRE_FAM_COUNT; i++) {
		uint64_t known =
			f[i].lost +
			sensor_received(a->sensor, (enum wire_family)i);

		if (f[i].made > known)
			ret->of[i] = f[i].made - known;
		ret->sum += ret->of[i];
	}
}

void report_unexplained(struct agent *a, const struct missing *m)
{
	for (int i = 0; i < WIRE_FAM_COUNT; i++) {
		const char *family = family_name((enum wire_family)i);
		char count[24];
		const struct record_fact facts[] = {
			{ "family", family },
			{ "count", count },
			{ "why", "unexplained" },
			{ NULL, NULL },
		};

		if (!m->of[i])
			continue;
		(void)snprintf(count, sizeof(count), "%" PRIu64, m->of[i]);
		announce(&a->announcer, PICKET__V1__AGENT__WHAT__LOSS, facts,
			 "%" PRIu64 " %s events were made and never arrived",
			 m->of[i], family);
	}
}

void report_log_start(const struct agent *a)
{
	struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t n = sensor_coverage(a->sensor, rows), off = 0;
	struct proc_stats procs;

	for (size_t i = 0; i < n; i++)
		off += !rows[i].active;
	if (off)
		log_notice("%zu of %zu ways in are not watched: 'picket "
			   "status --all' says which and why",
			   off, n);
	proc_table_stats(a->procs, &procs);
	log_notice("watching rules=%zu processes=%" PRIu64 " journal='%s'",
		   rule_set_count(a->rules), procs.processes,
		   a->s->journal_dir);
}

void report_log_stop(const struct agent *a, uint64_t missing)
{
	const struct pipeline_counts *n = &a->pipeline.counts;
	uint64_t seen = 0, kept = 0;
	struct journal_stats j;
	uint64_t shipped;

	for (int f = 0; f < WIRE_FAM_COUNT; f++)
		seen += n->received[f];
	for (int k = 0; k < EVENT_KIND_COUNT; k++)
		kept += n->kept[k];
	journal_stats(a->journal, &j);
	log_notice("stopped after %.1f s",
		   (double)(clock_boot_ns() - a->started_ns) / 1e9);
	log_notice("seen    %" PRIu64 " records: %" PRIu64 " exec, %" PRIu64
		   " exit, %" PRIu64 " connect, %" PRIu64 " write, %" PRIu64
		   " listen, %" PRIu64 " load",
		   seen, n->received[WIRE_FAM_EXEC], n->received[WIRE_FAM_EXIT],
		   n->received[WIRE_FAM_CONNECT], n->received[WIRE_FAM_WRITE],
		   n->received[WIRE_FAM_LISTEN], n->received[WIRE_FAM_LOAD]);
	log_notice("kept    %" PRIu64 " events, %" PRIu64
		   " amendments, %" PRIu64 " alerts; %" PRIu64
		   " ignored, %" PRIu64 " not wanted; journal up to %" PRIu64,
		   kept, n->amended, n->alerts, n->answers[ANSWER_IGNORED],
		   n->dropped, j.sealed_seq);
	if (!destinations_done(a->s->conf, a->opening.id, &shipped))
		log_notice("shipped nothing: no collector is configured");
	else
		log_notice("shipped up to %" PRIu64 " of %" PRIu64, shipped,
			   j.next_seq - 1);
	log_notice("lost    %" PRIu64 " in the kernel, %" PRIu64
		   " at the journal, %" PRIu64 " unreadable, %" PRIu64
		   " unexplained",
		   a->lost, j.dropped + j.waiting, n->bad, missing);
}
