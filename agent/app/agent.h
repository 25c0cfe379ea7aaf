/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running agent: its parts, for the three files that make up the daemon
 * (daemon.c: the loop; assemble.c: putting together and taking apart;
 * report.c: what it says of itself). Nobody else includes this.
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

/* What the service manager hears of. */
struct service {
	struct notify notify;
	bool is_fed;	  /* the watchdog has its timer */
	bool had_waiting; /* at the last feed: records in the ring */
	uint64_t read;	  /* and how many had been read of it by then */
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
	uint64_t ring_read_ns;	       /* when it was last begun */
	bool ring_waits;	       /* for that timer */
	struct proc_table *procs;
	struct rule_set *rules;
	uint64_t
		generation; /* of the policy: 1, and one more with each reload */
	struct reload *reload;
	struct policy_watch *policy_watch; /* NULL: nobody looks */
	struct shadow shadow;
	struct {
		uint64_t saved_ns;
		uint64_t judged; /* events, by then */
		int error;	 /* the same, -errno */
	} rule_state;
	struct {
		uint64_t known_ns, windows_ns; /* when it was saved, taken */
		int known_error, windows_error; /* the same, -errno */
		struct buf windows; /* to be saved once the journal has … */
		uint64_t as_of;	    /* … this number */
		bool waits;	    /* for that */
	} alert_state;
	struct journal *journal;
	struct journal_opening opening;
	struct losses *losses;
	struct announcer announcer;
	struct pipeline pipeline;
	struct status_socket *status;
	bool status_astray; /* its name is where the journal was before */
	struct follower lines, alert_log;
	struct helper *helper; /* NULL: no canary is wanted */
	struct trust_run *trust; /* NULL: nothing is found out of files */
	struct canary canary;
	struct loop_timer *canary_timer, *canary_deadline;
	bool canary_judged; /* the round that flies */
	int helper_error; /* how the canary's last run ended, errno */
	struct sensor_past past;
	bool has_past;	      /* not all of it is in the journal */
	uint64_t past_seq;    /* once it was read: its last number */
	bool is_kept;	      /* the kernel side goes on without us */
	bool is_broken_off;   /* a signal ended it before it watched */
	uint64_t lost;	      /* in the kernel, told in the journal */
	uint64_t healed_lost; /* records of processes lost, and made up for */
	uint64_t started_ns;
	int64_t started_wall_ns;
	struct requester stopped_by; /* who sent the signal */
	int stop_signal;
	int journal_error;	     /* last one that was told */
	uint64_t journal_trimmed;    /* the same: records, unshipped */
	uint64_t journal_trimmed_ns; /* when that was told; 0: never */
	uint64_t journal_stuck; /* segments that were told of */
	uint64_t journal_reopened; /* the same: times */
	int metrics_error; /* the same, -errno */
	int mates_error;   /* the same */
	uint32_t coverage_sum; /* of the table that was told last */
	bool coverage_told;
	struct refusals refusals;
};

/*
 * Policy, kernel, privileges, journal, processes, in that order. An exit code
 * (OK too where is_broken_off says that there is nothing to run);
 * what was put together is there for assemble_apart in any case.
 */
int assemble(struct agent *a);
void assemble_apart(struct agent *a);
/*
 * Lines of what the journal gets from now on: events on standard output, if
 * they are asked for, else alerts in the log, if they are.
 */
int assemble_lines(struct agent *a);

/* What the ring has, at most `max` records: how many, or -errno. */
int agent_read(struct agent *a, size_t max);
/* ring_pace.c: read it, now and on the loop, whenever it is time to. */
int ring_watch(struct agent *a);

/* canary_run.c: rounds on the loop; what has come through, now and then. */
int canary_start(struct agent *a);
void canary_watch(struct agent *a);

/* rule_state.c: what is counted of rules, from and to its file. */
void rule_state_load(struct agent *a);
void rule_state_watch(struct agent *a);
/* lasting: when this returns it is on the disk. */
void rule_state_save(struct agent *a, bool lasting);

/*
 * alert_state.c: what is known of alerts, from and to its files. Load before
 * the first event is judged; end when the journal has all, and once it
 * returns it is on the disk. watch says when it is to be called again, in
 * boottime; 0: not before there is another event.
 */
void alert_state_load(struct agent *a);
uint64_t alert_state_watch(struct agent *a);
void alert_state_end(struct agent *a);

/* journal_watch.c: what has befallen the journal since the last call. */
void journal_watch(struct agent *a);

/*
 * service.c. Begin before anything is started that has the environment too;
 * ready also ends a reload. -errno: there is no memory for a timer.
 */
void service_begin(struct agent *a);
int service_ready(struct agent *a);
void service_reloading(struct agent *a);
void service_stopping(struct agent *a);
void service_end(struct agent *a);

/* care.c: hooks and pins are looked after, and the table of ways in is told. */
int care_start(struct agent *a);

/* Events about the agent itself. by: whose wish it was; NULL: none. */
void report_policy(struct agent *a, const char *how,
		   const struct requester *by);
/* A new policy is wrong (what: escaped): the old one stays. */
void report_refused_policy(struct agent *a, const char *what,
			   const struct requester *by);
void report_start(struct agent *a);
void report_stop(struct agent *a);
/* The table of ways in, if it is not as it was told last. */
void report_coverage(struct agent *a);
/* What the kernel made and neither handed over nor counted as lost. */
struct missing {
	uint64_t sum, of[WIRE_FAM_COUNT];
};
void report_missing(const struct agent *a, struct missing *ret);
/* The same as losses, one of each family. */
void report_unexplained(struct agent *a, const struct missing *m);

/* Lines for the operator. */
void report_log_start(const struct agent *a);
void report_log_stop(const struct agent *a, uint64_t missing);
