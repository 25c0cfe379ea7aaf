/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rule within another. All conditions of the wider one must follow from a
 * condition of the narrower one about the same thing: its values are among
 * the wider one's, or for a not- key the other way round.
 */
#include "rules/cover.h"

#include <string.h>

bool pattern_covers(const struct pattern *wide, const struct pattern *narrow)
{
	if (wide->kind != narrow->kind)
		return false;
	if (slice_eq(pattern_text(wide), pattern_text(narrow)))
		return true;
	/* A literal's head is the whole of it, with escapes undone. */
	if (narrow->shape == SHAPE_LITERAL)
		return pattern_match(wide, pattern_head(narrow));
	/* What begins with this much begins with less of it, too. */
	return wide->shape == SHAPE_BELOW &&
	       slice_starts(pattern_head(narrow), pattern_head(wide));
}

static const struct pattern *pattern_at(const struct rule_set *set,
					const struct cond *c, uint32_t i)
{
	return set->patterns[set->numbers[c->first + i]];
}

static bool range_covers(uint64_t wide, uint64_t narrow)
{
	return wide >> 32 <= narrow >> 32 &&
	       (wide & UINT32_MAX) >= (narrow & UINT32_MAX);
}

static bool cidr_covers(const struct cidr *wide, const struct cidr *narrow)
{
	return wide->v6 == narrow->v6 && wide->len <= narrow->len &&
	       key_bits_same(wide->bits, narrow->bits, wide->len);
}

/* The i-th value of narrow is within the k-th of wide. */
static bool value_covers(const struct rule_set *set, const struct cond *wide,
			 uint32_t k, const struct cond *narrow, uint32_t i)
{
	switch ((enum value_form)wide->form) {
	case FORM_PATTERNS:
		return pattern_covers(pattern_at(set, wide, k),
				      pattern_at(set, narrow, i));
	case FORM_NUMBERS:
		return range_covers(set->numbers[wide->first + k],
				    set->numbers[narrow->first + i]);
	case FORM_CIDRS:
		return cidr_covers(&set->cidrs[wide->first + k],
				   &set->cidrs[narrow->first + i]);
	case FORM_HASHES:
		return !memcmp(set->hashes[wide->first + k],
			       set->hashes[narrow->first + i], 32);
	case FORM_MASK:
		break;
	}
	return false;
}

/* Every value of narrow is within one of wide's. */
static bool values_cover(const struct rule_set *set, const struct cond *wide,
			 const struct cond *narrow)
{
	uint32_t i, k;

	if (wide->form != narrow->form)
		return false;
	if (wide->form == FORM_MASK)
		return !(narrow->mask & ~wide->mask);
	for (i = 0; i < narrow->n; i++) {
		for (k = 0; k < wide->n; k++)
			if (value_covers(set, wide, k, narrow, i))
				break;
		if (k == wide->n)
			return false;
	}
	return true;
}

static bool same_subject(const struct cond *a, const struct cond *b)
{
	return a->subject == b->subject && a->who == b->who;
}

/* Does `narrow` being true make `wide` true? */
static bool cond_follows(const struct rule_set *set, const struct cond *wide,
			 const struct cond *narrow)
{
	if (!same_subject(wide, narrow) || wide->negated != narrow->negated)
		return false;
	return wide->negated ? values_cover(set, narrow, wide)
			     : values_cover(set, wide, narrow);
}

/*
 * A deny is tried on what is possible, an allow on what is sure: a deny that
 * asks the same matches more, an allow less.
 */
static bool asks_as_much(const struct rule *wide, const struct rule *narrow)
{
	return (wide->action == ACTION_DENY) >= (narrow->action == ACTION_DENY);
}

static bool is_of_file(const struct cond *c)
{
	return c->subject == SUBJECT_EXE || c->subject == SUBJECT_SCRIPT ||
	       c->subject == SUBJECT_PATH || c->subject == SUBJECT_OLD_PATH ||
	       c->subject == SUBJECT_LOADED;
}

/*
 * A rule about a container goes by the names that its mounts give to files,
 * where it has to be sure; any other goes by the host's (rules/ask.c).
 */
static bool goes_by_host(const struct rule *wide, const struct cond *w,
			 const struct rule *narrow)
{
	return narrow->in_container && !wide->in_container && is_of_file(w) &&
	       (wide->action != ACTION_DENY || w->negated);
}

bool rule_covers(const struct rule_set *set, const struct rule *wide,
		 const struct rule *narrow)
{
	const struct cond *w = set->conds + wide->first_cond;
	const struct cond *n = set->conds + narrow->first_cond;
	unsigned i, k, joint;

	if ((narrow->kinds & ~wide->kinds) || wide->expired ||
	    wide->expires_ns < narrow->expires_ns ||
	    !asks_as_much(wide, narrow))
		return false;
	/* Several on ancestors must hold of one and the same: too much here. */
	joint = wide->n_conds - (unsigned)wide->n_plain_conds;
	if (joint > 1)
		return false;
	for (i = 0; i < wide->n_conds; i++) {
		if (goes_by_host(wide, &w[i], narrow))
			return false;
		for (k = 0; k < narrow->n_conds; k++)
			if (cond_follows(set, &w[i], &n[k]))
				break;
		if (k == narrow->n_conds)
			return false;
	}
	return true;
}

/*
 * Of two names both may be true; and a deny goes by what a string may be where
 * it asks for it, but by what it surely is where it excludes it.
 */
static bool excludes_surely(const struct rule *rule, const struct cond *c)
{
	/* Of a program and its script the one may be what the other is not. */
	if (c->subject >= SUBJECT_ORIGIN)
		return rule->action != ACTION_DENY &&
		       c->subject != SUBJECT_SHA256;
	return c->subject != SUBJECT_PATH && c->who == WHO_SELF &&
	       (rule->action != ACTION_DENY || c->form != FORM_PATTERNS);
}

bool rule_is_empty(const struct rule_set *set, const struct rule *rule)
{
	const struct cond *c = set->conds + rule->first_cond;
	unsigned i, k;

	for (i = 0; i < rule->n_conds; i++) {
		if (c[i].negated || !excludes_surely(rule, &c[i]))
			continue;
		for (k = 0; k < rule->n_conds; k++)
			if (c[k].negated && same_subject(&c[i], &c[k]) &&
			    values_cover(set, &c[k], &c[i]))
				return true;
	}
	return false;
}

/* Only of these acts, bits of the second's mask, is there the first. */
static const struct {
	enum subject of, act;
	uint32_t mask;
} only_of[] = {
	{ SUBJECT_OLD_PATH, SUBJECT_OP, 1u << OP_RENAME | 1u << OP_LINK },
	{ SUBJECT_LOADED, SUBJECT_LOAD, 1u << LOAD_MMAP | 1u << LOAD_MODULE },
	{ SUBJECT_NAME, SUBJECT_LOAD, 1u << LOAD_MODULE | 1u << LOAD_BPF },
	{ SUBJECT_TARGET, SUBJECT_TAMPER,
	  1u << TAMPER_SIGNAL | 1u << TAMPER_PTRACE | 1u << TAMPER_VM_WRITE |
		  1u << TAMPER_LIMIT | 1u << TAMPER_SIGIO |
		  1u << TAMPER_DESCRIPTOR | 1u << TAMPER_MOVE |
		  1u << TAMPER_FREEZE },
};

/* One end of a socket has one or the other. */
static const enum subject never_with_socket[] = {
	SUBJECT_DEST,
	SUBJECT_ADDRESS,
	SUBJECT_PORT,
	SUBJECT_PROTO,
};

static const struct cond *asked_of_self(const struct rule_set *set,
					const struct rule *rule,
					enum subject subject)
{
	const struct cond *c = set->conds + rule->first_cond;
	unsigned i;

	for (i = 0; i < rule->n_conds; i++) {
		if (c[i].subject == subject && c[i].who == WHO_SELF &&
		    !c[i].negated)
			return &c[i];
	}
	return NULL;
}

bool rule_contradicts_itself(const struct rule_set *set,
			     const struct rule *rule)
{
	const struct cond *act;
	size_t i;

	for (i = 0; i < sizeof(only_of) / sizeof(only_of[0]); i++) {
		act = asked_of_self(set, rule, only_of[i].act);
		if (act && !(act->mask & only_of[i].mask) &&
		    asked_of_self(set, rule, only_of[i].of))
			return true;
	}
	if (!asked_of_self(set, rule, SUBJECT_SOCKET))
		return false;
	for (i = 0; i < sizeof(never_with_socket) / sizeof(*never_with_socket);
	     i++) {
		if (asked_of_self(set, rule, never_with_socket[i]))
			return true;
	}
	return false;
}
