/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a journal tells later of files and of verdicts that waited, gathered
 * ahead so that whoever goes through it in order knows it in time. Bounded:
 * what is found when there is no room is left out, and counted.
 */
#pragma once

#include "event.h"
#include "out/view.h"

struct findings;

int findings_new(struct findings **ret);
void findings_free(struct findings *f);

/* Take what this record tells; most tell nothing. */
void findings_take(struct findings *f, const struct view *v);

struct findings_left {
	uint64_t files, verdicts; /* what was told of them, so many times */
};
void findings_left(const struct findings *f, struct findings_left *ret);

/* As found of exactly this file; not known: nothing was. */
struct file_facts findings_of(struct findings *f, const struct file_id *id);

/* How a pending event was settled; NULL: it is not told. */
struct settled {
	bool alert;		 /* or a repeat of one */
	bool repeated;		 /* which it was */
	uint8_t answer;		 /* Picket__V1__Answer */
	uint8_t severity;	 /* enum severity */
	char rule[104], tag[64]; /* empty: none */
};
const struct settled *findings_verdict(struct findings *f, uint32_t epoch,
				       uint64_t seq);

/* Of one message; NULL is not known. */
struct file_facts facts_of_finding(const Picket__V1__Finding *m);
