/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explains a verdict: each rule that can apply to this kind of event, condition
 * by condition, evaluated by the code that decides.
 */
#pragma once

#include "rules/rules.h"

enum explain_state { EXPLAIN_NO, EXPLAIN_YES, EXPLAIN_UNKNOWN };

struct explain_cond {
	char key[40];	  /* as written: not-ancestor-exe */
	char values[200]; /* what was asked for, escaped, cut if long */
	char actual[200]; /* what there is, escaped; empty: not known */
	unsigned line;	  /* of the first value, in the rule's file */
	bool holds;
	bool unknown; /* it fails, or holds, because something is unknown */
	/*
	 * A value, as in a policy file, with which it would hold; empty: there
	 * is none (a not- key, or several properties at once).
	 */
	char value[400];
};

struct explain_rule {
	struct rule_info info;
	bool holds;
	bool final;
	const struct explain_cond *conds;
	size_t n_conds, n_failed;
};

/*
 * Call fn for each rule, in the order of the files; its arguments are valid
 * until it returns. A negative return of fn ends it. -ENOMEM.
 */
typedef int (*explain_fn)(void *arg, const struct explain_rule *rule);
int rule_set_explain(const struct rule_set *set, const struct event *ev,
		     const struct image *img, explain_fn fn, void *arg);
