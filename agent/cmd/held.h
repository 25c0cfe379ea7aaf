/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that wait for what becomes known later of their records: an amendment
 * comes up to minutes after the event it names, and is shown with it. In the
 * journal's order, bounded in bytes and in time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/*
 * An amendment comes this long after its event, at most: an hour is the
 * longest write_window. With ordinary settings it comes within the other.
 * What a picket says of one that was killed before it may come at any time.
 */
#define HELD_MINUTES 65
#define HELD_NS	     (HELD_MINUTES * (int64_t)60000000000)
#define HELD_SOON_NS (600 * (int64_t)1000000000)

struct held_line {
	uint64_t seq;
	int64_t wall_ns;
	char *text; /* amendments included, complete; not terminated */
	size_t n;
	uint32_t epoch;
	uint32_t owner; /* the adder's own */
	uint32_t amendments;
	bool waits;   /* no line before something settles it (held_settle) */
	bool pending; /* its verdict, until held_resolve */
};

struct held {
	struct held_line *lines; /* [first, end) */
	size_t first, end, cap;
	size_t bytes, bytes_max;
	bool json; /* lines are objects: amendments go into a list in them */
	uint64_t hasty;	    /* lines that went before HELD_SOON_NS */
	uint64_t unsettled; /* and that went pending, after HELD_NS */
};

void held_init(struct held *h, bool json, size_t bytes_max);
void held_done(struct held *h);

/* Is the record of this name here? */
bool held_has(const struct held *h, uint32_t epoch, uint64_t seq);

/* A copy is made of the text. -ENOMEM. */
int held_add(struct held *h, const struct held_line *line, struct slice text);
/* To the record of this name; 0 also when it is not here (any more). */
int held_amend(struct held *h, uint32_t epoch, uint64_t seq, struct slice text);

/* The record of this name is settled: the line that waited for it, or NULL. */
const struct held_line *held_settle(struct held *h, uint32_t epoch,
				    uint64_t seq);

/* What the record's verdict became is known. */
void held_resolve(struct held *h, uint32_t epoch, uint64_t seq);

/* More than its bytes: the oldest should go. */
static inline bool held_full(const struct held *h)
{
	return h->bytes > h->bytes_max && h->first < h->end;
}

/*
 * The oldest line; NULL: there is none. At now_ns (by the journal's clock) it
 * is due: it has waited as long as it may, or there is no room.
 */
const struct held_line *held_oldest(const struct held *h);
bool held_is_due(const struct held *h, int64_t now_ns);
/* Away with the oldest, which is counted as what it is by then. */
void held_release(struct held *h, int64_t now_ns);
void held_drop_oldest(struct held *h);
