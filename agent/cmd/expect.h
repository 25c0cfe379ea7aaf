/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expectations of a policy test, as a file beside a recorded journal:
 *
 *	[expect cron-is-caught]		any name, once
 *	rule   = cron-files		the deciding rule, or none
 *	answer = denied			allowed denied unlisted ignored
 *	alert  = yes
 *	kind   = write			exec connect write listen load tamper
 *	exe    = /usr/bin/bash		globs as of `picket query`
 *	path   = /etc/cron.*
 *	dest   = 10.0.0.0/8
 *	count  = 1			or 2-5, 1- (at least one); default 1-
 *
 * All keys of a section must hold for an event to count; exe, path, dest and
 * kind may be given several times, as a choice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/query_match.h"
#include "event.h"

#define EXPECT_NAME_MAX 100

struct expect {
	char name[EXPECT_NAME_MAX + 1];
	char rule[EXPECT_NAME_MAX + 1]; /* empty: any; "none": no rule */
	unsigned line;
	unsigned answers; /* 1 << enum answer; 0: any */
	int alert;	  /* -1: either */
	struct query_match match;
	uint64_t least, most;
	uint64_t found;
};

struct expects {
	struct expect *v;
	size_t n;
};

struct expect_error {
	unsigned line; /* 0: the file as a whole */
	char what[200];
};

/* -EINVAL or -errno with *err filled in. */
int expects_load(const char *path, struct expects *ret,
		 struct expect_error *err);
void expects_done(struct expects *e);

/* One event, and what the policy under test says of it. */
void expects_take(struct expects *e, const struct view *v,
		  const struct verdict *verdict);
bool expect_holds(const struct expect *e);
