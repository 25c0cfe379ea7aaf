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
#include "app/daemon.h"
#include "app/pipeline.h"
#include "store/journal.h"

struct cursor;
struct loop;
struct loop_timer;
struct losses;
struct reader;
struct status_socket;
struct tail_view;

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

/*
 * Policy, kernel, privileges, journal, processes, in that order. An exit code;
 * what was put together is there for assemble_apart in any case.
 */
int assemble(struct agent *a);
void assemble_apart(struct agent *a);
/* Lines on standard output, from what the journal gets from now on. */
int assemble_tail(struct agent *a);

/* Events about the agent itself. */
void report_policy(struct agent *a, const char *how);
void report_start(struct agent *a);
/* What the kernel made and neither handed over nor counted as lost. */
uint64_t report_unexplained(struct agent *a);

/* How far the shipper has come on this journal; false: nowhere yet. */
bool report_cursor(const struct agent *a, struct cursor *ret);

/* Lines for the operator. */
void report_log_start(const struct agent *a);
void report_log_stop(const struct agent *a, uint64_t missing);
