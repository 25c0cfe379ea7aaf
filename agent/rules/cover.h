/* SPDX-License-Identifier: Apache-2.0 */
/* Does a rule say all that another says? */
#pragma once

#include "rules/rule.h"

/*
 * Whether `wide` surely matches whatever `narrow` matches. False also where
 * that would take more than comparing values: it is a proof, not a guess.
 */
bool rule_covers(const struct rule_set *set, const struct rule *wide,
		 const struct rule *narrow);

/* Whether no event can fit this rule: a not- key excludes all it asks for. */
bool rule_is_empty(const struct rule_set *set, const struct rule *rule);

/*
 * Whether no event has all that this rule asks for: the old name of what was
 * not renamed, the port of a unix socket.
 */
bool rule_contradicts_itself(const struct rule_set *set,
			     const struct rule *rule);

/* Whether each string that `narrow` fits also fits `wide`. As above. */
bool pattern_covers(const struct pattern *wide, const struct pattern *narrow);
