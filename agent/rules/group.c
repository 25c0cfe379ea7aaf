/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of a rule, as its lines gave them, become conditions: those of
 * one key together, in the order in which they are cheapest to try.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/parse.h"

/* Conditions that one ancestor has to fit together. */
static bool is_joint(const struct value *v)
{
	return v->who == WHO_ANCESTOR && !v->negated;
}

/* In the order in which they are tried. Equal: values of one condition. */
static int compare_conds(const struct value *a, const struct value *b)
{
	if (is_joint(a) != is_joint(b))
		return is_joint(a) - is_joint(b);
	if (a->who != b->who)
		return a->who - b->who;
	if (a->subject != b->subject)
		return a->subject - b->subject;
	return a->negated - b->negated;
}

static int compare_values(const void *a, const void *b)
{
	const struct value *va = a, *vb = b;
	int r = compare_conds(va, vb);

	if (r)
		return r;
	if (va->form == FORM_HASHES)
		return memcmp(va->sha256, vb->sha256, sizeof(va->sha256));
	if (va->form == FORM_NUMBERS)
		return (va->range > vb->range) - (va->range < vb->range);
	return (va->line > vb->line) - (va->line < vb->line);
}

/*
 * Sorted ranges; those that overlap become one, and ports that touch. Ids
 * stay single, so that each can be looked up.
 */
static int add_number(struct builder *b, struct cond *c, uint64_t range)
{
	uint64_t gap = c->subject == SUBJECT_PORT;
	uint64_t *last = NULL, *to;

	if (c->n)
		last = (uint64_t *)b->numbers.p + b->numbers.n - 1;
	if (last && (range >> 32) <= (*last & UINT32_MAX) + gap) {
		if ((range & UINT32_MAX) > (*last & UINT32_MAX))
			*last = (*last & ~(uint64_t)UINT32_MAX) |
				(range & UINT32_MAX);
		return 0;
	}
	to = vec_add(&b->numbers, sizeof(*to));
	if (!to)
		return -ENOMEM;
	*to = range;
	c->n++;
	return 0;
}

static int add_value(struct builder *b, struct cond *c, const struct value *v)
{
	struct cidr *cidr;
	uint64_t *number;
	uint8_t *sum;

	switch ((enum value_form)v->form) {
	case FORM_MASK:
		c->mask |= v->bit;
		c->n++;
		return 0;
	case FORM_NUMBERS:
		return add_number(b, c, v->range);
	case FORM_CIDRS:
		cidr = vec_add(&b->cidrs, sizeof(*cidr));
		if (!cidr)
			return -ENOMEM;
		*cidr = v->cidr;
		c->n++;
		return 0;
	case FORM_HASHES:
		sum = vec_add(&b->hashes, sizeof(v->sha256));
		if (!sum)
			return -ENOMEM;
		memcpy(sum, v->sha256, sizeof(v->sha256));
		c->n++;
		return 0;
	case FORM_PATTERNS:
		/* Kept as a number: which pattern. */
		number = vec_add(&b->numbers, sizeof(*number));
		if (!number)
			return -ENOMEM;
		*number = v->pattern;
		c->n++;
		return 0;
	}
	return -EINVAL;
}

static struct cond *new_cond(struct builder *b, const struct value *v)
{
	struct cond *c = vec_add(&b->conds, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct cond){
		.subject = v->subject,
		.who = v->who,
		.form = v->form,
		.negated = v->negated,
		.line = v->line,
	};
	if (v->form == FORM_CIDRS)
		c->first = (uint32_t)b->cidrs.n;
	else if (v->form == FORM_HASHES)
		c->first = (uint32_t)b->hashes.n;
	else if (v->form != FORM_MASK)
		c->first = (uint32_t)b->numbers.n;
	b->rule.n_conds++;
	if (!is_joint(v))
		b->rule.n_plain_conds++;
	if (v->subject >= SUBJECT_CONTAINER &&
	    v->subject <= SUBJECT_NAMESPACE && v->who == WHO_SELF &&
	    !v->negated)
		b->rule.in_container = true;
	return c;
}

int conds_finish(struct builder *b)
{
	struct value *values = b->values.p;
	struct cond *c = NULL;
	size_t i;
	int r;

	b->rule.first_cond = (uint32_t)b->conds.n;
	if (b->values.n)
		qsort(values, b->values.n, sizeof(*values), compare_values);
	for (i = 0; i < b->values.n; i++) {
		if (!i || compare_conds(&values[i - 1], &values[i]))
			c = new_cond(b, &values[i]);
		if (!c)
			return -ENOMEM;
		r = add_value(b, c, &values[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
