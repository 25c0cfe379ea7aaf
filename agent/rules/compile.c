/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules -> the index that events look them up in. The one idea: all of a
 * rule's conditions must hold, so it is enough to find it by one of them. For
 * each kind of event every rule is entered under the condition whose values
 * the fewest other rules share; the rest is checked when it is found. What
 * no rule of a kind is entered under costs that kind nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "rules/hash.h"
#include "rules/rule.h"
#include "rules/vec.h"

/* Sharing a value with this few others is as good as being alone with it. */
#define FEW_OTHERS 4u
#define NO_KEY	   1000000u

struct compiler {
	struct rule_set *set;
	struct kind_index *ix;
	uint16_t *kinds; /* of each rule; 0: it takes no part */
	struct keymap counts[DIM_COUNT];
	struct vec entries[DIM_COUNT]; /* struct str_entry */
	struct vec users;	       /* struct user_entry */
	struct vec always;	       /* uint32_t */
};

static int dim_of(const struct cond *c)
{
	static const int8_t self[SUBJECT_COUNT] = {
		[SUBJECT_PATH] = DIM_PATH + 1,
		[SUBJECT_OLD_PATH] = DIM_PATH + 1,
		[SUBJECT_LOADED] = DIM_PATH + 1,
		[SUBJECT_SOCKET] = DIM_SOCKET + 1,
		[SUBJECT_DEST] = DIM_DEST + 1,
		[SUBJECT_ADDRESS] = DIM_DEST + 1,
		[SUBJECT_EXE] = DIM_EXE + 1,
		[SUBJECT_SCRIPT] = DIM_SCRIPT + 1,
		[SUBJECT_CONTAINER] = DIM_CONTAINER + 1,
		[SUBJECT_IMAGE] = DIM_IMAGE + 1,
		[SUBJECT_POD] = DIM_POD + 1,
		[SUBJECT_NAMESPACE] = DIM_NAMESPACE + 1,
		[SUBJECT_UNIT] = DIM_UNIT + 1,
		[SUBJECT_CGROUP] = DIM_CGROUP + 1,
		[SUBJECT_ARGS] = DIM_ARGS + 1,
		[SUBJECT_PORT] = DIM_PORT + 1,
		[SUBJECT_USER] = DIM_USER + 1,
	};

	if (c->negated)
		return -1;
	if (c->who == WHO_SELF)
		return self[c->subject] - 1;
	if (c->subject != SUBJECT_EXE)
		return -1;
	return c->who == WHO_PARENT ? DIM_PARENT : DIM_ANCESTOR;
}

static enum pattern_kind dim_pattern_kind(enum dim d)
{
	const uint32_t plain = 1u << DIM_CONTAINER | 1u << DIM_POD |
			       1u << DIM_IMAGE | 1u << DIM_NAMESPACE |
			       1u << DIM_UNIT | 1u << DIM_ARGS |
			       1u << DIM_SOCKET;

	return plain >> d & 1 ? PATTERN_PLAIN : PATTERN_PATH;
}

/* ---- which condition selects best --------------------------------------- */

/* The keys of one value of a condition. */
static size_t value_keys(const struct rule_set *set, const struct cond *c,
			 uint32_t i, uint64_t keys[PATTERN_KEYS_MAX])
{
	const struct cidr *cidr;

	switch ((enum value_form)c->form) {
	case FORM_PATTERNS:
		return pattern_keys(set->patterns[set->numbers[c->first + i]],
				    keys);
	case FORM_CIDRS:
		cidr = &set->cidrs[c->first + i];
		keys[0] = hash_mix(hash_mix(cidr->bits.hi, cidr->bits.lo),
				   (uint64_t)cidr->len << 1 | cidr->v6);
		return 1;
	case FORM_NUMBERS:
		keys[0] = hash_mix(set->numbers[c->first + i], 0);
		return 1;
	case FORM_HASHES:
	case FORM_MASK:
		break;
	}
	return 0;
}

static int count_values(struct compiler *k, const struct cond *c, int dim)
{
	uint64_t keys[PATTERN_KEYS_MAX];
	uint32_t i, *count;
	size_t n;

	for (i = 0; i < c->n; i++) {
		n = value_keys(k->set, c, i, keys);
		while (n--) {
			count = keymap_put(&k->counts[dim], keys[n]);
			if (!count)
				return -ENOMEM;
			++*count;
		}
	}
	return 0;
}

/* How many rules come up, at worst, where this condition's values do. */
static uint32_t estimate(struct compiler *k, const struct cond *c, int dim)
{
	uint64_t keys[PATTERN_KEYS_MAX];
	uint32_t i, best, count, worst = FEW_OTHERS;
	size_t n;

	for (i = 0; i < c->n; i++) {
		best = NO_KEY;
		n = value_keys(k->set, c, i, keys);
		while (n--) {
			count = keymap_get(&k->counts[dim], keys[n], 0);
			if (count < best)
				best = count;
		}
		if (best > worst)
			worst = best;
	}
	return worst;
}

static const struct cond *choose(struct compiler *k, const struct rule *rule,
				 int *ret_dim)
{
	const struct cond *c = k->set->conds + rule->first_cond, *best = NULL;
	uint32_t least = NO_KEY, n;
	uint16_t i;
	int dim;

	for (i = 0; i < rule->n_conds; i++, c++) {
		dim = dim_of(c);
		if (dim < 0)
			continue;
		n = estimate(k, c, dim);
		if (n < least || (best && n == least && dim < *ret_dim)) {
			least = n;
			best = c;
			*ret_dim = dim;
		}
	}
	return best;
}

/* ---- entering ----------------------------------------------------------- */

int cidr_set_add(struct cidr_set *s, const struct cidr *c, uint32_t owner)
{
	return trie_add(c->v6 ? &s->v6 : &s->v4, c->bits, c->len, owner);
}

void cidr_set_done(struct cidr_set *s)
{
	trie_done(&s->v4);
	trie_done(&s->v6);
}

static int enter_value(struct compiler *k, const struct cond *c, uint32_t i,
		       uint32_t rule)
{
	struct rule_set *set = k->set;
	struct user_entry *user;
	struct str_entry *entry;
	uint64_t range;
	int dim = dim_of(c);

	if (c->form == FORM_CIDRS)
		return cidr_set_add(&k->ix->dest, &set->cidrs[c->first + i],
				    rule);
	if (dim == DIM_PORT) {
		range = set->numbers[c->first + i];
		return trie_add_range16(&k->ix->port, (uint16_t)(range >> 32),
					(uint16_t)range, rule);
	}
	if (dim == DIM_USER) {
		user = vec_add(&k->users, sizeof(*user));
		if (!user)
			return -ENOMEM;
		/* Ids are single numbers: both ends are the same. */
		*user = (struct user_entry){
			.id = (uint32_t)(set->numbers[c->first + i] >> 32),
			.rule = rule,
		};
		return 0;
	}
	entry = vec_add(&k->entries[dim], sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	*entry = (struct str_entry){
		.pattern = set->patterns[set->numbers[c->first + i]],
		.owner = rule,
		.hint = set->rules[rule].first_cond,
	};
	return 0;
}

static int enter_rule(struct compiler *k, uint32_t rule)
{
	const struct cond *c;
	uint32_t i, *always;
	int dim = -1, r = 0;

	c = choose(k, &k->set->rules[rule], &dim);
	if (!c) {
		always = vec_add(&k->always, sizeof(*always));
		if (!always)
			return -ENOMEM;
		*always = rule;
		return 0;
	}
	k->ix->dims |= 1u << dim;
	for (i = 0; r == 0 && i < c->n; i++)
		r = enter_value(k, c, i, rule);
	return r;
}

static int compare_users(const void *a, const void *b)
{
	const struct user_entry *ua = a, *ub = b;

	if (ua->id != ub->id)
		return ua->id < ub->id ? -1 : 1;
	return (ua->rule > ub->rule) - (ua->rule < ub->rule);
}

static int build(struct compiler *k)
{
	int d, r;

	k->ix->n_users = (uint32_t)k->users.n;
	if (k->users.n)
		qsort(k->users.p, k->users.n, sizeof(struct user_entry),
		      compare_users);
	k->ix->users = vec_steal(&k->users, sizeof(struct user_entry));
	k->ix->memos = calloc(MEMO_IMAGES, sizeof(*k->ix->memos));
	k->ix->found = calloc(FOUND_IMAGES, sizeof(*k->ix->found));
	if (!k->ix->memos || !k->ix->found)
		return -ENOMEM;
	k->ix->n_always = (uint32_t)k->always.n;
	k->ix->always = vec_steal(&k->always, sizeof(uint32_t));
	for (d = 0; d < DIM_COUNT; d++) {
		if (!k->entries[d].n)
			continue;
		r = str_index_new(dim_pattern_kind((enum dim)d),
				  k->entries[d].p, k->entries[d].n,
				  &k->ix->strings[d]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int count_rule(struct compiler *k, const struct rule *rule)
{
	const struct cond *c = &k->set->conds[rule->first_cond];
	int r = 0, dim;

	for (uint16_t i = 0; r == 0 && i < rule->n_conds; i++, c++) {
		dim = dim_of(c);
		if (dim >= 0)
			r = count_values(k, c, dim);
	}
	return r;
}

static int compile_kind(struct compiler *k, int kind)
{
	struct rule_set *set = k->set;
	uint32_t i;
	int r;

	for (i = 0; i < set->n_rules; i++) {
		if (!(k->kinds[i] >> kind & 1))
			continue;
		r = count_rule(k, &set->rules[i]);
		if (r < 0)
			return r;
	}
	for (i = 0; i < set->n_rules; i++) {
		if (!(k->kinds[i] >> kind & 1))
			continue;
		r = enter_rule(k, i);
		if (r < 0)
			return r;
	}
	return build(k);
}

static void compiler_done(struct compiler *k)
{
	int d;

	for (d = 0; d < DIM_COUNT; d++) {
		keymap_done(&k->counts[d]);
		vec_done(&k->entries[d]);
	}
	vec_done(&k->users);
	vec_done(&k->always);
}

void kind_index_done(struct kind_index *ix)
{
	int d;

	for (d = 0; d < DIM_COUNT; d++)
		str_index_free(ix->strings[d]);
	cidr_set_done(&ix->dest);
	trie_done(&ix->port);
	free(ix->memos);
	free(ix->found);
	free(ix->users);
	free(ix->always);
}

/* ---- conditions of many values ------------------------------------------ */

static int index_patterns(struct rule_set *set, struct cond *c)
{
	struct str_entry *entries = calloc(c->n, sizeof(*entries));
	uint32_t i;
	int r;

	if (!entries)
		return -ENOMEM;
	for (i = 0; i < c->n; i++)
		entries[i].pattern = set->patterns[set->numbers[c->first + i]];
	r = str_index_new((enum pattern_kind)entries[0].pattern->kind, entries,
			  c->n, &c->patterns);
	free(entries);
	return r;
}

static int index_cidrs(struct rule_set *set, struct cond *c)
{
	uint32_t i;
	int r = 0;

	c->cidrs = calloc(1, sizeof(*c->cidrs));
	if (!c->cidrs)
		return -ENOMEM;
	for (i = 0; r == 0 && i < c->n; i++)
		r = cidr_set_add(c->cidrs, &set->cidrs[c->first + i], 0);
	return r;
}

static int index_values(struct rule_set *set, struct cond *c)
{
	if (c->form == FORM_PATTERNS && c->n == 1) {
		c->pattern = set->patterns[set->numbers[c->first]];
		return 0;
	}
	if (c->n <= COND_FEW)
		return 0;
	if (c->form == FORM_PATTERNS)
		return index_patterns(set, c);
	return c->form == FORM_CIDRS ? index_cidrs(set, c) : 0;
}

void cond_done(struct cond *c)
{
	if (c->n <= COND_FEW)
		return;
	if (c->form == FORM_PATTERNS)
		str_index_free(c->patterns);
	if (c->form == FORM_CIDRS && c->cidrs) {
		cidr_set_done(c->cidrs);
		free(c->cidrs);
	}
}

int rule_set_compile(struct rule_set *set)
{
	uint16_t *kinds = calloc(set->n_rules + 1, sizeof(*kinds));
	struct compiler k;
	uint32_t i;
	int kind;
	int r = kinds ? 0 : -ENOMEM;

	/* Gone through for each kind: small, where the rules are not. */
	for (i = 0; r == 0 && i < set->n_rules; i++)
		kinds[i] = set->rules[i].expired ? 0 : set->rules[i].kinds;
	for (i = 0; r == 0 && i < set->n_conds; i++)
		r = index_values(set, &set->conds[i]);
	for (kind = 0; r == 0 && kind < EVENT_KIND_COUNT; kind++) {
		if (!(RULE_KINDS >> kind & 1))
			continue;
		k = (struct compiler){ .set = set,
				       .ix = &set->kind[kind],
				       .kinds = kinds };
		r = compile_kind(&k, kind);
		compiler_done(&k);
	}
	free(kinds);
	return r;
}
