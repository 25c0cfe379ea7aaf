/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row per metric: where in the status its number is, how it is told, and
 * what it is one of. Labels hold only names of ours and of the configuration,
 * which need no escaping; what processes say is no label here.
 */
#include "app/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "app/losses.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/hex.h"
#include "rules/rules.h"

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))
#define TEXT_MAX      (256u << 10)
/* What [collector] is called where each needs a name. */
#define UNNAMED	      "default"

/* ---- labels --------------------------------------------------------------------- */

/* A number for each of something: they lie `stride` bytes apart. */
struct label {
	const char *key;
	size_t stride;
	size_t (*count)(const struct health *h);
	/* NULL: not one that is told. */
	const char *(*name)(const struct health *h, size_t i);
};

static size_t count_families(const struct health *h)
{
	(void)h;
	return WIRE_FAM_COUNT;
}

static const char *name_family(const struct health *h, size_t i)
{
	(void)h;
	return family_name((enum wire_family)i);
}

static size_t count_kinds(const struct health *h)
{
	(void)h;
	return EVENT_KIND_COUNT;
}

static const char *name_of_kind(const struct health *h, size_t i)
{
	/* Of those that are kept in the journal. */
	static const char *const names[EVENT_KIND_COUNT] = {
		[EVENT_EXEC] = "exec",	     [EVENT_EXIT] = "exit",
		[EVENT_CONNECT] = "connect", [EVENT_WRITE] = "write",
		[EVENT_LISTEN] = "listen",   [EVENT_LOAD] = "load",
		[EVENT_TAMPER] = "tamper",
	};

	(void)h;
	return names[i];
}

static size_t count_answers(const struct health *h)
{
	(void)h;
	return ANSWER_COUNT;
}

static const char *name_of_answer(const struct health *h, size_t i)
{
	(void)h;
	return i == ANSWER_NONE ? NULL : answer_name((enum answer)i);
}

static size_t count_collectors(const struct health *h)
{
	return h->destination_count;
}

static const char *name_collector(const struct health *h, size_t i)
{
	const char *name = h->destinations[i].name;

	return *name ? name : UNNAMED;
}

static const struct label families = { "family", sizeof(struct wire_counters),
				       count_families, name_family };
static const struct label families_of_pipeline = { "family", sizeof(uint64_t),
						   count_families,
						   name_family };
static const struct label kinds = { "kind", sizeof(uint64_t), count_kinds,
				    name_of_kind };
static const struct label answers = { "answer", sizeof(uint64_t), count_answers,
				      name_of_answer };
static const struct label collectors = { "collector",
					 sizeof(struct destination),
					 count_collectors, name_collector };

/* ---- metrics -------------------------------------------------------------------- */

enum form {
	U32,
	U64,
	BOOL,
	ERRNO,	 /* int: 1 if it is not 0 */
	TIME_NS, /* int64_t, wall clock; told in seconds */
	SPAN_NS, /* uint64_t */
	SPAN_MS,
};

struct metric {
	const char *name, *type, *help;
	enum form form;
	size_t at;
	const struct label *label; /* NULL: there is one */
};

#define AT(member) offsetof(struct health, member)

static const struct metric metrics[] = {
	{ "start_time_seconds", "gauge",
	  "When the agent started, as unix time.", TIME_NS, AT(started_wall_ns),
	  NULL },
	{ "events_received_total", "counter", "Records read from the ring.",
	  U64, AT(pipeline.received), &families_of_pipeline },
	{ "events_kept_total", "counter", "Events in the journal.", U64,
	  AT(pipeline.kept), &kinds },
	{ "verdicts_total", "counter", "What the policy answered.", U64,
	  AT(pipeline.answers), &answers },
	{ "ring_used_bytes", "gauge", "Bytes of the ring that wait to be read.",
	  U64, AT(ring_used), NULL },
	{ "ring_size_bytes", "gauge", "Size of the ring.", U64, AT(ring_size),
	  NULL },
	{ "unreadable_records_total", "counter",
	  "Records of the kernel that the decoder refused.", U64,
	  AT(pipeline.bad), NULL },
	{ "refused_events_total", "counter",
	  "Events that the journal did not take.", U64, AT(pipeline.refused),
	  NULL },
	{ "unwanted_events_total", "counter",
	  "Events that were dropped because no rule lists them.", U64,
	  AT(pipeline.dropped), NULL },
	{ "amendments_total", "counter", "Amendments to earlier events.", U64,
	  AT(pipeline.amended), NULL },
	{ "write_totals_lost_total", "counter",
	  "Files whose repeats were counted, but gave way to those of others.",
	  U64, AT(pipeline.totals_lost), NULL },
	{ "alerts_total", "counter", "Events that raised an alert.", U64,
	  AT(pipeline.alerts), NULL },
	{ "alerts_repeated_total", "counter",
	  "Events that an alert before them stands for.", U64,
	  AT(alerts.repeated), NULL },
	{ "alert_summaries_total", "counter",
	  "Records that say how often an alert was repeated.", U64,
	  AT(alerts.summaries), NULL },
	{ "alert_subjects", "gauge",
	  "Rules and programs whose alerts are being summed.", U64,
	  AT(alerts.subjects), NULL },
	{ "alert_subjects_evicted_total", "counter",
	  "Sums of alerts that ended early for want of room.", U64,
	  AT(alerts.evicted), NULL },
	{ "policy_rules", "gauge", "Rules in force.", U64, AT(rules), NULL },
	{ "journal_first_seq", "gauge", "Oldest number in the journal.", U64,
	  AT(journal.first_seq), NULL },
	{ "journal_next_seq", "gauge", "Number of the next record.", U64,
	  AT(journal.next_seq), NULL },
	{ "journal_sealed_seq", "gauge", "Newest number that is durable.", U64,
	  AT(journal.sealed_seq), NULL },
	{ "journal_epoch", "gauge",
	  "Epoch of the journal, one more after each unclean start.", U32,
	  AT(journal.epoch), NULL },
	{ "journal_size_bytes", "gauge", "Disk space that the journal takes.",
	  U64, AT(journal.bytes), NULL },
	{ "journal_segments", "gauge", "Files of the journal.", U64,
	  AT(journal.segments), NULL },
	{ "journal_appended_total", "counter", "Records appended.", U64,
	  AT(journal.appended), NULL },
	{ "journal_dropped_total", "counter",
	  "Records lost because memory was full while the disk took none.", U64,
	  AT(journal.dropped), NULL },
	{ "journal_waiting_records", "gauge",
	  "Records in memory that are not durable yet.", U64,
	  AT(journal.waiting), NULL },
	{ "journal_trimmed_unshipped_total", "counter",
	  "Records removed before every collector had them.", U64,
	  AT(journal.trimmed_unread), NULL },
	{ "journal_stuck_segments", "gauge",
	  "Segments that a bound wants removed and that cannot be.", U64,
	  AT(journal.stuck), NULL },
	{ "journal_syncs_total", "counter", "Times the disk was synced.", U64,
	  AT(journal.syncs), NULL },
	{ "journal_failing", "gauge", "1 while the journal cannot be written.",
	  ERRNO, AT(journal.error), NULL },
	{ "trust_files", "gauge", "Files of installed packages that are known.",
	  U64, AT(trust.stats.files), NULL },
	{ "trust_hashed_total", "counter", "Files read for their digests.", U64,
	  AT(trust.stats.hashed), NULL },
	{ "trust_queued", "gauge", "Files that wait to be looked at.", U64,
	  AT(trust.stats.queued), NULL },
	{ "pending_verdicts", "gauge",
	  "Events whose verdict waits for what a file is.", U64,
	  AT(trust.pending.waiting), NULL },
	{ "pending_timed_out_total", "counter",
	  "Verdicts given without knowing what a file is.", U64,
	  AT(trust.pending.timed_out), NULL },
	{ "canary_rounds_total", "counter", "Canaries that came through.", U64,
	  AT(canary.rounds), NULL },
	{ "canary_missed_total", "counter",
	  "Canaries that did not come through in time.", U64, AT(canary.misses),
	  NULL },
	{ "canary_missing", "gauge", "1 while the last canary is missing.",
	  BOOL, AT(canary.is_missing), NULL },
	{ "canary_latency_seconds", "gauge",
	  "From the last canary's start to its seal in the journal.", SPAN_NS,
	  AT(canary.latency_ns), NULL },
	{ "processes", "gauge", "Processes known, the recently dead included.",
	  U64, AT(procs.processes), NULL },
	{ "processes_evicted_total", "counter",
	  "Running processes that were forgotten because the table was full.",
	  U64, AT(procs.evicted_alive), NULL },
	{ "processes_unlogged", "gauge",
	  "Running programs that the next start would not know if picket were "
	  "killed, for lack of room.",
	  U64, AT(procs.unlogged), NULL },
	{ "unknown_process_events_total", "counter",
	  "Events of processes that were not known.", U64, AT(procs.unknown),
	  NULL },
	{ "processes_alive", "gauge", "Processes that run.", U64,
	  AT(procs.alive), NULL },
	{ "images", "gauge", "Programs in processes known.", U64,
	  AT(procs.images), NULL },
	{ "cgroups", "gauge", "Control groups known.", U64, AT(procs.cgroups),
	  NULL },
	{ "processes_dead_evicted_total", "counter",
	  "Dead processes that were forgotten early, for room.", U64,
	  AT(procs.evicted_dead), NULL },
	{ "unseen_execs_total", "counter",
	  "Execs that the kernel counted and nobody reported.", U64,
	  AT(procs.unseen_execs), NULL },
	{ "processes_healed_total", "counter",
	  "Processes put right against what runs, after a loss.", U64,
	  AT(procs.healed), NULL },
	{ "process_table_bytes", "gauge", "Memory held by known processes.",
	  U64, AT(procs.bytes), NULL },
	{ "events_made_total", "counter", "Events that the kernel side made.",
	  U64, AT(families[0].made), &families },
	{ "events_lost_total", "counter",
	  "Events that found no room in the ring.", U64, AT(families[0].lost),
	  &families },
	{ "program_runs_missed_total", "counter",
	  "Runs of programs that the kernel left out.", U64, AT(missed),
	  &families_of_pipeline },
	{ "events_summed_total", "counter",
	  "Repeats that were added to an earlier event.", U64,
	  AT(families[0].summed), &families },
	{ "events_skipped_total", "counter",
	  "Acts that were looked at and are not worth an event.", U64,
	  AT(families[0].skipped), &families },
	{ "collector_shipper_running", "gauge",
	  "1 while a picket-ship works for it.", BOOL,
	  AT(destinations[0].is_running), &collectors },
	{ "collector_acknowledged_seq", "gauge",
	  "Last number that it has acknowledged.", U64,
	  AT(destinations[0].cursor.seq), &collectors },
	{ "collector_acknowledged_time_seconds", "gauge",
	  "When that was, as unix time; 0: not since the shipper started.",
	  TIME_NS, AT(destinations[0].status.acked_ns), &collectors },
	{ "collector_backlog_records", "gauge",
	  "Records that it does not have yet, and that are left.", U64,
	  AT(destinations[0].behind_records), &collectors },
	{ "collector_backlog_bytes", "gauge",
	  "Bytes of the journal on disk behind that.", U64,
	  AT(destinations[0].behind_bytes), &collectors },
	{ "collector_backlog_seconds", "gauge", "Age of the oldest of those.",
	  SPAN_MS, AT(destinations[0].behind_ms), &collectors },
	{ "collector_sent_records_total", "counter", "Records sent.", U64,
	  AT(destinations[0].status.sent_records), &collectors },
	{ "collector_sent_batches_total", "counter", "Requests taken.", U64,
	  AT(destinations[0].status.sent_batches), &collectors },
	{ "collector_sent_bytes_total", "counter",
	  "Bytes of requests, as they were sent.", U64,
	  AT(destinations[0].status.sent_bytes), &collectors },
	{ "collector_sent_early_total", "counter",
	  "Alerts sent before their turn.", U64,
	  AT(destinations[0].status.early), &collectors },
	{ "collector_filtered_total", "counter",
	  "Records that it does not want.", U64,
	  AT(destinations[0].status.filtered), &collectors },
	{ "collector_retries_total", "counter", "Requests made again.", U64,
	  AT(destinations[0].status.retries), &collectors },
	{ "collector_failures_in_row", "gauge",
	  "Attempts that failed since the last that did not.", U64,
	  AT(destinations[0].status.retries_in_row), &collectors },
	{ "collector_dead_letters_total", "counter",
	  "Records that it refused for good.", U64,
	  AT(destinations[0].status.dead_letters), &collectors },
	{ "collector_rejected_total", "counter",
	  "Records that it took and did not keep.", U64,
	  AT(destinations[0].status.rejected), &collectors },
	{ "collector_unreadable_total", "counter",
	  "Records that nobody could read.", U64,
	  AT(destinations[0].status.unreadable), &collectors },
	{ "collector_missed_total", "counter",
	  "Records that were gone before they could be sent.", U64,
	  AT(destinations[0].status.missing), &collectors },
	{ "collector_last_error_time_seconds", "gauge",
	  "When it last failed, as unix time; 0: never.", TIME_NS,
	  AT(destinations[0].status.error_ns), &collectors },
};

static void add_seconds(struct buf *out, uint64_t ms)
{
	buf_addf(out, "%" PRIu64 ".%03" PRIu64 "\n", ms / 1000, ms % 1000);
}

static void add_value(struct buf *out, enum form form, const void *at)
{
	uint64_t n = 0;
	uint32_t u32;
	int number;

	switch (form) {
	case U32:
		memcpy(&u32, at, sizeof(u32));
		buf_addf(out, "%" PRIu32 "\n", u32);
		break;
	case U64:
		memcpy(&n, at, sizeof(n));
		buf_addf(out, "%" PRIu64 "\n", n);
		break;
	case BOOL:
		buf_addf(out, "%d\n", *(const bool *)at);
		break;
	case ERRNO:
		memcpy(&number, at, sizeof(number));
		buf_addf(out, "%d\n", number != 0);
		break;
	case TIME_NS:
	case SPAN_NS:
		memcpy(&n, at, sizeof(n));
		add_seconds(out, n / NS_PER_MS);
		break;
	case SPAN_MS:
		memcpy(&n, at, sizeof(n));
		add_seconds(out, n);
		break;
	}
}

static void add_head(struct buf *out, const char *name, const char *type,
		     const char *help)
{
	buf_addf(out, "# HELP picket_%s %s\n# TYPE picket_%s %s\n", name, help,
		 name, type);
}

static void add_labelled(struct buf *out, const struct metric *m,
			 const struct health *h)
{
	const struct label *l = m->label;
	const char *at = (const char *)h + m->at, *name;
	size_t i;

	for (i = 0; i < l->count(h); i++) {
		name = l->name(h, i);
		if (!name)
			continue;
		buf_addf(out, "picket_%s{%s=\"%s\"} ", m->name, l->key, name);
		add_value(out, m->form, at + i * l->stride);
	}
}

static void add_metric(struct buf *out, const struct metric *m,
		       const struct health *h)
{
	/* A head without a sample says nothing. */
	if (m->label && !m->label->count(h))
		return;
	add_head(out, m->name, m->type, m->help);
	if (m->label) {
		add_labelled(out, m, h);
		return;
	}
	buf_addf(out, "picket_%s ", m->name);
	add_value(out, m->form, (const char *)h + m->at);
}

static void add_info(struct buf *out, const struct health *h)
{
	size_t i, active = 0;

	add_head(out, "build_info", "gauge", "The version that runs.");
	buf_addf(out, "picket_build_info{version=\"%s\"} 1\n", PICKET_VERSION);
	add_head(out, "policy_info", "gauge", "The policy in force.");
	buf_add_str(out, "picket_policy_info{sha256=\"");
	hex_add(out, h->rules_hash, sizeof(h->rules_hash));
	buf_add_str(out, "\"} 1\n");
	for (i = 0; i < h->row_count; i++)
		active += h->rows[i].active;
	add_head(out, "hooks", "gauge",
		 "Ways in that are watched, and those that are not.");
	buf_addf(out,
		 "picket_hooks{state=\"active\"} %zu\n"
		 "picket_hooks{state=\"off\"} %zu\n",
		 active, h->row_count - active);
}

/* Two labels, of which the second is a rule's name and needs no escaping. */
static void add_shadow(struct buf *out, const struct health *h)
{
	const struct shadow *s = &h->shadow;

	if (!*s->dir)
		return;
	add_head(out, "shadow_policy_up", "gauge",
		 "Is there a shadow policy, and was it right when last read.");
	buf_addf(out, "picket_shadow_policy_up %d\n", s->set && !s->error[0]);
	if (!s->set)
		return;
	add_head(out, "shadow_judged_total", "counter",
		 "Events that the shadow policy was asked about, too.");
	buf_addf(out, "picket_shadow_judged_total %" PRIu64 "\n", s->judged);
	add_head(out, "shadow_differences_total", "counter",
		 "Where it would alert or answer otherwise.");
	for (int d = 0; d < SHADOW_DIFFERENCE_COUNT; d++)
		buf_addf(out,
			 "picket_shadow_differences_total{difference=\"%s\"} "
			 "%" PRIu64 "\n",
			 shadow_difference_name((enum shadow_difference)d),
			 s->differ[d]);
	if (!s->n_rows)
		return;
	add_head(out, "shadow_differences_by_rule_total", "counter",
		 "The same by the rule that alerts or answers so.");
	for (size_t i = 0; i < s->n_rows; i++)
		buf_addf(out,
			 "picket_shadow_differences_by_rule_total"
			 "{difference=\"%s\",rule=\"%s\"} %" PRIu64 "\n",
			 shadow_difference_name(s->rows[i].difference),
			 s->rows[i].rule, s->rows[i].count);
}

void metrics_text(struct buf *out, const struct health *h)
{
	size_t i;

	add_info(out, h);
	add_shadow(out, h);
	for (i = 0; i < LENGTH(metrics); i++)
		add_metric(out, &metrics[i], h);
}

int metrics_save(const char *path, const struct health *h)
{
	cleanup_buf struct buf text = BUF_INIT(TEXT_MAX);
	cleanup_free char *dir = strdup(path);
	cleanup_close int dirfd = -1;
	char *slash;

	if (!dir)
		return -ENOMEM;
	metrics_text(&text, h);
	if (text.failed)
		return -ENOMEM;
	/* An absolute path: the configuration has seen to that. */
	slash = strrchr(dir, '/');
	if (!slash || !slash[1])
		return -EISDIR;
	*slash = '\0';
	dirfd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	return fs_publish(dirfd, slash + 1, text.p, text.n, 0644);
}
