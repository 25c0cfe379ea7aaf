/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events whose verdict waits for facts about files. The event itself is
 * journaled at once, as pending. Its verdict follows as an amendment, when the
 * facts are known or after PENDING_MS, when unknown facts count as not met;
 * while the database of packages is being built the limit is
 * PENDING_MAKING_MS. Only the amendment can be an alert. Bounded: without
 * room, the verdict is given at once from what is known.
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
/* While the database of packages is built, which takes long on a slow disk. */
#define PENDING_MAKING_MS 60000
#define PENDING_MAX	  2048
#define PENDING_BYTES	  (8u << 20)

struct pending_stats {
	uint64_t waiting;
	uint64_t waited;    /* events that have waited so far */
	uint64_t timed_out; /* how many of them ran into the limit */
	uint64_t crowded;   /* judged at once for lack of room */
};

/* trust is borrowed; NULL: no facts are ever found out. -ENOMEM. */
int pending_new(struct trust *trust, struct pending **ret);
void pending_free(struct pending *w);
void pending_stats(const struct pending *w, struct pending_stats *ret);

/*
 * As rule_set_match, after filling in what is known about the files of img. If
 * it returns ANSWER_PENDING, the rest has been asked for.
 */
struct verdict pending_judge(struct pending *w, struct pipeline *p,
			     const struct event *ev, struct image *img);

struct pending_event {
	const void *data; /* the record; is copied */
	size_t size;
	/*
	 * Or, of one that an earlier agent left in the journal: the event,
	 * good until release is called with arg, as is img.
	 */
	const struct event *recalled;
	void (*release)(void *arg);
	void *arg;
	bool at_once; /* do not wait: judge by what is known now */

	struct image *img;
	struct amend_target target;
};
/* The event was journaled as pending: wait for it. */
void pending_expect(struct pending *w, struct pipeline *p,
		    const struct pending_event *e);

/* Whether the database of packages is being built now. */
void pending_making(struct pending *w, bool is_making, uint64_t now_ns);

/*
 * Judge what waits again; with now_ns UINT64_MAX everything, for the last time.
 * Returns when the next limit is reached (CLOCK_BOOTTIME); 0: nothing waits.
 */
uint64_t pending_settle(struct pending *w, struct pipeline *p, uint64_t now_ns);
