/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why an event got its verdict, and what the smallest edit is that would have
 * allowed it. Asked of the deciding code, for the policy as it stands.
 */
#pragma once

#include "rules/explain.h"

/* Of the rules that speak of an event, what is kept. */
struct why_rule {
	char name[128], file[256], action[16];
	unsigned line;
	bool holds, expired, final, is_shipped;
	size_t n_conds, n_failed;
	struct explain_cond *conds;
};

enum why_edit_kind {
	WHY_NONE,	/* allowed already */
	WHY_IMPOSSIBLE, /* a final deny, or nothing to tell it by */
	WHY_ADD_VALUE,	/* one more value for a key of `nearest` */
	WHY_NEW_RULE,
};

struct why {
	struct verdict verdict; /* of the policy asked */
	struct why_rule *rules;
	size_t n_rules;
	const struct why_rule *nearest; /* allow that lacks least; NULL: none */
	enum why_edit_kind edit;
	char text[2048];     /* the line, or the rule, to be added */
	const char *why_not; /* IMPOSSIBLE */
};

/* -ENOMEM. why_done frees; strings of the verdict are the set's. */
int why_ask(struct rule_set *set, const struct event *ev,
	    const struct image *img, struct why *ret);
void why_done(struct why *w);
