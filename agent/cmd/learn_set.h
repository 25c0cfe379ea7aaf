/* SPDX-License-Identifier: Apache-2.0 */
/* A set that is a tree of tsearch(3), whose root is its struct's first member. */
#pragma once

#include <search.h>
#include <stdlib.h>

/* With all that is in it, which malloc made; NULL is fine. */
static inline void learn_set_free(void *set)
{
	if (!set)
		return;
	tdestroy(*(void **)set, free);
	free(set);
}
