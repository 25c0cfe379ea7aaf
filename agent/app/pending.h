/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events whose verdict waits for what files are. The event itself is in the
 * journal at once, as pending; its verdict follows as an amendment when it is
 * known, or after PENDING_MS as if what is not known were not so; a database
 * of packages that is being made is waited for a while longer. Only the
 * amendment can be an alert. Bounded: where there is no room left, the verdict
 * is given at once by what is known.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/amend.h"
#include "event.h"

struct pending;
struct pipeline;
struct trust;

#define PENDING_MS	  5000
/* While the packages' database is being made, which a slow disk makes long. */
#define PENDING_MAKING_MS 60000
#define PENDING_MAX	  2048
#define PENDING_BYTES	  (8u << 20)

struct pending_stats {
	uint64_t waiting;
	uint64_t waited;    /* events, so far */
	uint64_t timed_out; /* of them */
	uint64_t crowded;   /* judged at once for want of room */
};

/* trust is borrowed; NULL: nothing is ever found out. -ENOMEM. */
int pending_new(struct trust *trust, struct pending **ret);
void pending_free(struct pending *w);
void pending_stats(const struct pending *w, struct pending_stats *ret);

/*
 * As rule_set_match, with all that is known of files filled in; what is not
 * is being found out when this returns ANSWER_PENDING.
 */
struct verdict pending_judge(struct pending *w, struct pipeline *p,
			     const struct event *ev, struct image *img);

struct pending_event {
	const void *data; /* the record, copied */
	size_t size;
	/*
	 * Or, of one that an earlier agent left in the journal: the event,
	 * good until release is called with arg, as is img.
	 */
	const struct event *recalled;
	void (*release)(void *arg);
	void *arg;
	bool at_once; /* what is known now has to do */

	struct image *img;
	struct amend_target target;
};
/* It is in the journal as pending. */
void pending_expect(struct pending *w, struct pipeline *p,
		    const struct pending_event *e);

/* A database is being made, or not any more. */
void pending_making(struct pending *w, bool is_making, uint64_t now_ns);

/*
 * Judge again what waits; everything for the last time at now_ns UINT64_MAX.
 * 0: nothing is left, else when the next one's time is over.
 */
uint64_t pending_settle(struct pending *w, struct pipeline *p, uint64_t now_ns);
