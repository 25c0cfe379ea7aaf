/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A candidate policy beside the real one ([rules] shadow): it is asked about
 * each event, too, decides nothing, and where it says something else that is
 * counted by rule. A second match is all it costs; what it says of a rule is
 * journaled now and then, as a sample, and never for each event.
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
	SHADOW_SILENCED, /* the other way round */
	SHADOW_ANSWERED, /* another answer, and no alert more or less */
	SHADOW_DIFFERENCE_COUNT,
};

/* "alerted" … */
const char *shadow_difference_name(enum shadow_difference d);

/* One rule that makes a difference: the one that alerts or answers so. */
struct shadow_row {
	enum shadow_difference difference;
	uint32_t rule_at;		/* in its set; UINT32_MAX: no rule */
	char rule[SHADOW_NAME_MAX + 1]; /* "none": no rule decided */
	enum answer was, is;		/* of the last event */
	uint64_t count;
	uint32_t epoch; /* of the last one in the journal ... */
	uint64_t seq;	/* ... 0: none is there */
	uint64_t told;	/* of count, when it was journaled */
	uint64_t told_ns;
};

struct shadow {
	const char *dir;	/* empty: none is wanted */
	struct rule_set *set;	/* NULL: none is in force */
	char error[SHADOW_ERROR_MAX]; /* of the last load; empty: none */
	int64_t since_wall_ns;	/* counted since */
	uint64_t judged;
	/* Of them, that hang on what was not found out of the file: nobody
	 * asked for it but the shadow policy. */
	uint64_t undecided;
	uint64_t differ[SHADOW_DIFFERENCE_COUNT];
	uint64_t unlisted_rows; /* differences that found no row */
	struct shadow_row rows[SHADOW_ROWS_MAX];
	size_t n_rows;
	uint64_t told_ns; /* when the last sample was journaled */
};

/*
 * What it says of an event of which the real policy said `was`. The row that
 * counted it, good until the next call; NULL: no difference, or no room.
 */
struct shadow_row *shadow_judge(struct shadow *s, const struct verdict *was,
				const struct event *ev,
				const struct image *img);
/* The event is in the journal. NULL is fine. */
void shadow_kept(struct shadow_row *row, uint32_t epoch, uint64_t seq);

/*
 * fresh (owned by s from now on) is in force, counted anew; NULL: what is
 * there stays, and err says why.
 */
void shadow_take(struct shadow *s, struct rule_set *fresh,
		 const struct rule_error *err);
/* The real policy is another one: counted anew. */
void shadow_reset(struct shadow *s);
void shadow_done(struct shadow *s);

/* shadow_watch.c: at start; a wrong one is said and stops nothing. */
void shadow_start(struct agent *a);
/* shadow_watch.c: samples that are due. */
void shadow_watch(struct agent *a);
