/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What matching needs of a set, which was made piece by piece, moved together.
 * With many rules it comes from far away, a line at a time, and each step that
 * hangs on the last one's answer costs the whole way. So a rule's number is
 * enough to ask for all of it at once: its conditions are in three lines of
 * its own, and its patterns in what is left there, unless another rule has
 * them already. A rule of many conditions has them, and one of long patterns
 * has those, elsewhere, one step farther.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "rules/rule.h"

#define LINE	  64u
#define HUGE	  (2u << 20)
#define ROOM	  (RULE_CONDS * sizeof(struct cond))
#define ELSEWHERE SIZE_MAX

struct packing {
	struct rule_set *set;
	struct cond *conds;
	char *block; /* patterns that are elsewhere */
	size_t *at;  /* of each pattern: in conds, in bytes; or ELSEWHERE */
};

static const struct cond *cond_of(const struct rule_set *set, uint32_t rule,
				  uint32_t i)
{
	return &set->conds[set->rules[rule].first_cond + i];
}

static size_t up_to(size_t at, size_t unit)
{
	return (at + unit - 1) & -unit;
}

/* Where this one goes if everything up to `at` is taken. */
static size_t place(size_t at, size_t size)
{
	at = up_to(at, _Alignof(struct pattern));
	if (at % LINE && at % LINE + size > LINE)
		at = up_to(at, LINE);
	return at;
}

/* What its conditions ask for, and none before it, as far as there is room. */
static void plan_rule(struct packing *k, uint32_t rule)
{
	const struct rule_set *set = k->set;
	size_t at = set->rules[rule].n_conds * sizeof(struct cond), size, to;
	const struct cond *c;
	uint32_t i, which;

	if (set->rules[rule].n_conds > RULE_CONDS)
		return;
	for (i = 0; i < set->rules[rule].n_conds; i++) {
		c = cond_of(set, rule, i);
		if (c->form != FORM_PATTERNS || c->n != 1)
			continue;
		which = (uint32_t)set->numbers[c->first];
		size = pattern_size(set->patterns[which]);
		to = up_to(at, _Alignof(struct pattern));
		if (k->at[which] != ELSEWHERE || to + size > ROOM)
			continue;
		k->at[which] = rule * ROOM + to;
		at = to + size;
	}
}

/* How many conditions there are places for. */
static size_t count_places(const struct rule_set *set)
{
	size_t n = (size_t)set->n_rules * RULE_CONDS;
	uint32_t i;

	for (i = 0; i < set->n_rules; i++) {
		if (set->rules[i].n_conds > RULE_CONDS)
			n += set->rules[i].n_conds;
	}
	return n;
}

static size_t block_size(const struct packing *k)
{
	size_t at = 0, size;
	uint32_t i;

	for (i = 0; i < k->set->n_patterns; i++) {
		if (k->at[i] != ELSEWHERE)
			continue;
		size = pattern_size(k->set->patterns[i]);
		at = place(at, size) + size;
	}
	return at;
}

void *rule_lines_new(size_t size)
{
	size_t unit = size >= HUGE / 4 * 3 ? HUGE : LINE;
	void *p;

	size = up_to(size ? size : 1, unit);
	p = aligned_alloc(unit, size);
	/* Refused where there are none. */
	if (p && unit == HUGE)
		(void)madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static int make_room(struct packing *k)
{
	struct rule_set *set = k->set;
	uint32_t i;

	k->at = calloc(set->n_patterns + 1, sizeof(*k->at));
	k->conds = rule_lines_new(count_places(set) * sizeof(*k->conds));
	if (!k->at || !k->conds)
		return -ENOMEM;
	for (i = 0; i < set->n_patterns; i++)
		k->at[i] = ELSEWHERE;
	for (i = 0; i < set->n_rules; i++)
		plan_rule(k, i);
	k->block = rule_lines_new(block_size(k));
	return k->block ? 0 : -ENOMEM;
}

static void move_conds(struct packing *k)
{
	struct rule_set *set = k->set;
	size_t behind = (size_t)set->n_rules * RULE_CONDS, to;
	struct rule *rule;
	uint32_t i;

	for (i = 0; i < set->n_rules; i++) {
		rule = &set->rules[i];
		to = (size_t)i * RULE_CONDS;
		if (rule->n_conds > RULE_CONDS) {
			to = behind;
			behind += rule->n_conds;
		}
		memcpy(&k->conds[to], &set->conds[rule->first_cond],
		       rule->n_conds * sizeof(*k->conds));
		rule->first_cond = (uint32_t)to;
	}
	free(set->conds);
	set->conds = steal_ptr(k->conds);
}

static void move_patterns(struct packing *k)
{
	struct rule_set *set = k->set;
	size_t at = 0, size;
	uint32_t i;
	char *to;

	for (i = 0; i < set->n_patterns; i++) {
		size = pattern_size(set->patterns[i]);
		if (k->at[i] == ELSEWHERE) {
			at = place(at, size);
			to = k->block + at;
			at += size;
		} else {
			to = (char *)set->conds + k->at[i];
		}
		memcpy(to, set->patterns[i], size);
		pattern_free(set->patterns[i]);
		set->patterns[i] = (struct pattern *)(void *)to;
	}
	set->pattern_block = steal_ptr(k->block);
}

int rule_set_pack(struct rule_set *set)
{
	struct packing k = { .set = set };
	int r = make_room(&k);

	if (r == 0) {
		move_conds(&k);
		move_patterns(&k);
	}
	free(k.conds);
	free(k.block);
	free(k.at);
	return r;
}
