/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `picket status` shows, gathered from every stage when asked and printed
 * as a screen or as JSON. It answers: is picket running, does it see
 * everything, has it lost anything, does the collector get it, what does it
 * cost?
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "app/alerts.h"
#include "app/canary.h"
#include "app/destinations.h"
#include "app/pipeline.h"
#include "app/shadow.h"
#include "app/trust_run.h"
#include "base/buf.h"
#include "proc/proc_table.h"
#include "sense/sensor.h"
#include "store/journal.h"

struct health {
	int pid;
	int64_t started_wall_ns;
	uint64_t uptime_ms;

	uint8_t journal_id[16];
	const char *journal_dir;
	struct journal_stats journal;

	struct canary canary;
	uint64_t canary_interval_ms; /* 0: switched off */

	struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t row_count;
	struct wire_counters families[WIRE_FAM_COUNT];
	uint64_t missed[WIRE_FAM_COUNT]; /* program runs that were skipped */
	uint64_t ring_used, ring_size;
	const char *pin_dir;	 /* empty: none is configured */
	const char *pin_trouble; /* why nothing is pinned; empty: it is */

	struct pipeline_counts pipeline;
	struct alert_stats alerts;
	struct proc_stats procs;
	struct trust_status trust;

	size_t rules;
	uint64_t generation;
	struct shadow shadow; /* a copy; its rule set is borrowed */
	uint8_t rules_hash[32];

	struct destination destinations[DESTINATIONS_MAX];
	size_t destination_count; /* 0: nothing is shipped */
};

/* A screen; after the first empty line, details by family and by hook. */
void health_text(struct buf *out, const struct health *h);
void health_json(struct buf *out, const struct health *h);

/* For a liveness probe: HEALTH_OK, or one line why not (health_check.c). */
#define HEALTH_OK "ok"
void health_check(struct buf *out, const struct health *h);

/* Parts of the above (health_trust.c, health_ship.c). */
void health_trust_text(struct buf *out, const struct health *h);
void health_trust_json(struct buf *out, const struct health *h);
void health_ship_text(struct buf *out, const struct health *h);
/* Each collector, if there are more than the screen has room for. */
void health_ship_more(struct buf *out, const struct health *h);
void health_ship_json(struct buf *out, const struct health *h);
/* Also parts (health_shadow.c); empty without a shadow policy. */
void health_shadow_text(struct buf *out, const struct health *h);
void health_shadow_json(struct buf *out, const struct health *h);
