/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule against an event: each of its conditions is put to whom it is about,
 * the process, its parent or those before it, and all must hold.
 */
#include "limits.h"
#include "rules/ask.h"

/* ---- what lasts --------------------------------------------------------- */

/* Settled when the program began, and the same for each of its acts. */
static bool is_lasting(const struct cond *c)
{
	switch ((enum subject)c->subject) {
	case SUBJECT_USER:
	case SUBJECT_GROUP:
		return c->who != WHO_SELF;
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
	case SUBJECT_IMAGE:
	case SUBJECT_POD:
	case SUBJECT_NAMESPACE:
	case SUBJECT_CGROUP:
	/* What is not known yet may be so for the next event. */
	case SUBJECT_ORIGIN:
	case SUBJECT_WRITABLE:
	case SUBJECT_SHA256:
	case SUBJECT_TRUST:
	case SUBJECT_COUNT:
		break;
	}
	return false;
}

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
	bool unknown = false, pending = false;
	unsigned n = 0;
	enum tri t;

	for (img = img ? image_before(img) : NULL;
	     img && n < PICKET_ANCESTORS_MAX; img = image_before(img), n++) {
		a->img = img;
		t = cond_ask(a);
		if (t == TRI_YES)
			return TRI_YES;
		unknown |= t == TRI_UNKNOWN;
		pending |= t == TRI_PENDING;
		last = img;
	}
	if (pending)
		return TRI_PENDING;
	if (unknown || img || !last || !is_first(last))
		return TRI_UNKNOWN;
	return TRI_NO;
}

/*
 * So is the answer for this one, whoever asks; but whether a name of a mount
 * namespace's own counts depends on who stands at the line's beginning.
 */
static bool lasts_of(const struct asking *a, const struct cond *c)
{
	return is_lasting(c) && !(c->subject == SUBJECT_EXE && a->sure &&
				  !a->in_container && a->img->exe.host_path.n);
}

static struct fits_memo *fits_memo_of(const struct rule_set *set,
				      uint64_t image, uint32_t cond)
{
	return &set->fits[(image + cond * 37) % FITS_MEMOS];
}

/* Do those that last fit? Remembered: one stands in many lines. */
static bool fits_lasting(struct asking *a, const struct cond *first,
			 unsigned n_conds)
{
	const uint32_t cond = (uint32_t)(first - a->q->set->conds);
	struct fits_memo *m = fits_memo_of(a->q->set, a->img->id, cond);
	bool fits = true;
	unsigned i;

	if (m->image == a->img->id && m->cond == cond)
		return m->fits;
	for (i = 0; fits && i < n_conds; i++) {
		a->c = &first[i];
		if (lasts_of(a, a->c))
			fits = cond_ask(a) == TRI_YES;
	}
	*m = (struct fits_memo){ .image = a->img->id,
				 .cond = cond,
				 .fits = fits };
	return fits;
}

/* Do all of the conditions from first on fit this one? Yes, no or pending. */
static enum tri fits_ancestor(struct asking *a, const struct cond *first,
			      unsigned n_conds)
{
	/* What hangs on redacted strings is to be said each time. */
	bool remembers = a->img->id && !(a->img->flags & IMAGE_F_REDACTED);
	enum tri all = TRI_YES, t;
	unsigned i;

	if (remembers && !fits_lasting(a, first, n_conds))
		return TRI_NO;
	for (i = 0; i < n_conds; i++) {
		a->c = &first[i];
		if (remembers && lasts_of(a, a->c))
			continue;
		t = cond_ask(a);
		if (t == TRI_PENDING)
			all = TRI_PENDING;
		else if (t != TRI_YES)
			return TRI_NO;
	}
	return all;
}

/* One ancestor that fits all of the conditions from first on. */
static enum tri has_ancestor(struct asking *a, const struct cond *first,
			     unsigned n_conds)
{
	const struct image *img = a->q->img ? image_before(a->q->img) : NULL;
	struct rule_wants *wants = a->wants;
	enum tri any = TRI_NO, t;
	unsigned n;

	for (n = 0; img && n < PICKET_ANCESTORS_MAX; n++) {
		a->img = img;
		a->wants = NULL;
		t = fits_ancestor(a, first, n_conds);
		a->wants = wants;
		if (t == TRI_YES)
			return TRI_YES;
		if (t == TRI_PENDING) {
			any = TRI_PENDING;
			/* Of those that fail anyway nothing is wanted. */
			if (wants)
				(void)fits_ancestor(a, first, n_conds);
		}
		img = image_before(img);
	}
	return any;
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

static enum tri meaning(const struct cond *c, enum tri t, bool strict)
{
	bool yes;

	if (t == TRI_PENDING)
		return TRI_PENDING;
	if (!c->negated)
		yes = t == TRI_YES;
	else
		yes = strict ? t == TRI_NO : t != TRI_YES;
	return yes ? TRI_YES : TRI_NO;
}

static enum tri cond_holds(struct asking *a, bool strict)
{
	return meaning(a->c, ask_cond(a, strict), strict);
}

bool cond_holds_alone(const struct question *q, const struct rule *rule,
		      const struct cond *c, enum tri *ret_asked)
{
	struct asking a = { .q = q,
			    .c = c,
			    .in_container = rule->in_container };
	bool strict = rule->action != ACTION_DENY;

	*ret_asked = ask_cond(&a, strict);
	return meaning(c, *ret_asked, strict) == TRI_YES;
}

bool rule_fits_image(const struct question *q, const struct rule *rule)
{
	struct asking a = { .q = q, .in_container = rule->in_container };
	const struct cond *conds = q->set->conds + rule->first_cond;
	bool strict = rule->action != ACTION_DENY;
	unsigned i;

	for (i = 0; i < rule->n_plain_conds; i++) {
		a.c = &conds[i];
		if (is_lasting(a.c) && cond_holds(&a, strict) == TRI_NO)
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
			    rule->n_conds - rule->n_plain_conds) != TRI_NO;
}

static enum tri holds(const struct question *q, const struct rule *rule,
		      struct rule_wants *wants)
{
	struct asking a = { .q = q,
			    .in_container = rule->in_container,
			    .wants = wants };
	const struct cond *conds = q->set->conds + rule->first_cond;
	bool strict = rule->action != ACTION_DENY;
	enum tri all = TRI_YES, t;
	unsigned i;

	for (i = 0; i < rule->n_plain_conds; i++) {
		a.c = &conds[i];
		t = cond_holds(&a, strict);
		if (t == TRI_NO)
			return TRI_NO;
		if (t == TRI_PENDING)
			all = TRI_PENDING;
	}
	if (rule->n_plain_conds == rule->n_conds)
		return all;
	a.sure = strict;
	t = has_ancestor(&a, conds + rule->n_plain_conds,
			 rule->n_conds - rule->n_plain_conds);
	return t == TRI_YES ? all : t;
}

enum tri rule_holds(const struct question *q, const struct rule *rule)
{
	return holds(q, rule, NULL);
}

void rule_note_wants(const struct question *q, const struct rule *rule,
		     struct rule_wants *wants)
{
	(void)holds(q, rule, wants);
}
