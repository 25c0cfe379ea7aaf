// SPDX-License-Identifier: Apache-2.0
/*
 * Order is everything here. Starting: policy before privileges before the
 * kernel before the journal, so that whatever fails, nothing is left half
 * started. Stopping: detach, drain, count, seal.
 *
 * There is no periodic timer: housekeeping is due a while after something
 * happened, so an idle host is left alone.
 */
#include "app/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/announce.h"
#include "app/exit_codes.h"
#include "app/health.h"
#include "app/losses.h"
#include "app/outcomes.h"
#include "app/pipeline.h"
#include "app/sandbox.h"
#include "app/settings.h"
#include "app/status_socket.h"
#include "app/tail_view.h"
#include "app/totals.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"
#include "conf/conf.h"
#include "event.pb-c.h"
#include "proc/proc_table.h"
#include "rules/rules.h"
#include "sense/sensor.h"
#include "store/cursor.h"
#include "store/journal.h"
#include "store/reader.h"

/* Records per turn of the loop, so that signals and clients get theirs. */
#define RECORDS_PER_TURN 8192
#define HOUSEKEEPING_MS	 1000
#define STOP_FLUSH_MS	 10000
/* A wall clock that moved this much against boot time was stepped. */
#define CLOCK_STEP_NS	 ((int64_t)(100 * NS_PER_MS))

struct agent {
	const struct daemon_settings *s;
	struct loop *loop;
	struct loop_timer *housekeeping;
	bool housekeeping_armed;
	struct sensor *sensor;
	struct proc_table *procs;
	struct rule_set *rules;
	struct journal *journal;
	struct journal_opening opening;
	struct losses *losses;
	struct announcer announcer;
	struct pipeline pipeline;
	struct status_socket *status;
	struct tail_view *tail;
	struct reader *reader; /* of tail */
	uint64_t lost;	       /* in the kernel, told in the journal */
	uint64_t started_ns;
	int64_t started_wall_ns;
	int32_t stopped_by; /* pid that sent the signal; 0: unknown */
	int stop_signal;
	int journal_error; /* last one that was logged */
};

/* ---- policy ------------------------------------------------------------- */

static void announce_policy(struct agent *a, const char *how)
{
	const uint8_t *hash = rule_set_hash(a->rules);
	char hex[65], rules[24];
	const struct record_fact facts[] = {
		{ "sha256", hex },
		{ "rules", rules },
		{ NULL, NULL },
	};

	for (int i = 0; i < 32; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	(void)snprintf(rules, sizeof(rules), "%zu", rule_set_count(a->rules));
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__POLICY, facts,
		 "policy %s: %s rules, sha256 %s", how, rules, hex);
}

static void reload(struct agent *a)
{
	struct rule_set *fresh = NULL;

	if (settings_load_rules(a->s->policy_dir, a->s->conf, &fresh) !=
	    EXIT_CODE_OK) {
		log_warning("policy not reloaded, the old one stays in force");
		return;
	}
	rule_set_free(a->rules);
	a->rules = a->pipeline.rules = fresh;
	announce_policy(a, "reloaded");
	log_notice("policy reloaded rules=%zu", rule_set_count(fresh));
}

/* ---- the loop ----------------------------------------------------------- */

/* Follow the wall clock; a step is an event, since it reorders history. */
static void follow_clock(struct agent *a)
{
	int64_t now = clock_offset_ns();
	int64_t moved = now - a->pipeline.wall_offset_ns;

	if (moved > CLOCK_STEP_NS || moved < -CLOCK_STEP_NS) {
		char by[32];
		const struct record_fact facts[] = { { "moved_ns", by },
						     { NULL, NULL } };

		(void)snprintf(by, sizeof(by), "%" PRId64, moved);
		a->announcer.wall_offset_ns = now;
		announce(&a->announcer, PICKET__V1__AGENT__WHAT__CLOCK, facts,
			 "the wall clock was stepped by %.3f s",
			 (double)moved / 1e9);
	}
	a->pipeline.wall_offset_ns = now;
	a->announcer.wall_offset_ns = now;
}

static int arm_housekeeping(struct agent *a)
{
	if (a->housekeeping_armed)
		return 0;
	a->housekeeping_armed = true;
	return loop_timer_arm(a->housekeeping, HOUSEKEEPING_MS);
}

static int ring_ready(int fd, uint32_t events, void *arg)
{
	struct agent *a = arg;
	int n;

	(void)fd;
	(void)events;
	follow_clock(a);
	n = sensor_read(a->sensor, pipeline_record, &a->pipeline,
			RECORDS_PER_TURN);
	if (n < 0)
		return n;
	return arm_housekeeping(a);
}

/* Logged once each way, so that a full disk does not also fill the log. */
static void watch_journal(struct agent *a)
{
	struct journal_stats j;

	journal_stats(a->journal, &j);
	if (j.error == a->journal_error)
		return;
	if (j.error)
		log_error("cannot write the journal, events wait in memory: "
			  "%s: %s",
			  j.error_what, strerrordesc_np(j.error));
	else
		log_notice("journal is being written again dropped=%" PRIu64,
			   j.dropped);
	a->journal_error = j.error;
}

static int housekeep(void *arg)
{
	struct agent *a = arg;
	uint64_t now_ns = clock_boot_ns();
	uint64_t window_ns = a->s->conf->sensor.write_window_ms * NS_PER_MS;
	uint64_t next_ns;
	struct cursor cursor;

	a->housekeeping_armed = false;
	follow_clock(a);
	a->lost += losses_check(a->losses, a->sensor, &a->announcer);
	next_ns =
		totals_due(a->pipeline.totals, &a->pipeline, now_ns, window_ns);
	proc_table_expire(a->procs, now_ns);
	watch_journal(a);
	if (cursor_load(a->s->conf->collector.state_dir, "ship", &cursor) ==
		    0 &&
	    !memcmp(cursor.journal, a->opening.id, sizeof(cursor.journal)))
		journal_set_cursor(a->journal, cursor.seq);

	if (next_ns || a->journal_error) {
		uint64_t wait_ms = next_ns > now_ns
					   ? (next_ns - now_ns) / NS_PER_MS + 1
					   : HOUSEKEEPING_MS;

		if (wait_ms < HOUSEKEEPING_MS)
			wait_ms = HOUSEKEEPING_MS;
		a->housekeeping_armed = true;
		return loop_timer_arm(a->housekeeping, wait_ms);
	}
	return 0;
}

static int signalled(int signo, int32_t sender_pid, void *arg)
{
	struct agent *a = arg;

	if (signo == SIGHUP) {
		reload(a);
		return 0;
	}
	a->stop_signal = signo;
	a->stopped_by = sender_pid;
	loop_stop(a->loop, 0);
	return 0;
}

/* ---- status ------------------------------------------------------------- */

static void gather(struct agent *a, struct health *h)
{
	const struct conf *c = a->s->conf;

	*h = (struct health){
		.pid = getpid(),
		.started_wall_ns = a->started_wall_ns,
		.uptime_ms = (clock_boot_ns() - a->started_ns) / NS_PER_MS,
		.journal_dir = a->s->journal_dir,
		.pipeline = a->pipeline.counts,
		.outcomes_waiting = outcomes_waiting(a->pipeline.outcomes),
		.rules = rule_set_count(a->rules),
		.collector_url = c->collector.url ? c->collector.url : "",
	};
	memcpy(h->journal_id, a->opening.id, sizeof(h->journal_id));
	memcpy(h->rules_hash, rule_set_hash(a->rules), sizeof(h->rules_hash));
	journal_stats(a->journal, &h->journal);
	h->row_count = sensor_coverage(a->sensor, h->rows);
	losses_sum(a->losses, a->sensor, h->families);
	sensor_fill(a->sensor, &h->ring_used, &h->ring_size);
	proc_table_stats(a->procs, &h->procs);
	h->has_cursor =
		cursor_load(c->collector.state_dir, "ship", &h->cursor) == 0 &&
		!memcmp(h->cursor.journal, a->opening.id,
			sizeof(h->cursor.journal));
}

static void answer_status(void *arg, bool json, struct buf *out)
{
	static struct health h; /* some kilobytes: not on the stack */

	gather(arg, &h);
	if (json)
		health_json(out, &h);
	else
		health_text(out, &h);
}

/* ---- starting ----------------------------------------------------------- */

static const struct {
	const char *name;
	uint8_t backend;
} backend_names[] = {
	{ "auto", WIRE_BACKEND_NONE },	   { "lsm", WIRE_BACKEND_LSM },
	{ "fentry", WIRE_BACKEND_FENTRY }, { "kprobe", WIRE_BACKEND_KPROBE },
	{ "tp_btf", WIRE_BACKEND_TP_BTF }, { "raw_tp", WIRE_BACKEND_RAW_TP },
	{ "cgroup", WIRE_BACKEND_CGROUP },
};

static uint8_t backend_of(const char *name)
{
	for (size_t i = 0; i < sizeof(backend_names) / sizeof(backend_names[0]);
	     i++)
		if (name && !strcmp(name, backend_names[i].name))
			return backend_names[i].backend;
	return WIRE_BACKEND_NONE;
}

static int start_sensor(struct agent *a)
{
	const struct conf *c = a->s->conf;
	struct sensor_settings s = {
		.ring_bytes = c->sensor.ring_size,
		.window_ms = c->sensor.write_window_ms,
		.unix_sockets = c->sensor.unix_sockets,
		.env_names = (const char *const *)c->sensor.env.words,
		.self_tgid = (uint32_t)getpid(),
	};
	char what[256] = "";
	int r;

	s.force[WIRE_FAM_EXEC] = backend_of(c->sensor.exec);
	s.force[WIRE_FAM_CONNECT] = backend_of(c->sensor.connect);
	s.force[WIRE_FAM_WRITE] = backend_of(c->sensor.write);
	r = sensor_open(&s, &a->sensor, what);
	if (r >= 0)
		return 0;
	log_error("%s", what[0] ? what : strerrordesc_np(-r));
	if (r == -EPERM || r == -EACCES)
		return EXIT_CODE_PRIVILEGE;
	return r == -ENOTSUP ? EXIT_CODE_NO_HOOK : EXIT_CODE_FAILURE;
}

static int start_journal(struct agent *a)
{
	const struct conf *c = a->s->conf;
	struct journal_settings s = {
		.dir = a->s->journal_dir,
		.max_size = c->journal.max_size,
		.max_age_ms = c->journal.max_age_ms,
		.segment_size = c->journal.segment_size,
		.buffer_size = c->journal.buffer_size,
		.sync_interval_ms = (uint32_t)c->journal.sync_interval_ms,
		.file_mode = 0640,
	};
	char what[256] = "";
	int holder = 0;
	int r;

	r = journal_open(&s, &a->journal, &a->opening, &holder, what);
	if (r == -EWOULDBLOCK)
		log_error("journal '%s' is being written by process %d: only "
			  "one picket can run on it",
			  a->s->journal_dir, holder);
	else if (r < 0)
		log_error("cannot open journal '%s': %s", a->s->journal_dir,
			  what[0] ? what : strerrordesc_np(-r));
	return r;
}

static int enter_task(void *arg, const struct wire_task *task)
{
	int r = proc_table_snapshot(arg, task);

	return r == -ENOMEM ? r : 0;
}

static int start_processes(struct agent *a)
{
	const struct conf *c = a->s->conf;
	const struct proc_limits limits = {
		.max_processes = (size_t)c->process.max_processes,
		.keep_dead_ms = c->process.keep_dead_ms,
		.env_names = (const char *const *)c->sensor.env.words,
	};
	int r = proc_table_new(&limits, "/proc", &a->procs);

	if (r < 0)
		return r;
	/* Without names of cgroups there are still processes. */
	r = proc_table_scan_cgroups(a->procs);
	if (r < 0)
		log_warning("cannot read the names of all cgroups: %s",
			    strerrordesc_np(-r));
	r = sensor_tasks(a->sensor, enter_task, a->procs);
	if (r < 0)
		log_error("cannot read what already runs: %s",
			  strerrordesc_np(-r));
	return r;
}

/* Whoever read our lines went away: go on watching. */
static int tail_ended(void *arg, int error)
{
	(void)arg;
	log_warning("standard output takes no more lines: %s",
		    strerrordesc_np(-error));
	return 0;
}

static int start_tail(struct agent *a)
{
	const struct tail_settings s = {
		.fd = STDOUT_FILENO,
		.kinds = TAIL_DEFAULT,
	};
	int r;

	r = reader_open(a->s->journal_dir, READER_SEQ, a->opening.next_seq, 0,
			&a->reader);
	if (r >= 0)
		r = tail_view_new(&s, &a->tail);
	if (r >= 0)
		r = tail_view_attach(a->tail, a->loop, tail_ended, a);
	if (r >= 0)
		r = tail_view_follow(a->tail, a->reader);
	return r;
}

static int start_loop(struct agent *a)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	int r;

	r = loop_signals(a->loop, signals, signalled, a);
	if (r >= 0)
		r = loop_timer_new(a->loop, 0, housekeep, a, &a->housekeeping);
	if (r >= 0)
		r = loop_add(a->loop, sensor_fd(a->sensor), EPOLLIN, ring_ready,
			     a);
	return r;
}

static void announce_start(struct agent *a)
{
	const struct journal_opening *o = &a->opening;
	struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t n = sensor_coverage(a->sensor, rows);
	char state[ANNOUNCE_FACTS_MAX][160];
	struct record_fact facts[ANNOUNCE_FACTS_MAX + 1] = { { NULL, NULL } };
	size_t shown = 0, off = 0;

	announce(&a->announcer, PICKET__V1__AGENT__WHAT__STARTED, NULL,
		 "picket %s started, pid %d, epoch %u", PICKET_VERSION,
		 getpid(), o->epoch);
	if (o->unclean)
		announce(&a->announcer, PICKET__V1__AGENT__WHAT__UNCLEAN, NULL,
			 "the journal was not closed by its last writer: what "
			 "happened until now was not seen");
	if (o->cut_bytes)
		announce(&a->announcer, PICKET__V1__AGENT__WHAT__CUT, NULL,
			 "the journal's torn end, %" PRIu64
			 " bytes, was set aside as %s",
			 o->cut_bytes, o->cut_file);
	announce_policy(a, "loaded");

	for (size_t i = 0; i < n; i++) {
		off += !rows[i].active;
		if (shown == ANNOUNCE_FACTS_MAX)
			continue;
		(void)snprintf(state[shown], sizeof(state[shown]), "%s%s%s",
			       rows[i].active ? rows[i].backend : "off",
			       rows[i].reason[0] ? ": " : "", rows[i].reason);
		facts[shown].key = rows[i].hook;
		facts[shown].value = state[shown];
		shown++;
	}
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__COVERAGE, facts,
		 "%zu of %zu ways in are watched", n - off, n);
}

static void log_start(struct agent *a)
{
	struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t n = sensor_coverage(a->sensor, rows), off = 0;
	struct proc_stats procs;

	for (size_t i = 0; i < n; i++)
		off += !rows[i].active;
	if (off)
		log_notice("%zu of %zu ways in are not watched: 'picket "
			   "status' says which and why",
			   off, n);
	proc_table_stats(a->procs, &procs);
	log_notice("watching rules=%zu processes=%" PRIu64 " journal='%s'",
		   rule_set_count(a->rules), procs.processes,
		   a->s->journal_dir);
}

/* ---- stopping ----------------------------------------------------------- */

/* What the kernel made and neither handed over nor counted as lost. */
static uint64_t unexplained(const struct agent *a)
{
	struct wire_counters f[WIRE_FAM_COUNT];
	uint64_t sum = 0;

	losses_sum(a->losses, a->sensor, f);
	for (int i = 0; i < WIRE_FAM_COUNT; i++) {
		uint64_t known = f[i].lost + a->pipeline.counts.received[i];

		if (f[i].made > known)
			sum += f[i].made - known;
	}
	return sum;
}

static void log_stop(struct agent *a, uint64_t missing)
{
	const struct pipeline_counts *n = &a->pipeline.counts;
	uint64_t seen = 0, kept = 0;
	struct journal_stats j;
	struct cursor cursor;

	for (int f = 0; f < WIRE_FAM_COUNT; f++)
		seen += n->received[f];
	for (int k = 0; k < EVENT_KIND_COUNT; k++)
		kept += n->kept[k];
	journal_stats(a->journal, &j);
	log_notice("stopped after %.1f s",
		   (double)(clock_boot_ns() - a->started_ns) / 1e9);
	log_notice("seen    %" PRIu64 " records: %" PRIu64 " exec, %" PRIu64
		   " exit, %" PRIu64 " connect, %" PRIu64 " write",
		   seen, n->received[WIRE_FAM_EXEC], n->received[WIRE_FAM_EXIT],
		   n->received[WIRE_FAM_CONNECT], n->received[WIRE_FAM_WRITE]);
	log_notice("kept    %" PRIu64 " events, %" PRIu64
		   " amendments, %" PRIu64 " alerts; %" PRIu64
		   " ignored, %" PRIu64 " not wanted; journal up to %" PRIu64,
		   kept, n->amended, n->alerts, n->answers[ANSWER_IGNORED],
		   n->dropped, j.next_seq ? j.next_seq - 1 : 0);
	if (!a->s->conf->collector.url || !a->s->conf->collector.url[0])
		log_notice("shipped nothing: no collector is configured");
	else if (cursor_load(a->s->conf->collector.state_dir, "ship",
			     &cursor) == 0 &&
		 !memcmp(cursor.journal, a->opening.id, sizeof(cursor.journal)))
		log_notice("shipped up to %" PRIu64 " of %" PRIu64, cursor.seq,
			   j.next_seq - 1);
	else
		log_notice("shipped nothing yet");
	log_notice("lost    %" PRIu64 " in the kernel, %" PRIu64
		   " at the journal, %" PRIu64 " unreadable, %" PRIu64
		   " unexplained",
		   a->lost, j.dropped, n->bad, missing);
}

static void stop(struct agent *a)
{
	uint64_t missing;
	int n;

	sensor_stop(a->sensor);
	do {
		n = sensor_read(a->sensor, pipeline_record, &a->pipeline,
				RECORDS_PER_TURN);
	} while (n > 0);
	a->lost += losses_check(a->losses, a->sensor, &a->announcer);
	missing = unexplained(a);
	if (missing)
		announce(&a->announcer, PICKET__V1__AGENT__WHAT__LOSS, NULL,
			 "%" PRIu64 " events were made and never arrived",
			 missing);
	/* Every window is over. */
	while (totals_due(a->pipeline.totals, &a->pipeline, clock_boot_ns(), 0))
		;
	announce(&a->announcer, PICKET__V1__AGENT__WHAT__STOPPED, NULL,
		 "picket stopped by signal %d from pid %d", a->stop_signal,
		 a->stopped_by);
	if (journal_flush(a->journal, STOP_FLUSH_MS) < 0)
		log_error("not everything could be written to the journal");
	if (a->tail)
		(void)tail_view_drain(a->tail, a->reader);
	log_stop(a, missing);
}

static void take_apart(struct agent *a)
{
	status_socket_close(a->status);
	tail_view_free(a->tail);
	reader_close(a->reader);
	pipeline_done(&a->pipeline);
	losses_free(a->losses);
	proc_table_free(a->procs);
	sensor_close(a->sensor);
	journal_close(a->journal);
	rule_set_free(a->rules);
	loop_free(a->loop);
}

static int put_together(struct agent *a)
{
	int r;

	r = settings_load_rules(a->s->policy_dir, a->s->conf, &a->rules);
	if (r != EXIT_CODE_OK)
		return r;
	if (loop_new(&a->loop) < 0)
		return EXIT_CODE_FAILURE;
	r = start_sensor(a);
	if (r)
		return r;
	r = sandbox_enter();
	if (r < 0) {
		log_error("cannot give up privileges: %s", strerrordesc_np(-r));
		return EXIT_CODE_FAILURE;
	}
	if (start_journal(a) < 0)
		return EXIT_CODE_FAILURE;

	a->pipeline.sensor = a->sensor;
	a->pipeline.rules = a->rules;
	a->pipeline.journal = a->journal;
	a->pipeline.epoch = a->opening.epoch;
	a->pipeline.wall_offset_ns = clock_offset_ns();
	a->announcer = (struct announcer){
		.journal = a->journal,
		.wall_offset_ns = a->pipeline.wall_offset_ns,
	};
	if (losses_new(a->sensor, &a->losses) < 0 ||
	    pipeline_init(&a->pipeline) < 0 || start_processes(a) < 0)
		return EXIT_CODE_FAILURE;
	a->pipeline.procs = a->procs;

	announce_start(a);
	r = status_socket_open(a->s->journal_dir, a->loop, answer_status, a,
			       &a->status);
	if (r < 0)
		log_warning("'picket status' will not find this process: %s",
			    strerrordesc_np(-r));
	if (a->s->tail) {
		r = start_tail(a);
		if (r < 0)
			log_warning("cannot show events: %s",
				    strerrordesc_np(-r));
	}
	r = start_loop(a);
	if (r < 0) {
		log_error("cannot start the event loop: %s",
			  strerrordesc_np(-r));
		return EXIT_CODE_FAILURE;
	}
	return EXIT_CODE_OK;
}

int daemon_run(const struct daemon_settings *s)
{
	struct agent a = {
		.s = s,
		.started_ns = clock_boot_ns(),
		.started_wall_ns = clock_wall_ns(),
	};
	int code, r;

	code = put_together(&a);
	if (code == EXIT_CODE_OK) {
		log_start(&a);
		r = loop_run(a.loop);
		if (r < 0) {
			log_error("stopped by an internal failure: %s",
				  strerrordesc_np(-r));
			code = EXIT_CODE_FAILURE;
		}
		stop(&a);
	}
	take_apart(&a);
	return code;
}
