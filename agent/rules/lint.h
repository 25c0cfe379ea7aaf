/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is allowed in a policy and probably not meant: found without an event,
 * by comparing rules with each other and with this host's files.
 */
#pragma once

#include "rules/rules.h"

enum lint_kind {
	LINT_NEVER,    /* its own conditions exclude each other */
	LINT_SHADOWED, /* a stronger rule always decides before it */
	LINT_COVERED,  /* another rule of the same kind says all of it */
	LINT_WRITABLE, /* an allow trusts a program that others can change */
	LINT_EXPIRED,
	LINT_EXPIRES, /* within LINT_SOON_DAYS */
	LINT_OWNER,   /* an allow that nobody answers for */
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
 * Can others than root replace the file of this name, by where it lies or by
 * who owns it and may write on the way to it? *where (raw bytes, cut to room)
 * says what. A name that is not there is judged by what is.
 */
bool lint_is_open(const char *root, struct slice path, char *where,
		  size_t room);
/* The same by where it lies alone. */
bool lint_is_open_place(struct slice path);

/*
 * In the order of the files. Pairs of rules are compared up to LINT_PAIR_RULES
 * rules; *ret_all says whether they were. -ENOMEM, or fn's negative return.
 */
#define LINT_PAIR_RULES 20000
typedef int (*lint_fn)(void *arg, const struct lint *l);
int rule_set_lint(const struct rule_set *set, const struct lint_options *opt,
		  lint_fn fn, void *arg, bool *ret_all);
