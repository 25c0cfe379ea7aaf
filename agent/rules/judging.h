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
	uint32_t best;		 /* strongest that holds and stands */
	uint32_t n_denies;	 /* that hold, but may be silenced */
	uint32_t n_maybes;	 /* that hold if what is awaited is so */
	struct image_memo *memo; /* being written */
	struct found_memo *found; /* likewise */
};

/* match.c: ask a rule that was found in full, if it still matters. */
void judging_consider(struct judging *j, uint32_t rule);

/* By what an image finds a rule. */
#define DIMS_OF_IMAGE                                             \
	(1u << DIM_EXE | 1u << DIM_SCRIPT | 1u << DIM_CONTAINER | \
	 1u << DIM_POD | 1u << DIM_IMAGE | 1u << DIM_NAMESPACE |  \
	 1u << DIM_UNIT | 1u << DIM_CGROUP | 1u << DIM_PARENT |   \
	 1u << DIM_ARGS | 1u << DIM_ANCESTOR)

/* find.c: all rules that the event itself brings up are considered ... */
void find_in_event(struct judging *j);
/* ... and those that who acted does, from memory if it was here before. */
void find_by_image(struct judging *j);
