/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May a rule trust what lies there? Not if others than root can replace it: who
 * may write a program may do all that it may. It is looked at as it is on this
 * host now; of a container's files only the name can be.
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "event.h"

struct codes;

/* Why no rule is made of something; why NULL: one is. */
struct learn_no {
	const char *why;
	char where[256]; /* raw; more about why */
};

struct code {
	struct slice path;
	const struct file_id *file;
	bool in_container;
};

int codes_new(struct codes **ret);
void codes_free(struct codes *c);
/* *ret is set if no rule may trust it. -ENOMEM. */
int codes_check(struct codes *c, const struct code *code, struct learn_no *ret);
