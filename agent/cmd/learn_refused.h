/* SPDX-License-Identifier: Apache-2.0 */
/* What was not learned, and why: a line for all events that are alike in it. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "cmd/learn_code.h"
#include "event.h"

struct refused;

struct refusal {
	const char *rule;	   /* that denies it; NULL: see no */
	const struct learn_no *no; /* borrowed */
	const struct event *ev;
	const struct image *img; /* NULL: nobody */
	const char *uid;	 /* of the event */
	bool of_many;		 /* leave out what it was done to */
};

int refused_new(struct refused **ret);
void refused_free(struct refused *r);
/* Where there are too many lines already it is counted alone. -ENOMEM. */
int refused_add(struct refused *r, const struct refusal *x);
/* As comments of a policy file, most frequent lines first; none: nothing. */
void refused_write(const struct refused *r, struct buf *out);
