/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages in order, for one record of the ring after another: decode it,
 * find the process that acted, judge it, describe the process, journal the
 * event. The parts are borrowed from the daemon.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event.h"
#include "rules/redact.h"
#include "wire.h"

struct sensor;
struct sensor_seen;
struct proc_table;
struct rule_set;
struct journal;
struct outcomes;
struct totals;
struct likes;
struct decode_scratch;
struct canary;
struct shadow;
struct alerts;
struct pending;
struct trust;

struct pipeline_counts {
	uint64_t received[WIRE_FAM_COUNT]; /* records, good or bad */
	uint64_t bad;			   /* records that decode refused */
	uint64_t kept[EVENT_KIND_COUNT];   /* events journaled */
	uint64_t answers[ANSWER_COUNT];
	uint64_t alerts;
	uint64_t dropped; /* unlisted = drop */
	uint64_t refused; /* lost: the journal did not take it */
	uint64_t amended;
	uint64_t totals_lost; /* sums evicted in the kernel before reading */
};

struct pipeline {
	struct sensor *sensor;
	struct proc_table *procs;
	struct rule_set *rules;
	struct journal *journal;
	struct outcomes *outcomes;
	struct totals *totals;
	struct likes *likes;
	struct canary *canary; /* NULL: none */
	struct shadow *shadow; /* NULL: none */
	struct alerts *alerts; /* NULL: every alert is raised */
	struct trust *trust;   /* NULL: no facts about files are known */
	struct pending *pending;

	int64_t wall_offset_ns; /* wall - boot, as of this batch */
	uint32_t epoch;

	struct decode_scratch *scratch;
	struct buf packed, redacted;
	struct redact_key redact_key; /* makes the tokens for secrets */
	struct pipeline_counts counts;
	const char *last_bad; /* why decode last refused; a constant */
};

/* The parts above are filled in by the caller before the first record. */
int pipeline_init(struct pipeline *p);
void pipeline_done(struct pipeline *p);

/*
 * A record that was journaled before a restart: update the process table, and
 * expect its amendments again. Nothing is journaled.
 */
void pipeline_seen(void *pipeline, const struct sensor_seen *seen);

/*
 * Fill in what an event's record does not have: names by the host's mounts, and
 * the process that it is aimed at.
 */
void pipeline_complete(struct pipeline *p, struct event *ev);

/* A sensor_fn: handle one record. Negative only when memory has run out. */
int pipeline_record(void *pipeline, const void *data, size_t size);
