/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warnings about policies that are valid but probably not intended, found by
 * comparing rules with each other and with this host's files.
 */
#pragma once

#include "rules/rules.h"

enum lint_kind {
	LINT_NEVER,    /* its own conditions exclude each other */
	LINT_SHADOWED, /* a stronger rule always decides before it */
	LINT_COVERED,  /* another rule of the same kind matches all of it */
	LINT_WRITABLE, /* an allow trusts a program that others can change */
	LINT_EXPIRED,
	LINT_EXPIRES, /* within LINT_SOON_DAYS */
	LINT_OWNER,   /* an allow without an owner */
	LINT_KIND_COUNT,
};

#define LINT_SOON_DAYS 14

/* "never", "shadowed" … */
const char *lint_kind_name(enum lint_kind kind);

struct lint {
	enum lint_kind kind;
	const char *rule, *file;
	unsigned line;
	const char *other; /* SHADOWED, COVERED: by which rule; else "" */
	char what[400];	   /* in words, escaped */
};

struct lint_options {
	int64_t now_wall_ns;
	/* Root of the files that executables are looked for in; "" is "/". */
	const char *root;
};

/*
 * Can others than root replace the file of this name, because of its place,
 * its owner, or write permissions on the way to it? `where` (raw bytes, cut to
 * room) gets the name of the weak spot. If the file does not exist, the
 * existing part of its path is judged.
 */
bool lint_is_open(const char *root, struct slice path, char *where,
		  size_t room);
/* The same, by its place alone. */
bool lint_is_open_place(struct slice path);

/*
 * Call fn for each warning, in the order of the files. Rules are only compared
 * with each other if there are at most LINT_PAIR_RULES; *ret_all says whether
 * they were. -ENOMEM, or a negative return of fn.
 */
#define LINT_PAIR_RULES 20000
typedef int (*lint_fn)(void *arg, const struct lint *l);
int rule_set_lint(const struct rule_set *set, const struct lint_options *opt,
		  lint_fn fn, void *arg, bool *ret_all);
