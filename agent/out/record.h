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
 * Each function appends packed bytes to `out`; check out->failed afterwards.
 * boot_ns is CLOCK_BOOTTIME, wall_ns CLOCK_REALTIME, both in ns. With
 * RECORD_WALL_OF_FRAME as wall_ns the record holds none, and readers take the
 * one in the journal frame's header. Nothing that is passed in is kept.
 */
#define RECORD_WALL_OF_FRAME 0

/* img and v may be NULL. */
void record_pack_event(struct buf *out, const struct event *ev,
		       const struct image *img, const struct verdict *v,
		       int64_t wall_ns);
void record_pack_image(struct buf *out, const struct image *img);
/*
 * The same to an empty `out`, for what others are told by (out/like.h). False:
 * it is too large, and *ret is untouched, or holds none; or `out` failed.
 */
struct like_base;
bool record_pack_image_base(struct buf *out, const struct image *img,
			    struct like_base *ret);
/* What of it is to be told beside one of them. */
void record_pack_image_like(struct buf *out, const struct image *img,
			    const struct like_base *base);

/* Which event an amendment is about, and when it became known. */
struct record_amends {
	uint32_t epoch;
	uint64_t seq;
	uint64_t boot_ns;
	int64_t wall_ns;
};

void record_pack_connect_result(struct buf *out, const struct record_amends *of,
				const struct connect_result_info *r);

/* What one image did to one file within a window of time. */
struct write_totals {
	uint64_t count, bytes;
	uint64_t until_ns; /* CLOCK_BOOTTIME */
	uint32_t ops;	   /* bits: 1 << enum write_op */
};
void record_pack_write_totals(struct buf *out, const struct record_amends *of,
			      const struct write_totals *t);

/* How often an alert was repeated within its window. */
struct alert_repeats {
	uint64_t count, alerted, last_seq;
	uint64_t since_ns; /* CLOCK_BOOTTIME; 0: before this boot */
	int64_t since_wall_ns, until_wall_ns;
	uint32_t last_epoch;
	enum event_kind kind;
	enum severity severity;
	const char *rule, *tag; /* or NULL */
};
void record_pack_alert_repeats(struct buf *out, const struct record_amends *of,
			       const struct alert_repeats *t);

/* The verdict of an event that was pending, and what decided it. */
struct resolution {
	const struct verdict *verdict;
	const struct image *img; /* whose file facts are recorded; or NULL */
	const char *exe_package, *script_package; /* "name version", or "" */
	bool timed_out;
};
void record_pack_resolution(struct buf *out, const struct record_amends *of,
			    const struct resolution *r);

/* One key and value of what an agent event says. */
struct record_fact {
	const char *key;
	const char *value;
};

/* An event about picket itself. */
struct record_agent {
	int what; /* PICKET__V1__AGENT__WHAT__* */
	const char *text;
	const struct record_fact *facts; /* end with a NULL key; or NULL */
};

struct record_time {
	uint64_t boot_ns;
	int64_t wall_ns;
};
void record_pack_agent(struct buf *out, const struct record_agent *agent,
		       struct record_time at);

/* One row of the coverage table: a hook, and what watches it. */
struct record_coverage {
	const char *family, *way, *backend, *reason;
	bool active;
};
#define RECORD_COVERAGE_MAX 128

/* The whole table; rows after RECORD_COVERAGE_MAX are left out. */
struct record_coverage_table {
	const struct record_coverage *rows;
	size_t n;
};
/* The agent event COVERAGE. */
void record_pack_coverage(struct buf *out, const char *text,
			  const struct record_coverage_table *table,
			  struct record_time at);
