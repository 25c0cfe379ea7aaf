/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running agent and its parts, for the files of app/ that make up the
 * daemon: daemon.c runs the loop, assemble.c creates and destroys the parts,
 * report.c writes the events about picket itself. Parts with a header of their
 * own do not include this.
 *
 * Times named _ns are CLOCK_BOOTTIME unless they are called wall. An int called
 * error is 0 or the -errno that was reported last, so that it is reported once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/announce.h"
#include "app/canary.h"
#include "app/daemon.h"
#include "app/pipeline.h"
#include "app/refusals.h"
#include "app/requester.h"
#include "app/shadow.h"
#include "base/notify.h"
#include "sense/sensor.h"
#include "store/journal.h"

struct loop;
struct loop_timer;
struct losses;
struct policy_watch;
struct reader;
struct reload;
struct status_socket;
struct tail_view;
struct trust_run;

/* What the service manager is told. */
struct service {
	struct notify notify;
	bool is_fed;	  /* there is a watchdog, and a timer that feeds it */
	bool had_waiting; /* the ring was not empty at the last feed */
	uint64_t read;	  /* records that had been read at the last feed */
};

/* Lines of the journal as it grows; view NULL: none. */
struct follower {
	struct tail_view *view;
	struct reader *reader;
};

struct agent {
	const struct daemon_settings *s;
	struct service service;
	struct loop *loop;
	struct loop_timer *housekeeping;
	bool housekeeping_armed;
	struct sensor *sensor;
	struct loop_timer *ring_timer; /* ring_pace.c's */
	uint64_t ring_read_ns;	       /* when it was last read */
	bool ring_waits;	       /* ring_timer is armed */
	struct proc_table *procs;
	struct rule_set *rules;
	uint64_t generation; /* of the policy: 1, then one more per reload */
	struct reload *reload;
	struct policy_watch *policy_watch; /* NULL: [rules] watch is no */
	struct shadow shadow;
	struct {
		uint64_t saved_ns;
		uint64_t judged; /* events that had been judged then */
		int error;	 /* of saving */
	} rule_state;
	struct {
		uint64_t known_ns;   /* when it was saved last */
		uint64_t windows_ns; /* when the copy below was made */
		int known_error, windows_error;
		struct buf windows; /* saved once the journal has as_of */
		uint64_t as_of;
		bool waits; /* windows holds a copy that is not saved yet */
	} alert_state;
	struct journal *journal;
	struct journal_opening opening;
	struct losses *losses;
	struct announcer announcer;
	struct pipeline pipeline;
	struct status_socket *status;
	bool status_astray; /* the socket is still in the old directory */
	struct follower lines, alert_log;
	struct helper *helper; /* NULL: the canary is switched off */
	struct trust_run *trust; /* NULL: [trust] enabled is no */
	struct canary canary;
	struct loop_timer *canary_timer, *canary_deadline;
	bool canary_judged; /* the current round has a result */
	int helper_error; /* how the canary's last run ended, errno */
	struct sensor_past past;
	bool has_past;	      /* records of an earlier agent are left */
	uint64_t past_seq;    /* journal number of the last of them */
	bool is_kept;	      /* the kernel side stays when this one ends */
	bool is_broken_off;   /* a signal ended the start */
	uint64_t lost;	      /* kernel losses that the journal has */
	uint64_t healed_lost; /* lost records of processes, since repaired */
	uint64_t started_ns;
	int64_t started_wall_ns;
	struct requester stopped_by; /* who sent the signal */
	int stop_signal;
	/* What was reported last, so that a change is reported once. */
	int journal_error;
	uint64_t journal_trimmed;    /* records trimmed before shipping */
	uint64_t journal_trimmed_ns; /* when that was reported; 0: never */
	uint64_t journal_stuck;	     /* segments that cannot be removed */
	uint64_t journal_reopened;   /* how often */
	int metrics_error;
	int mates_error;
	uint32_t coverage_sum; /* checksum of the coverage table */
	bool coverage_told;
	struct refusals refusals;
};

/*
 * Create the parts: policy, kernel, privileges, journal, processes, in that
 * order. Returns an exit code (EXIT_CODE_OK with is_broken_off set: end at
 * once). Call assemble_apart in any case.
 */
int assemble(struct agent *a);
void assemble_apart(struct agent *a);
/*
 * Print what the journal gets from now on: events on standard output (run
 * --tail), or else alerts in the log, as configured. An exit code.
 */
int assemble_lines(struct agent *a);

/* Handle at most `max` records of the ring. Returns how many, or -errno. */
int agent_read(struct agent *a, size_t max);
/* ring_pace.c: read the ring now, and from the loop when it is due. */
int ring_watch(struct agent *a);

/* canary_run.c: start rounds on the loop; check how far the round has come. */
int canary_start(struct agent *a);
void canary_watch(struct agent *a);

/* rule_state.c: the counters of rules, kept in a file. */
void rule_state_load(struct agent *a);
void rule_state_watch(struct agent *a);
/* lasting: durable when this returns. */
void rule_state_save(struct agent *a, bool lasting);

/*
 * alert_state.c: the state of alerts, kept in files. Call load before the first
 * event is judged, and end after the last was journaled; it is durable when end
 * returns. watch returns when to call it again (CLOCK_BOOTTIME); 0: not before
 * the next event.
 */
void alert_state_load(struct agent *a);
uint64_t alert_state_watch(struct agent *a);
void alert_state_end(struct agent *a);

/* journal_watch.c: report what happened to the journal since the last call. */
void journal_watch(struct agent *a);

/*
 * service.c. Call begin before starting anything that inherits the environment;
 * ready also ends a reload. ready returns -errno if there is no memory for a
 * timer.
 */
void service_begin(struct agent *a);
int service_ready(struct agent *a);
void service_reloading(struct agent *a);
void service_stopping(struct agent *a);
void service_end(struct agent *a);

/* care.c: keep hooks and pins in place, and report the coverage table. */
int care_start(struct agent *a);

/* Events about picket itself. by: who asked for it; NULL: nobody. */
void report_policy(struct agent *a, const char *how,
		   const struct requester *by);
/* A new policy was refused, and the old one stays. what: the error, escaped. */
void report_refused_policy(struct agent *a, const char *what,
			   const struct requester *by);
void report_start(struct agent *a);
void report_stop(struct agent *a);
/* The coverage table, if it has changed since it was last reported. */
void report_coverage(struct agent *a);
/* Records that the kernel made and neither delivered nor counted as lost. */
struct missing {
	uint64_t sum, of[WIRE_FAM_COUNT];
};
void report_missing(const struct agent *a, struct missing *ret);
/* Journal them as losses, one event per family. */
void report_unexplained(struct agent *a, const struct missing *m);

/* Lines for the operator. */
void report_log_start(const struct agent *a);
void report_log_stop(const struct agent *a, uint64_t missing);
