/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event on its way to a verdict, between the file that finds rules for it
 * (find.c) and the one that decides among them (match.c).
 */
#pragma once

#include "rules/ask.h"

struct judging {
	struct question q;
	struct rule_set *set;
	const struct kind_index *ix;
	uint32_t best;		 /* the strongest rule that holds so far */
	uint32_t n_denies;	 /* denies that hold, unless excepted */
	uint32_t n_maybes;	 /* rules that depend on unknown facts */
	struct image_memo *memo; /* being written */
	struct found_memo *found; /* likewise */
};

/* match.c: evaluate a rule that was found, if it can still matter. */
void judging_consider(struct judging *j, uint32_t rule);

/* The indexes that are searched with properties of the image. */
#define DIMS_OF_IMAGE                                             \
	(1u << DIM_EXE | 1u << DIM_SCRIPT | 1u << DIM_CONTAINER | \
	 1u << DIM_POD | 1u << DIM_IMAGE | 1u << DIM_NAMESPACE |  \
	 1u << DIM_UNIT | 1u << DIM_CGROUP | 1u << DIM_PARENT |   \
	 1u << DIM_ARGS | 1u << DIM_ANCESTOR)

/* find.c: consider the rules that properties of the event find. */
void find_in_event(struct judging *j);
/* Consider those that the image finds; they are cached with the image. */
void find_by_image(struct judging *j);
