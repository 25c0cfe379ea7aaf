/* SPDX-License-Identifier: Apache-2.0 */
/* See lint.h. Each kind is a function over one rule; the table runs them. */
#include "rules/lint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/escape.h"
#include "rules/cover.h"

#define DAY_NS ((int64_t)86400 * (int64_t)NS_PER_S)

static const char *const kind_names[LINT_KIND_COUNT] = {
	[LINT_NEVER] = "never",	    [LINT_SHADOWED] = "shadowed",
	[LINT_COVERED] = "covered", [LINT_WRITABLE] = "writable",
	[LINT_EXPIRED] = "expired", [LINT_EXPIRES] = "expires",
	[LINT_OWNER] = "owner",
};

const char *lint_kind_name(enum lint_kind kind)
{
	return kind < LINT_KIND_COUNT ? kind_names[kind] : "unknown";
}

struct linting {
	const struct rule_set *set;
	const struct lint_options *opt;
	lint_fn fn;
	void *arg;
	bool pairs;
};

/* One rule, by its place in the files. */
struct place {
	const struct rule *rule;
	const struct rule_note *note;
	size_t i;
};

static struct place place_of(const struct linting *l, size_t i)
{
	return (struct place){ &l->set->rules[l->set->by_place[i]],
			       &l->set->notes[i], i };
}

static int tell(const struct linting *l, const struct place *p,
		struct lint *found)
{
	found->rule = p->rule->name;
	found->file = l->set->files[p->note->file];
	found->line = p->note->line;
	if (!found->other)
		found->other = "";
	return l->fn(l->arg, found);
}

/* ---- by itself ---------------------------------------------------------- */

static int lint_never(const struct linting *l, const struct place *p)
{
	struct lint found = { .kind = LINT_NEVER };
	bool empty = rule_is_empty(l->set, p->rule);

	if (!empty && !rule_contradicts_itself(l->set, p->rule))
		return 0;
	(void)snprintf(found.what, sizeof(found.what), "never matches: %s",
		       empty ? "a not- key excludes all that it asks for"
			     : "no event has all that it asks for");
	return tell(l, p, &found);
}

static int lint_expiry(const struct linting *l, const struct place *p)
{
	struct lint found = { .kind = LINT_EXPIRED };
	int64_t left = p->rule->expires_ns - l->opt->now_wall_ns;

	if (p->rule->expires_ns == INT64_MAX)
		return 0;
	if (left <= 0) {
		(void)snprintf(found.what, sizeof(found.what),
			       "has expired and never matches");
	} else if (left < LINT_SOON_DAYS * DAY_NS) {
		found.kind = LINT_EXPIRES;
		(void)snprintf(found.what, sizeof(found.what),
			       "expires in %" PRId64 " days", left / DAY_NS);
	} else {
		return 0;
	}
	return tell(l, p, &found);
}

static int lint_owner(const struct linting *l, const struct place *p)
{
	struct lint found = { .kind = LINT_OWNER };

	if (p->rule->action != ACTION_ALLOW || p->note->owner)
		return 0;
	(void)snprintf(found.what, sizeof(found.what),
		       "allows something and has no owner");
	return tell(l, p, &found);
}

/* ---- executables -------------------------------------------------------- */

/* Places where anybody may put a program. */
static const char *const open_places[] = { "/tmp/", "/var/tmp/", "/dev/shm/",
					   "/home/", "/run/user/" };

bool lint_is_open_place(struct slice head)
{
	for (size_t i = 0; i < sizeof(open_places) / sizeof(*open_places); i++)
		if (slice_starts(head, slice_str(open_places[i])))
			return true;
	return false;
}

/* A file, or a directory on the way to it, that others than root may write. */
static bool is_writable(const char *root, struct slice path, char *where,
			size_t room)
{
	char name[PATTERN_TEXT_MAX + 256];
	size_t base = strlen(root), i;
	struct stat st;

	if (base + path.n >= sizeof(name))
		return false;
	memcpy(name, root, base);
	for (i = 1; i <= path.n; i++) {
		if (i < path.n && path.p[i] != '/')
			continue;
		memcpy(name + base, path.p, i);
		name[base + i] = '\0';
		if (lstat(name, &st) < 0)
			return false;
		if (S_ISLNK(st.st_mode) ||
		    (!st.st_uid && !(st.st_mode & (S_IWGRP | S_IWOTH))))
			continue;
		(void)snprintf(where, room, "%.*s", (int)i, path.p);
		return true;
	}
	return false;
}

bool lint_is_open(const char *root, struct slice path, char *where, size_t room)
{
	if (lint_is_open_place(path)) {
		(void)snprintf(where, room, "%.*s", (int)path.n, path.p);
		return true;
	}
	return is_writable(root ? root : "", path, where, room);
}

/* Does a glob reach into one of them: as it ends, or anything there? */
static bool reaches_open_place(const struct pattern *p)
{
	char name[PATTERN_TEXT_MAX + 32];
	struct slice tail = pattern_tail(p);
	size_t i;
	int n, whole;

	if (tail.n && *tail.p == '/')
		tail = slice_of(tail.p + 1, tail.n - 1);
	for (i = 0; i < sizeof(open_places) / sizeof(*open_places); i++) {
		n = snprintf(name, sizeof(name), "%sx", open_places[i]);
		whole = snprintf(name + n, sizeof(name) - (size_t)n, "/%.*s",
				 (int)tail.n, tail.p);
		if (pattern_match(p, slice_of(name, (size_t)n)) ||
		    pattern_match(p, slice_of(name, (size_t)(n + whole))))
			return true;
		n = snprintf(name, sizeof(name), "%s%.*s", open_places[i],
			     (int)tail.n, tail.p);
		if (pattern_match(p, slice_of(name, (size_t)n)))
			return true;
	}
	return false;
}

static bool open_to_others(const struct linting *l, const struct pattern *p,
			   char *where, size_t room)
{
	if (lint_is_open_place(pattern_head(p)) ||
	    (p->shape != SHAPE_LITERAL && reaches_open_place(p))) {
		(void)snprintf(where, room, "%.*s", (int)pattern_text(p).n,
			       pattern_text(p).p);
		return true;
	}
	return p->shape == SHAPE_LITERAL &&
	       is_writable(l->opt->root ? l->opt->root : "", pattern_head(p),
			   where, room);
}

static int tell_writable(const struct linting *l, const struct place *p,
			 const char *where)
{
	struct lint found = { .kind = LINT_WRITABLE };
	struct buf text = BUF_INIT(64u << 10);

	buf_add_str(&text, "allows a program that others than root can "
			   "replace: ");
	escape_text(&text, slice_str(where));
	buf_add_char(&text, '\0');
	(void)snprintf(found.what, sizeof(found.what), "%s",
		       text.failed ? "" : text.p);
	buf_done(&text);
	return tell(l, p, &found);
}

/* Who can replace it gains nothing: then it is no longer what is asked for. */
static bool is_proved(const struct linting *l, const struct rule *rule)
{
	const struct cond *c = l->set->conds + rule->first_cond;
	unsigned i;

	for (i = 0; i < rule->n_conds; i++, c++) {
		if (c->who != WHO_SELF || c->negated)
			continue;
		if (c->subject == SUBJECT_SHA256 ||
		    (c->subject == SUBJECT_TRUST &&
		     c->mask == 1u << TRUST_PACKAGE))
			return true;
	}
	return false;
}

/* Does it say which program, or at least what it or who runs it must be? */
static bool is_about_a_program(const struct linting *l, const struct rule *rule)
{
	const struct cond *c = l->set->conds + rule->first_cond;
	unsigned i;

	for (i = 0; i < rule->n_conds; i++, c++) {
		if (c->subject >= SUBJECT_ORIGIN)
			return true;
		if (c->who == WHO_SELF && !c->negated &&
		    (c->subject == SUBJECT_EXE || c->subject == SUBJECT_SCRIPT))
			return true;
	}
	return false;
}

static int tell_any_program(const struct linting *l, const struct place *p)
{
	struct lint found = { .kind = LINT_WRITABLE };

	(void)snprintf(found.what, sizeof(found.what),
		       "allows any program, those that others than root can "
		       "replace too: it names none");
	return tell(l, p, &found);
}

static int lint_writable(const struct linting *l, const struct place *p)
{
	const struct cond *c = l->set->conds + p->rule->first_cond;
	char where[256];
	unsigned i;
	uint32_t k;

	if (p->rule->action != ACTION_ALLOW || p->rule->in_container ||
	    is_proved(l, p->rule))
		return 0;
	for (i = 0; i < p->rule->n_conds; i++, c++) {
		if ((c->subject != SUBJECT_EXE &&
		     c->subject != SUBJECT_SCRIPT) ||
		    c->negated)
			continue;
		for (k = 0; k < c->n; k++) {
			uint64_t n = l->set->numbers[c->first + k];

			if (open_to_others(l, l->set->patterns[n], where,
					   sizeof(where)))
				return tell_writable(l, p, where);
		}
	}
	if ((p->rule->kinds >> EVENT_EXEC & 1) &&
	    !is_about_a_program(l, p->rule))
		return tell_any_program(l, p);
	return 0;
}

/* ---- two rules ---------------------------------------------------------- */

/* May an exception make the deny stand back? Then it shadows nothing. */
static bool always_decides(const struct rule *by, const struct rule *rule)
{
	if (by->action == rule->action)
		return false;
	return by->action < rule->action &&
	       !(by->action == ACTION_DENY && by->is_excepted) &&
	       !rule->has_excepts;
}

static int lint_pair(const struct linting *l, const struct place *p,
		     const struct place *q)
{
	struct lint found = { .other = q->rule->name };
	bool shadowed = always_decides(q->rule, p->rule);

	if (!shadowed &&
	    (q->rule->action != p->rule->action || p->rule->has_excepts ||
	     p->rule->is_excepted || q->rule->is_excepted ||
	     q->rule->severity != p->rule->severity))
		return 0;
	if (!rule_covers(l->set, q->rule, p->rule))
		return 0;
	/* Each says all of the other: told once, of the later one. */
	if (!shadowed && q->i > p->i && rule_covers(l->set, p->rule, q->rule))
		return 0;
	found.kind = shadowed ? LINT_SHADOWED : LINT_COVERED;
	(void)snprintf(found.what, sizeof(found.what),
		       shadowed ? "never decides: '%s' (%s:%u) always does "
				  "before it"
				: "says nothing that '%s' (%s:%u) does not",
		       q->rule->name, l->set->files[q->note->file],
		       q->note->line);
	found.what[sizeof(found.what) - 1] = '\0';
	return tell(l, p, &found) < 0 ? -ECANCELED : 1;
}

static int lint_pairs(const struct linting *l, const struct place *p)
{
	size_t i;
	int r;

	if (!l->pairs || p->rule->expired)
		return 0;
	for (i = 0; i < l->set->n_rules; i++) {
		struct place q = place_of(l, i);

		if (i == p->i)
			continue;
		r = lint_pair(l, p, &q);
		/* One reason is enough. */
		if (r)
			return r < 0 ? r : 0;
	}
	return 0;
}

/* ---- all of them -------------------------------------------------------- */

static int (*const lints[])(const struct linting *, const struct place *) = {
	lint_never, lint_pairs, lint_writable, lint_expiry, lint_owner,
};

int rule_set_lint(const struct rule_set *set, const struct lint_options *opt,
		  lint_fn fn, void *arg, bool *ret_all)
{
	const struct linting l = {
		.set = set,
		.opt = opt,
		.fn = fn,
		.arg = arg,
		.pairs = set->n_rules <= LINT_PAIR_RULES,
	};
	size_t i, k;
	int r;

	*ret_all = l.pairs;
	for (i = 0; i < set->n_rules; i++) {
		struct place p = place_of(&l, i);

		for (k = 0; k < sizeof(lints) / sizeof(lints[0]); k++) {
			r = lints[k](&l, &p);
			if (r < 0)
				return r;
		}
	}
	return 0;
}
