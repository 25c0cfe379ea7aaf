/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events, images and amendments <-> packed protobuf (proto/event.proto), the
 * payload of journal frames. Encoded once, here.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "event.h"

/*
 * Each appends packed bytes to `out`; out->failed tells of a failure. A
 * wall_ns of RECORD_WALL_OF_FRAME is left out, and readers take the frame's.
 */
#define RECORD_WALL_OF_FRAME 0
void record_pack_event(struct buf *out, const struct event *ev,
		       const struct image *img, const struct verdict *v,
		       int64_t wall_ns);
void record_pack_image(struct buf *out, const struct image *img);
/* The same, and where its fields are. */
struct wire_runs;
void record_pack_image_runs(struct buf *out, const struct image *img,
			    struct wire_runs *ret);

void record_pack_connect_result(struct buf *out, uint32_t epoch, uint64_t seq,
				const struct event *ev, int64_t wall_ns);

/* What one image did to one file in a window; ops: 1 << enum write_op. */
struct write_totals {
	uint64_t count, bytes, until_ns;
	uint32_t ops;
};
void record_pack_write_totals(struct buf *out, uint32_t epoch, uint64_t seq,
			      const struct write_totals *t, uint64_t boot_ns,
			      int64_t wall_ns);

/*
 * How often an alert came again; rule and tag may be NULL. since_ns 0: before
 * this boot.
 */
struct alert_repeats {
	uint64_t count, alerted, last_seq, since_ns;
	int64_t since_wall_ns, until_wall_ns;
	uint32_t last_epoch;
	enum event_kind kind;
	enum severity severity;
	const char *rule, *tag;
};
void record_pack_alert_repeats(struct buf *out, uint32_t epoch, uint64_t seq,
			       const struct alert_repeats *t, uint64_t boot_ns,
			       int64_t wall_ns);

/* The verdict of an event that was pending, and what decided it. */
struct resolution {
	const struct verdict *verdict;
	const struct image *img; /* whose facts are told; NULL: none */
	/* "name version" each; empty: none. */
	const char *exe_package, *script_package;
	bool timed_out;
};
void record_pack_resolution(struct buf *out, uint32_t epoch, uint64_t seq,
			    const struct resolution *r, uint64_t boot_ns,
			    int64_t wall_ns);

struct record_fact {
	const char *key;
	const char *value;
};
/* what: PICKET__V1__AGENT__WHAT__*; facts end with a NULL key. */
/* One way in of the coverage table; strings are borrowed. */
struct record_coverage {
	const char *family, *way, *backend, *reason;
	bool active;
};
#define RECORD_COVERAGE_MAX 128

/* The COVERAGE event: the table whole, at most RECORD_COVERAGE_MAX rows. */
struct record_coverage_table {
	const struct record_coverage *rows;
	size_t n;
};
void record_pack_coverage(struct buf *out, const char *text,
			  const struct record_coverage_table *table,
			  uint64_t boot_ns, int64_t wall_ns);

void record_pack_agent(struct buf *out, int what, const char *text,
		       const struct record_fact *facts, uint64_t boot_ns,
		       int64_t wall_ns);
