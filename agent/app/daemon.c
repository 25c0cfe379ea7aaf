// SPDX-License-Identifier: Apache-2.0
/*
 * The loop around the pipeline: the ring, signals, the clock, housekeeping,
 * and who asks for the status. Stopping is detach, drain, count, seal.
 *
 * There is no periodic timer: housekeeping is due a while after something
 * happened, so an idle host is left alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/agent.h"
#include "app/alerts.h"
#include "app/destinations.h"
#include "app/heal.h"
#include "app/health.h"
#include "app/losses.h"
#include "app/metrics.h"
#include "app/orphans.h"
#include "app/policy_watch.h"
#include "app/reload.h"
#include "app/restart.h"
#include "app/rule_report.h"
#include "app/settings.h"
#include "app/status_socket.h"
#include "app/tail_view.h"
#include "app/totals.h"
#include "app/trust_run.h"
#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "event.pb-c.h"
#include "rules/rules.h"

/* Records read at a time when it ends. */
#define RECORDS_PER_TURN 8192
#define HOUSEKEEPING_MS	 1000
#define STOP_FLUSH_MS	 10000
#define STOP_LATE_MS	 2000
/* As often as they are scraped, as a rule. */
#define METRICS_MS	 15000
/* A wall clock that moved this much against boot time was stepped. */
#define CLOCK_STEP_NS	 ((int64_t)(100 * NS_PER_MS))

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

int agent_read(struct agent *a, size_t max)
{
	int n, r;

	follow_clock(a);
	n = sensor_read(a->sensor, pipeline_record, &a->pipeline, max);
	if (n < 0)
		return n;
	r = arm_housekeeping(a);
	return r < 0 ? r : n;
}

static int housekeep(void *arg)
{
	struct agent *a = arg;
	uint64_t now_ns = clock_boot_ns();
	uint64_t window_ns = a->s->conf->sensor.write_window_ms * NS_PER_MS;
	uint64_t next_ns;
	uint64_t shipped;
	int r;

	a->housekeeping_armed = false;
	follow_clock(a);
	a->lost += losses_check(a->losses, a->sensor, &a->announcer);
	restart_watch(a);
	r = heal_processes(a);
	if (r < 0)
		return r;
	next_ns = totals_due(a->pipeline.totals, now_ns, window_ns);
	trust_run_settle(a, false);
	next_ns = clock_sooner(next_ns, alerts_due(a->pipeline.alerts, now_ns));
	proc_table_expire(a->procs, now_ns);
	journal_watch(a);
	rule_state_watch(a);
	next_ns = clock_sooner(next_ns, alert_state_watch(a));
	shadow_watch(a);
	canary_watch(a);
	refusals_check(&a->refusals, a->s->conf, &a->announcer, now_ns);
	if (destinations_done(a->s->conf, a->opening.id, &shipped))
		journal_set_cursor(a->journal, shipped);

	if (next_ns || a->journal_error || a->has_past) {
		uint64_t wait_ms = next_ns > now_ns
					   ? (next_ns - now_ns) / NS_PER_MS + 1
					   : HOUSEKEEPING_MS;

		if (wait_ms < HOUSEKEEPING_MS || a->journal_error ||
		    a->has_past)
			wait_ms = HOUSEKEEPING_MS;
		/* Not "armed": the next record brings it forward. */
		return loop_timer_arm(a->housekeeping, wait_ms);
	}
	return 0;
}

static int signalled(int signo, struct loop_sender by, void *arg)
{
	struct agent *a = arg;

	if (signo == SIGHUP) {
		if (a->reload)
			reload_by_signal(a->reload, by);
		return 0;
	}
	a->stop_signal = signo;
	a->is_kept = signo == SIGUSR2;
	a->stopped_by = (struct requester){ .pid = by.pid, .uid = by.uid };
	requester_find_exe(&a->stopped_by);
	loop_stop(a->loop, 0);
	return 0;
}

/* ---- status ------------------------------------------------------------- */

static void gather(struct agent *a, struct health *h)
{
	struct destinations_ask ask = {
		.conf = a->s->conf,
		.journal_dir = a->s->journal_dir,
		.journal = a->opening.id,
	};

	*h = (struct health){
		.pid = getpid(),
		.started_wall_ns = a->started_wall_ns,
		.uptime_ms = (clock_boot_ns() - a->started_ns) / NS_PER_MS,
		.journal_dir = a->s->journal_dir,
		.pipeline = a->pipeline.counts,
		.rules = rule_set_count(a->rules),
		.generation = a->generation,
		.shadow = a->shadow,
	};
	memcpy(h->journal_id, a->opening.id, sizeof(h->journal_id));
	memcpy(h->rules_hash, rule_set_hash(a->rules), sizeof(h->rules_hash));
	journal_stats(a->journal, &h->journal);
	alerts_stats(a->pipeline.alerts, &h->alerts);
	trust_run_status(a, &h->trust);
	h->canary = a->canary;
	h->canary_interval_ms = a->helper ? a->s->conf->canary.interval_ms : 0;
	h->row_count = sensor_coverage(a->sensor, h->rows);
	losses_sum(a->losses, a->sensor, h->families);
	for (int f = 0; f < WIRE_FAM_COUNT; f++) {
		h->pipeline.received[f] =
			sensor_received(a->sensor, (enum wire_family)f);
		h->missed[f] = sensor_missed(a->sensor, (enum wire_family)f);
	}
	h->pin_dir = a->s->pin ? a->s->conf->sensor.pin_dir : "";
	h->pin_trouble = sensor_pin_trouble(a->sensor);
	sensor_fill(a->sensor, &h->ring_used, &h->ring_size);
	proc_table_stats(a->procs, &h->procs);
	ask.first_seq = h->journal.first_seq;
	ask.next_seq = h->journal.next_seq;
	h->destination_count = destinations_read(&ask, h->destinations);
}

/* Some kilobytes: not on the stack. */
static struct health health;

static bool answer_status(void *arg, const struct status_ask *ask,
			  struct buf *out)
{
	struct agent *a = arg;
	const struct rule_report rules = { a->rules, a->opening.id };

	switch (ask->form) {
	case STATUS_RELOAD:
	case STATUS_RELOAD_JSON:
		return reload_by_client(a->reload, ask, out);
	case STATUS_RULES:
		rule_report_text(out, &rules);
		return true;
	case STATUS_RULES_JSON:
		rule_report_json(out, &rules);
		return true;
	case STATUS_JSON:
		gather(a, &health);
		health_json(out, &health);
		return true;
	case STATUS_PROMETHEUS:
		gather(a, &health);
		metrics_text(out, &health);
		return true;
	case STATUS_CHECK:
		gather(a, &health);
		health_check(out, &health);
		return true;
	case STATUS_TEXT:
		break;
	}
	gather(a, &health);
	health_text(out, &health);
	return true;
}

static int save_metrics(void *arg)
{
	struct agent *a = arg;
	const char *path = a->s->conf->agent.metrics_file;
	int r;

	gather(a, &health);
	r = metrics_save(path, &health);
	if (r < 0 && !a->metrics_error)
		log_warning("cannot write metrics to '%s': %s", path,
			    strerrordesc_np(-r));
	else if (r >= 0 && a->metrics_error)
		log_notice("metrics are written to '%s' again", path);
	a->metrics_error = r;
	return 0;
}

static int start_metrics(struct agent *a)
{
	struct loop_timer *timer;

	if (!*a->s->conf->agent.metrics_file)
		return 0;
	(void)save_metrics(a);
	return loop_timer_new(a->loop, METRICS_MS, save_metrics, a, &timer);
}

/* Figures of an agent that is gone would be believed for ever. */
static void stop_metrics(const struct agent *a)
{
	const char *path = a->s->conf->agent.metrics_file;

	if (*path && !a->metrics_error)
		(void)unlink(path);
}

/* ---- starting ----------------------------------------------------------- */

static int start_loop(struct agent *a)
{
	int r;

	r = loop_timer_new(a->loop, 0, housekeep, a, &a->housekeeping);
	if (r >= 0)
		r = canary_start(a);
	if (r >= 0)
		r = trust_run_start(a);
	if (r >= 0)
		r = policy_watch_new(a, &a->policy_watch);
	if (r >= 0)
		r = start_metrics(a);
	if (r >= 0)
		r = care_start(a);
	/* Rings that we do not wait on may have waited for us. */
	return r < 0 ? r : ring_watch(a);
}

/* ---- stopping ----------------------------------------------------------- */

/* An exit code: what could not be written is lost, and says so. */
static void drain(const struct follower *f)
{
	if (f->view)
		(void)tail_view_drain(f->view, f->reader);
}

/* Of writes all are over; of alerts they go on with the next one, if any. */
static void end_windows(struct agent *a)
{
	uint64_t now_ns = clock_boot_ns(), next_ns;

	while (totals_due(a->pipeline.totals, now_ns, 0))
		;
	do {
		next_ns = alerts_due(a->pipeline.alerts, now_ns);
	} while (next_ns && next_ns <= now_ns);
	if (!a->is_kept)
		alerts_tell_open(a->pipeline.alerts, now_ns);
}

/*
 * To the last record: what is missing then. Who ran one of our programs while it
 * was detached has counted an event that is handed out in a moment; and pinned
 * links are let go of behind a grace period of RCU and one by one
 * (bpf_free_inode), so that for a while there are new ones, which are not ours
 * any more. What is really missing is missing however often one looks.
 */
static void read_last(struct agent *a, struct missing *ret)
{
	const struct timespec pause = { .tv_nsec = 5 * (long)NS_PER_MS };
	uint64_t end_ns = clock_mono_ns() + STOP_LATE_MS * NS_PER_MS;
	struct missing now;
	int n;

	ret->sum = UINT64_MAX;
	for (;;) {
		n = sensor_read(a->sensor, pipeline_record, &a->pipeline,
				RECORDS_PER_TURN);
		report_missing(a, &now);
		if (now.sum < ret->sum)
			*ret = now;
		/* Full turns: there is more, whatever the counters say. */
		if (n == RECORDS_PER_TURN)
			continue;
		if (!ret->sum || clock_mono_ns() > end_ns)
			return;
		if (n <= 0)
			(void)nanosleep(&pause, NULL);
	}
}

static int stop(struct agent *a)
{
	int code = EXIT_CODE_OK;
	struct missing missing = { 0 };

	/* What is not pinned goes with us, and is not said to go on. */
	a->is_kept = a->is_kept && sensor_keep(a->sensor);
	if (a->is_kept) {
		/* What goes on being filled is left to the next one. */
		(void)sensor_read(a->sensor, pipeline_record, &a->pipeline,
				  RECORDS_PER_TURN);
	} else {
		sensor_stop(a->sensor);
		read_last(a, &missing);
	}
	restart_watch(a);
	/* A loss is told once those told before it are durable. */
	(void)journal_flush(a->journal, STOP_FLUSH_MS);
	a->lost += losses_check(a->losses, a->sensor, &a->announcer);
	report_unexplained(a, &missing);
	trust_run_finish(a);
	end_windows(a);
	journal_watch(a);
	report_stop(a);
	if (a->journal_error)
		log_notice("writing what is left, for at most %d s",
			   STOP_FLUSH_MS / 1000);
	if (journal_flush(a->journal, STOP_FLUSH_MS) < 0) {
		log_error("not everything could be written to the journal");
		code = EXIT_CODE_FAILURE;
	} else if (!a->is_kept) {
		restart_end(a);
	}
	rule_state_save(a, true);
	alert_state_end(a);
	drain(&a->lines);
	drain(&a->alert_log);
	report_log_stop(a, missing.sum);
	return code;
}

static int start(struct agent *a)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR2, 0 };
	int code, r;

	/* First: a signal that comes too early ends it in order, too. */
	if (loop_new(&a->loop) < 0 ||
	    loop_signals(a->loop, signals, signalled, a) < 0)
		return EXIT_CODE_FAILURE;
	code = assemble(a);
	if (code != EXIT_CODE_OK || a->is_broken_off)
		return code;
	report_start(a);
	restart_tell(a);
	r = reload_new(a, &a->reload);
	if (r < 0) {
		log_error("cannot prepare for reloading: %s",
			  strerrordesc_np(-r));
		return EXIT_CODE_FAILURE;
	}
	r = status_socket_open(a->s->journal_dir, a->loop, answer_status, a,
			       &a->status);
	if (r < 0)
		log_warning("'picket status' will not find this process: %s",
			    strerrordesc_np(-r));
	r = assemble_lines(a);
	if (r < 0)
		log_warning("cannot show events: %s", strerrordesc_np(-r));
	r = start_loop(a);
	if (r < 0) {
		log_error("cannot start the event loop: %s",
			  strerrordesc_np(-r));
		return EXIT_CODE_FAILURE;
	}
	orphans_adopt(a);
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

	a.refusals.since_ns = a.started_wall_ns;
	service_begin(&a);
	code = start(&a);
	if (code == EXIT_CODE_OK && !a.is_broken_off) {
		report_log_start(&a);
		/* Holes of what loading took lie under what stays. */
		(void)malloc_trim(0);
		r = service_ready(&a);
		if (r >= 0)
			r = loop_run(a.loop);
		service_stopping(&a);
		if (r < 0) {
			log_error("stopped by an internal failure: %s",
				  strerrordesc_np(-r));
			code = EXIT_CODE_FAILURE;
			/* Whoever starts us again misses nothing. */
			a.is_kept = true;
		}
		stop_metrics(&a);
		r = stop(&a);
		if (code == EXIT_CODE_OK)
			code = r;
	}
	assemble_apart(&a);
	service_end(&a);
	return code;
}
