/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a span of time, read from the segments that can hold them
 * and no others, never past the last seal.
 */
#pragma once

#include "app/query_match.h"
#include "cmd/held.h"
#include "store/spans.h"

struct query_source {
	const char *dir;
	struct span span;
	const struct query_match *match;
	/*
	 * Events that match or may once they are settled, gaps and picket's own warnings within the span,
	 * and amendments within it and for HELD_NS behind it, in order. A
	 * negative return ends the reading with it.
	 */
	int (*take)(void *arg, const struct view_images *images,
		    const struct view *v);
	/*
	 * Asked before a record is unpacked, which is what costs: an event of
	 * this process (NULL: of none, or unknown), an amendment of the event
	 * of this name. NULL: all are wanted.
	 */
	bool (*wants_of)(const void *arg, const struct view_images *images,
			 const Picket__V1__Image *img);
	bool (*wants_about)(const void *arg, uint32_t epoch, uint64_t seq);
	/* Each event that is come by, wanted or not, with its time; or NULL. */
	void (*passed)(void *arg, int64_t wall_ns);
	void *arg;
};

struct query_sum {
	uint64_t bad;	   /* records that could not be understood */
	uint64_t segments; /* in the journal ... */
	uint64_t read;	   /* ... and how many of them were read */
	bool trimmed;	   /* the span began before the oldest record */
	int64_t begun_ns;  /* when the oldest segment was begun */
	uint64_t gone_first, gone_last; /* at its end, see spans.h */
};

int query_read(const struct query_source *s, struct query_sum *ret);

/*
 * The event of this name, "JOURNAL.EPOCH.SEQ", or the one that the amendment
 * of this name is about: an alert that had to wait goes by its amendment's.
 * found is called once with it.
 * -EINVAL: not a name; -ENOENT: it is not in this journal (any more).
 */
struct query_name {
	const char *dir;
	const char *uid;
	void (*found)(void *arg, const struct view_images *images,
		      const struct view *v);
	void *arg;
};
int query_find(const struct query_name *n);
