/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision. Rules stand in the order of their strength (denies by
 * severity, ignores, allows; then by name), so the verdict is the least index
 * that holds. What comes up for an event (find.c) is asked in full, unless
 * something stronger has been found.
 */
#include "rules/judging.h"

#define NO_RULE UINT32_MAX

static bool is_over(const struct judging *j, const struct rule *rule)
{
	return rule->expires_ns != INT64_MAX &&
	       (int64_t)j->q.ev->time_ns + j->set->offset_ns >=
		       rule->expires_ns;
}

void judging_consider(struct judging *j, uint32_t i)
{
	struct rule_set *set = j->set;
	struct rule *rule = &set->rules[i];
	enum tri t;
	uint32_t e;

	if (rule->seen == set->generation)
		return;
	rule->seen = set->generation;
	if (i > j->best && !rule->has_excepts)
		return;
	if (is_over(j, rule))
		return;
	t = rule_holds(&j->q, rule);
	if (t == TRI_PENDING)
		set->maybes[j->n_maybes++] = i;
	if (t != TRI_YES)
		return;
	for (e = 0; e < rule->n_excepts; e++)
		set->silenced[set->excepts[rule->first_except + e]] =
			set->generation;
	if (rule->is_excepted)
		set->denies[j->n_denies++] = i;
	else if (i < j->best)
		j->best = i;
}

/* ---- the verdict -------------------------------------------------------- */

static struct verdict unlisted(const struct rule_set *set, enum event_kind kind)
{
	switch (set->opt.unlisted[kind]) {
	case UNLISTED_ALERT:
		return (struct verdict){ .answer = ANSWER_UNLISTED,
					 .severity = SEVERITY_MEDIUM,
					 .alert = true };
	case UNLISTED_DROP:
		return (struct verdict){ .answer = ANSWER_IGNORED };
	case UNLISTED_RECORD:
		break;
	}
	return (struct verdict){ .answer = ANSWER_UNLISTED };
}

static struct verdict verdict_of(const struct rule_set *set,
				 const struct rule *rule)
{
	static const enum answer answers[ACTION_COUNT] = {
		[ACTION_DENY] = ANSWER_DENIED,
		[ACTION_IGNORE] = ANSWER_IGNORED,
		[ACTION_ALLOW] = ANSWER_ALLOWED,
	};

	return (struct verdict){
		.answer = answers[rule->action],
		.severity = (enum severity)rule->severity,
		.alert = rule->action == ACTION_DENY,
		.rule = rule->name,
		.rule_at = (uint32_t)(rule - set->rules),
		.tag = rule->tag,
	};
}

static void next_generation(struct rule_set *set)
{
	if (++set->generation)
		return;
	/* Once in four billion events the old marks would look new. */
	for (uint32_t i = 0; i < set->n_rules; i++)
		set->rules[i].seen = 0;
	memset(set->silenced, 0, set->n_rules * sizeof(*set->silenced));
	set->generation = 1;
}

/* Would the verdict be another one, if this rule held? */
static bool would_decide(const struct judging *j, uint32_t i)
{
	const struct rule_set *set = j->set;
	const struct rule *rule = &set->rules[i];
	uint32_t e;

	/* An alert that is certain does not wait for a graver one. */
	if (j->best != NO_RULE && rule->action == ACTION_DENY &&
	    set->rules[j->best].action == ACTION_DENY)
		return false;
	for (e = 0; e < rule->n_excepts && j->best != NO_RULE; e++) {
		if (set->excepts[rule->first_except + e] == j->best)
			return true;
	}
	return i < j->best &&
	       !(rule->is_excepted && set->silenced[i] == set->generation);
}

/* Does what is not known yet decide? Then it is wanted. */
static bool is_pending(struct judging *j)
{
	struct rule_set *set = j->set;
	bool any = false;
	uint32_t i;

	for (i = 0; i < j->n_maybes; i++) {
		if (!would_decide(j, set->maybes[i]))
			continue;
		any = true;
		rule_note_wants(&j->q, &set->rules[set->maybes[i]],
				&set->wants);
	}
	return any;
}

struct verdict rule_set_match(struct rule_set *set, const struct event *ev,
			      const struct image *img)
{
	bool redacted = false;
	struct judging j = {
		.q = { .set = set,
		       .ev = ev,
		       .img = img,
		       .ret_redacted = &redacted },
		.set = set,
		.best = NO_RULE,
	};
	struct verdict v;
	struct rule *rule;
	uint32_t i;

	if (!(RULE_KINDS >> ev->kind & 1))
		return (struct verdict){ .answer = ANSWER_NONE };
	j.ix = &set->kind[ev->kind];
	next_generation(set);
	for (i = 0; i < j.ix->n_always; i++)
		judging_consider(&j, j.ix->always[i]);
	find_in_event(&j);
	if (img && (j.ix->dims & DIMS_OF_IMAGE))
		find_by_image(&j);
	for (i = 0; i < j.n_denies; i++) {
		if (set->denies[i] < j.best &&
		    set->silenced[set->denies[i]] != set->generation)
			j.best = set->denies[i];
	}
	set->wants.n = 0;
	if (j.n_maybes && is_pending(&j)) {
		v = (struct verdict){ .answer = ANSWER_PENDING };
	} else if (j.best == NO_RULE) {
		v = unlisted(set, ev->kind);
	} else {
		rule = &set->rules[j.best];
		rule->hits++;
		rule->last_hit_ns = ev->time_ns;
		v = verdict_of(set, rule);
	}
	v.redacted = redacted;
	return v;
}

const struct rule_wants *rule_set_wants(const struct rule_set *set)
{
	return &set->wants;
}
