/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A candidate policy beside the real one ([rules] shadow). It judges each
 * event, too, but decides nothing: where its verdict differs, that is counted
 * by rule. It costs a second match per event; samples of differences are
 * journaled now and then, never for each event.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct agent;
struct buf;
struct rule_error;
struct rule_set;

#define SHADOW_ROWS_MAX	 64
#define SHADOW_NAME_MAX	 100
#define SHADOW_ERROR_MAX 512

enum shadow_difference {
	SHADOW_ALERTED,	 /* it alerts, and the real policy does not */
	SHADOW_SILENCED, /* the real policy alerts, and it does not */
	SHADOW_ANSWERED, /* another answer, with the same effect on alerts */
	SHADOW_DIFFERENCE_COUNT,
};

/* "alerted" … */
const char *shadow_difference_name(enum shadow_difference d);

/* Differences that one rule of either policy makes. */
struct shadow_row {
	enum shadow_difference difference;
	uint32_t rule_at;		/* in its set; UINT32_MAX: no rule */
	char rule[SHADOW_NAME_MAX + 1]; /* "none": no rule decided */
	enum answer was, is;		/* of the last event */
	uint64_t count;
	uint32_t epoch; /* of the last one in the journal ... */
	uint64_t seq;	/* ... 0: none is there */
	uint64_t told;	/* value of count in the last sample */
	uint64_t told_ns; /* when that was journaled */
};

struct shadow {
	const char *dir;	/* empty: none is configured */
	struct rule_set *set;	/* NULL: none is in force */
	char error[SHADOW_ERROR_MAX]; /* of the last load; empty: none */
	int64_t since_wall_ns;	/* counted since */
	uint64_t judged;
	/* Undecidable: they depend on facts that only the shadow needs. */
	uint64_t undecided;
	uint64_t differ[SHADOW_DIFFERENCE_COUNT];
	uint64_t unlisted_rows; /* differences that found no row */
	struct shadow_row rows[SHADOW_ROWS_MAX];
	size_t n_rows;
	uint64_t told_ns; /* when the last sample was journaled */
};

/*
 * Judge an event whose real verdict is `was`, and count a difference. Returns
 * the row that counted it, valid until the next call; NULL: no difference, or
 * no room for another row.
 */
struct shadow_row *shadow_judge(struct shadow *s, const struct verdict *was,
				const struct event *ev,
				const struct image *img);
/* The event was journaled. NULL is fine. */
void shadow_kept(struct shadow_row *row, uint32_t epoch, uint64_t seq);

/*
 * Put fresh into force (s owns it from now on) and reset the counters; NULL:
 * the present one stays, and err says why.
 */
void shadow_take(struct shadow *s, struct rule_set *fresh,
		 const struct rule_error *err);
/* The real policy was replaced: reset the counters. */
void shadow_reset(struct shadow *s);
void shadow_done(struct shadow *s);

/* shadow_watch.c: load it; an error is logged and stops nothing. */
void shadow_start(struct agent *a);
/* shadow_watch.c: journal the samples that are due. */
void shadow_watch(struct agent *a);
