// SPDX-License-Identifier: Apache-2.0
/*
 * One screen. Each figure is written by one helper per form, so that text and
 * JSON cannot disagree about where a number comes from.
 */
#include "app/health.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "app/losses.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/hex.h"
#include "base/text.h"
#include "rules/rules.h"

static uint64_t lost_total(const struct health *h)
{
	uint64_t sum = 0;

	for (int f = 0; f < WIRE_FAM_COUNT; f++)
		sum += h->families[f].lost;
	return sum;
}

/* How many ways in are off, and of which families: "connect 3, load 2". */
static void text_sees(struct buf *out, const struct health *h)
{
	const char *family = "";
	size_t off = 0, of_family, i, k;

	for (i = 0; i < h->row_count; i++)
		off += !h->rows[i].active;
	if (!off) {
		buf_add_str(out, "sees      every family, on every way in\n");
		return;
	}
	buf_addf(out, "sees      %zu of %zu ways in; off: ", h->row_count - off,
		 h->row_count);
	for (i = 0; i < h->row_count; i++) {
		for (k = 0; k < i; k++)
			if (!h->rows[k].active &&
			    !strcmp(h->rows[k].family, h->rows[i].family))
				break;
		if (h->rows[i].active || k < i)
			continue;
		for (of_family = 0, k = i; k < h->row_count; k++)
			of_family +=
				!h->rows[k].active &&
				!strcmp(h->rows[k].family, h->rows[i].family);
		buf_addf(out, "%s%s %zu", *family ? ", " : "",
			 h->rows[i].family, of_family);
		family = h->rows[i].family;
	}
	buf_add_char(out, '\n');
}

/* Of this process: what its programs cost is the time of others. */
static void cost(uint64_t *ret_cpu_ms, uint64_t *ret_peak_bytes)
{
	struct rusage u = { 0 };

	(void)getrusage(RUSAGE_SELF, &u);
	*ret_cpu_ms =
		(uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
		(uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
	*ret_peak_bytes = (uint64_t)u.ru_maxrss << 10;
}

static void text_cost(struct buf *out, const struct health *h)
{
	uint64_t cpu_ms, peak_bytes;

	cost(&cpu_ms, &peak_bytes);
	buf_addf(out,
		 "cost      %.2f %% of a processor so far, "
		 "%" PRIu64 " MiB at most; ring %" PRIu64 " %% full\n",
		 h->uptime_ms ? 100.0 * (double)cpu_ms / (double)h->uptime_ms
			      : 0.0,
		 peak_bytes >> 20,
		 h->ring_size ? 100 * h->ring_used / h->ring_size : 0);
}

static void text_coverage(struct buf *out, const struct health *h)
{
	buf_addf(out, "\n%-9s%-9s%-46s%s\n", "COVERAGE", "BACKEND", "WAY IN",
		 "");
	for (size_t i = 0; i < h->row_count; i++) {
		const struct sensor_row *r = &h->rows[i];

		buf_addf(out, "%-9s%-9s%-46s%s%s%s\n", r->family, r->backend,
			 r->hook, r->active ? "" : "off",
			 r->reason[0] && !r->active ? ": " : "", r->reason);
	}
}

/* What a restart would cost. */
static void text_pins(struct buf *out, const struct health *h)
{
	if (!h->pin_dir[0])
		buf_add_str(out,
			    "restarts  with a hole: no [sensor] pin_dir\n");
	else if (h->pin_trouble[0])
		buf_addf(out, "restarts  with a hole: %s\n", h->pin_trouble);
	else
		buf_addf(out, "restarts  without a hole: pinned in %s\n",
			 h->pin_dir);
}

static void text_families(struct buf *out, const struct health *h)
{
	buf_addf(out, "\n%-9s%12s%12s%10s%12s%12s%10s\n", "EVENTS", "made",
		 "received", "lost", "summed", "skipped", "missed");
	for (int f = 0; f < WIRE_FAM_COUNT; f++) {
		const struct wire_counters *c = &h->families[f];

		buf_addf(out,
			 "%-9s%12" PRIu64 "%12" PRIu64 "%10" PRIu64 "%12" PRIu64
			 "%12" PRIu64 "%10" PRIu64 "\n",
			 family_name((enum wire_family)f), (uint64_t)c->made,
			 h->pipeline.received[f], (uint64_t)c->lost,
			 (uint64_t)c->summed, (uint64_t)c->skipped,
			 h->missed[f]);
	}
}

/* How long ago, in seconds; of a time in the future 0. */
static uint64_t age_s(uint64_t at_ns)
{
	uint64_t now_ns = clock_boot_ns();

	return now_ns > at_ns ? (now_ns - at_ns) / NS_PER_S : 0;
}

static void text_canary(struct buf *out, const struct health *h)
{
	const struct canary *c = &h->canary;

	if (!h->canary_interval_ms) {
		buf_add_str(out, "canary    none: [canary] interval is 0s\n");
		return;
	}
	if (c->complete_ns)
		buf_addf(out,
			 "canary    came through %" PRIu64 " s ago in %llu ms",
			 age_s(c->complete_ns), c->latency_ns / NS_PER_MS);
	else
		buf_add_str(out, "canary    has not come through yet");
	if (c->acknowledged_ns)
		buf_addf(out, ", acknowledged %" PRIu64 " s ago",
			 age_s(c->acknowledged_ns));
	buf_addf(out, "  rounds %" PRIu64 "  missed %" PRIu64 "%s\n", c->rounds,
		 c->misses, c->is_missing ? "  MISSING NOW" : "");
}

void health_text(struct buf *out, const struct health *h)
{
	const struct journal_stats *j = &h->journal;
	char when[32], size[24];

	buf_addf(out, "picket %s  running  pid %d  since %s\n", PICKET_VERSION,
		 h->pid, clock_print(h->started_wall_ns, when));
	text_sees(out, h);
	buf_addf(out,
		 "lost      %" PRIu64 " in the kernel, %" PRIu64
		 " at the journal, %" PRIu64 " unreadable\n",
		 lost_total(h), j->dropped, h->pipeline.bad);
	text_cost(out, h);
	buf_addf(out, "journal   %s  ", h->journal_dir);
	hex_add(out, h->journal_id, sizeof(h->journal_id));
	buf_addf(out,
		 "\n          epoch %u  %" PRIu64 "–%" PRIu64
		 "  durable to %" PRIu64 "  %s in %" PRIu64 " segments\n",
		 j->epoch, j->first_seq, j->next_seq ? j->next_seq - 1 : 0,
		 j->sealed_seq, text_print_about(j->bytes, size), j->segments);
	if (j->error)
		buf_addf(out,
			 "          CANNOT WRITE: %s: %s; %" PRIu64
			 " records wait in memory\n",
			 j->error_what, strerrordesc_np(j->error), j->waiting);
	health_trust_text(out, h);
	text_canary(out, h);
	health_ship_text(out, h);
	buf_addf(out, "policy    %zu rules  generation %" PRIu64 "  sha256 ",
		 h->rules, h->generation);
	hex_add(out, h->rules_hash, 8);
	buf_addf(out,
		 "…\n          %" PRIu64 " allowed  %" PRIu64
		 " denied  %" PRIu64 " unlisted  %" PRIu64 " ignored  %" PRIu64
		 " alerts\n          %" PRIu64
		 " repeats of alerts, summed in %" PRIu64 "; %" PRIu64
		 " sums early\n",
		 h->pipeline.answers[ANSWER_ALLOWED],
		 h->pipeline.answers[ANSWER_DENIED],
		 h->pipeline.answers[ANSWER_UNLISTED],
		 h->pipeline.answers[ANSWER_IGNORED], h->pipeline.alerts,
		 h->alerts.repeated, h->alerts.summaries, h->alerts.evicted);
	health_shadow_text(out, h);
	buf_addf(out,
		 "processes %" PRIu64 " known, %" PRIu64
		 " events of unknown ones\n",
		 h->procs.processes, h->procs.unknown);
	if (h->procs.unlogged)
		buf_addf(out,
			 "          %" PRIu64 " more than the next start would "
			 "know, were picket killed; a larger ring has room\n",
			 h->procs.unlogged);
	text_pins(out, h);
	health_ship_more(out, h);
	text_families(out, h);
	text_coverage(out, h);
}

static void json_number(struct buf *out, const char *key, uint64_t n)
{
	buf_addf(out, ",\"%s\":%" PRIu64, key, n);
}

static void json_string(struct buf *out, const char *key, const char *s)
{
	buf_addf(out, ",\"%s\":", key);
	escape_json(out, slice_str(s), NULL);
}

static void json_canary(struct buf *out, const struct health *h)
{
	const struct canary *c = &h->canary;

	buf_addf(out, ",\"canary\":{\"interval_ms\":%" PRIu64,
		 h->canary_interval_ms);
	json_number(out, "rounds", c->rounds);
	json_number(out, "misses", c->misses);
	buf_addf(out, ",\"missing\":%s", c->is_missing ? "true" : "false");
	if (c->complete_ns) {
		json_number(out, "age_s", age_s(c->complete_ns));
		json_number(out, "latency_ms", c->latency_ns / NS_PER_MS);
	}
	if (c->acknowledged_ns)
		json_number(out, "acknowledged_age_s",
			    age_s(c->acknowledged_ns));
	buf_add_str(out, "}");
}

static void json_journal(struct buf *out, const struct health *h)
{
	const struct journal_stats *j = &h->journal;

	buf_add_str(out, ",\"journal\":{\"id\":\"");
	hex_add(out, h->journal_id, sizeof(h->journal_id));
	buf_add_str(out, "\"");
	json_string(out, "dir", h->journal_dir);
	json_number(out, "epoch", j->epoch);
	json_number(out, "first_seq", j->first_seq);
	json_number(out, "next_seq", j->next_seq);
	json_number(out, "sealed_seq", j->sealed_seq);
	json_number(out, "bytes", j->bytes);
	json_number(out, "segments", j->segments);
	json_number(out, "appended", j->appended);
	json_number(out, "dropped", j->dropped);
	json_number(out, "waiting", j->waiting);
	json_number(out, "trimmed_unread", j->trimmed_unread);
	json_number(out, "stuck", j->stuck);
	json_number(out, "syncs", j->syncs);
	json_string(out, "error", j->error ? strerrordesc_np(j->error) : "");
	buf_add_str(out, "}");
}

static void json_families(struct buf *out, const struct health *h)
{
	buf_add_str(out, ",\"families\":{");
	for (int f = 0; f < WIRE_FAM_COUNT; f++) {
		const struct wire_counters *c = &h->families[f];

		buf_addf(out, "%s\"%s\":{\"made\":%" PRIu64, f ? "," : "",
			 family_name((enum wire_family)f), (uint64_t)c->made);
		json_number(out, "received", h->pipeline.received[f]);
		json_number(out, "lost", c->lost);
		json_number(out, "summed", c->summed);
		json_number(out, "skipped", c->skipped);
		json_number(out, "missed", h->missed[f]);
		buf_add_str(out, "}");
	}
	buf_add_str(out, "}");
}

static void json_coverage(struct buf *out, const struct health *h)
{
	buf_add_str(out, ",\"coverage\":[");
	for (size_t i = 0; i < h->row_count; i++) {
		const struct sensor_row *r = &h->rows[i];

		buf_addf(out, "%s{\"active\":%s", i ? "," : "",
			 r->active ? "true" : "false");
		json_string(out, "family", r->family);
		json_string(out, "hook", r->hook);
		json_string(out, "backend", r->backend);
		json_string(out, "reason", r->reason);
		buf_add_str(out, "}");
	}
	buf_add_str(out, "]");
}

static void json_verdicts(struct buf *out, const struct health *h)
{
	buf_addf(out,
		 ",\"policy\":{\"rules\":%zu,\"generation\":%" PRIu64
		 ",\"sha256\":\"",
		 h->rules, h->generation);
	hex_add(out, h->rules_hash, sizeof(h->rules_hash));
	buf_add_str(out, "\"");
	for (int a = ANSWER_ALLOWED; a < ANSWER_COUNT; a++)
		json_number(out, answer_name((enum answer)a),
			    h->pipeline.answers[a]);
	json_number(out, "alerts", h->pipeline.alerts);
	json_number(out, "alerts_repeated", h->alerts.repeated);
	json_number(out, "alert_summaries", h->alerts.summaries);
	json_number(out, "alert_subjects", h->alerts.subjects);
	json_number(out, "alert_subjects_evicted", h->alerts.evicted);
	buf_add_str(out, "}");
}

void health_json(struct buf *out, const struct health *h)
{
	uint64_t cpu_ms, peak_bytes;
	char when[32];

	buf_addf(out, "{\"running\":true,\"version\":\"%s\",\"pid\":%d",
		 PICKET_VERSION, h->pid);
	json_string(out, "started", clock_print(h->started_wall_ns, when));
	json_number(out, "uptime_ms", h->uptime_ms);
	json_number(out, "lost", lost_total(h));
	json_number(out, "unreadable", h->pipeline.bad);
	json_number(out, "refused", h->pipeline.refused);
	json_number(out, "amended", h->pipeline.amended);
	json_number(out, "totals_lost", h->pipeline.totals_lost);
	json_string(out, "pin_dir", h->pin_dir);
	json_string(out, "pin_trouble", h->pin_trouble);
	cost(&cpu_ms, &peak_bytes);
	json_number(out, "cpu_ms", cpu_ms);
	json_number(out, "peak_bytes", peak_bytes);
	json_number(out, "ring_used", h->ring_used);
	json_number(out, "ring_size", h->ring_size);
	health_trust_json(out, h);
	json_canary(out, h);
	json_journal(out, h);
	json_families(out, h);
	json_verdicts(out, h);
	buf_addf(out, ",\"processes\":{\"known\":%" PRIu64, h->procs.processes);
	json_number(out, "alive", h->procs.alive);
	json_number(out, "images", h->procs.images);
	json_number(out, "evicted_alive", h->procs.evicted_alive);
	json_number(out, "unlogged", h->procs.unlogged);
	json_number(out, "unknown", h->procs.unknown);
	json_number(out, "cgroups", h->procs.cgroups);
	json_number(out, "bytes", h->procs.bytes);
	buf_add_str(out, "}");
	health_shadow_json(out, h);
	health_ship_json(out, h);
	json_coverage(out, h);
	buf_add_str(out, "}\n");
}
