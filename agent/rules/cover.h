/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing rules: does one match everything that another matches? */
#pragma once

#include "rules/rule.h"

/*
 * True only if `wide` provably matches whatever `narrow` matches. False also if
 * comparing values is not enough to prove it.
 */
bool rule_covers(const struct rule_set *set, const struct rule *wide,
		 const struct rule *narrow);

/* Can no event match, because a not- key excludes all that another asks for? */
bool rule_is_empty(const struct rule_set *set, const struct rule *rule);

/*
 * Can no event match, because no event has all these properties? (Such as an
 * old name with an operation that is no rename, or the port of a unix socket.)
 */
bool rule_contradicts_itself(const struct rule_set *set,
			     const struct rule *rule);

/* Whether each string that `narrow` fits also fits `wide`. As above. */
bool pattern_covers(const struct pattern *wide, const struct pattern *narrow);
