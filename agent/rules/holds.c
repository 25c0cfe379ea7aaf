/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule against an event: each of its conditions is put to whom it is about,
 * the process, its parent or those before it, and all must hold.
 */
#include "limits.h"
#include "rules/ask.h"

/* ---- ancestors ---------------------------------------------------------- */

/* Is nobody left to ask, or has only our knowledge ended here? */
static bool is_first(const struct image *img)
{
	return img->proc.tgid <= 2 || (img->flags & IMAGE_F_KTHREAD);
}

/* Any ancestor. Only a line known to its beginning can give a no. */
static enum tri ask_ancestors(struct asking *a)
{
	const struct image *img = a->q->img, *last = img;
	bool unknown = false;
	unsigned n = 0;
	enum tri t;

	for (img = img ? image_before(img) : NULL;
	     img && n < PICKET_ANCESTORS_MAX; img = image_before(img), n++) {
		a->img = img;
		t = cond_ask(a);
		if (t == TRI_YES)
			return TRI_YES;
		unknown |= t == TRI_UNKNOWN;
		last = img;
	}
	if (unknown || img || !last || !is_first(last))
		return TRI_UNKNOWN;
	return TRI_NO;
}

/* One ancestor that fits all of the conditions from first on. */
static bool has_ancestor(struct asking *a, const struct cond *first,
			 unsigned n_conds)
{
	const struct image *img = a->q->img ? image_before(a->q->img) : NULL;
	unsigned n, i;

	for (n = 0; img && n < PICKET_ANCESTORS_MAX; n++) {
		a->img = img;
		for (i = 0; i < n_conds; i++) {
			a->c = &first[i];
			if (cond_ask(a) != TRI_YES)
				break;
		}
		if (i == n_conds)
			return true;
		img = image_before(img);
	}
	return false;
}

/* ---- rules -------------------------------------------------------------- */

static enum tri ask_cond(struct asking *a, bool strict)
{
	const struct image *self = a->q->img;

	a->sure = strict != a->c->negated;
	if (a->c->who == WHO_ANCESTOR)
		return ask_ancestors(a);
	a->img = self;
	if (a->c->who == WHO_PARENT)
		a->img = self ? self->parent : NULL;
	return cond_ask(a);
}

static bool means_yes(const struct cond *c, enum tri t, bool strict)
{
	if (!c->negated)
		return t == TRI_YES;
	return strict ? t == TRI_NO : t != TRI_YES;
}

static bool cond_holds(struct asking *a, bool strict)
{
	return means_yes(a->c, ask_cond(a, strict), strict);
}

bool cond_holds_alone(const struct question *q, const struct rule *rule,
		      const struct cond *c, enum tri *ret_asked)
{
	struct asking a = { .q = q,
			    .c = c,
			    .in_container = rule->in_container };
	bool strict = rule->action != ACTION_DENY;

	*ret_asked = ask_cond(&a, strict);
	return means_yes(c, *ret_asked, strict);
}

/* Settled when the program began, and the same for each of its acts. */
static bool is_lasting(const struct cond *c)
{
	switch ((enum subject)c->subject) {
	case SUBJECT_USER:
	case SUBJECT_GROUP:
		return c->who != WHO_SELF;
	case SUBJECT_ORIGIN:
	case SUBJECT_TTY:
	case SUBJECT_STDIN:
	case SUBJECT_STDOUT:
	case SUBJECT_STDERR:
	case SUBJECT_STDIO:
	case SUBJECT_EXE:
	case SUBJECT_SCRIPT:
	case SUBJECT_ARGS:
	case SUBJECT_ENV:
		return true;
	case SUBJECT_OP:
	case SUBJECT_LOAD:
	case SUBJECT_TAMPER:
	case SUBJECT_OF_PICKET:
	case SUBJECT_PROTO:
	case SUBJECT_PORT:
	case SUBJECT_DEST:
	case SUBJECT_ADDRESS:
	case SUBJECT_LOADED:
	case SUBJECT_SOCKET:
	case SUBJECT_NAME:
	case SUBJECT_TARGET:
	case SUBJECT_PATH:
	case SUBJECT_OLD_PATH:
	case SUBJECT_UNIT:
	case SUBJECT_CONTAINER:
	case SUBJECT_CGROUP:
	case SUBJECT_COUNT:
		break;
	}
	return false;
}

bool rule_fits_image(const struct question *q, const struct rule *rule)
{
	struct asking a = { .q = q, .in_container = rule->in_container };
	const struct cond *conds = q->set->conds + rule->first_cond;
	bool strict = rule->action != ACTION_DENY;
	unsigned i;

	for (i = 0; i < rule->n_plain_conds; i++) {
		a.c = &conds[i];
		if (is_lasting(a.c) && !cond_holds(&a, strict))
			return false;
	}
	for (; i < rule->n_conds; i++) {
		if (!is_lasting(&conds[i]))
			return true;
	}
	if (rule->n_plain_conds == rule->n_conds)
		return true;
	a.sure = strict;
	return has_ancestor(&a, conds + rule->n_plain_conds,
			    rule->n_conds - rule->n_plain_conds);
}

bool rule_holds(const struct question *q, const struct rule *rule)
{
	struct asking a = { .q = q, .in_container = rule->in_container };
	const struct cond *conds = q->set->conds + rule->first_cond;
	bool strict = rule->action != ACTION_DENY;
	unsigned i;

	for (i = 0; i < rule->n_plain_conds; i++) {
		a.c = &conds[i];
		if (!cond_holds(&a, strict))
			return false;
	}
	if (rule->n_plain_conds == rule->n_conds)
		return true;
	a.sure = strict;
	return has_ancestor(&a, conds + rule->n_plain_conds,
			    rule->n_conds - rule->n_plain_conds);
}
