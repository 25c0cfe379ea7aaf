/* SPDX-License-Identifier: Apache-2.0 */
/* The journal, gone through for learning: once to learn, once to make sure. */
#pragma once

#include "app/query_match.h"
#include "cmd/learn.h"
#include "store/spans.h"

struct learn_source {
	const char *journal;
	struct span span;
	const struct query_match *match;
};

/* Everything of the source into l. -errno. */
int learn_read(const struct learn_source *s, struct learn *l);

/* What this policy says of all of it. -errno. */
struct learn_proof {
	uint64_t events, allowed, denied, unlisted;
};
int learn_prove(const struct learn_source *s, struct rule_set *set,
		struct learn_proof *ret);
