/* SPDX-License-Identifier: Apache-2.0 */
/* The result of a reload, and its answer as text and as JSON. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/reload_conf.h"
#include "base/buf.h"
#include "base/exit_codes.h"
#include "rules/lint.h"
#include "rules/rules.h"

#define RELOAD_ERROR_MAX 512

struct reload_result {
	int error;		 /* 0; -EINVAL: a mistake in a file; -errno */
	struct rule_error where; /* if error is not 0 */
	struct rule_set *set;	 /* what is in force afterwards */
	uint64_t generation;
	/* The shadow policy, if one is configured. */
	bool has_shadow;
	struct rule_set *shadow;
	struct rule_error shadow_where;
	const char *shadow_error; /* empty: none */
	struct reload_conf conf;
	bool linted;
	size_t lints[LINT_KIND_COUNT];
};

/* Count the warnings about the set. */
void reload_lint(struct reload_result *r);

/* FILE:LINE: WHAT, escaped. */
void reload_error(const struct reload_result *r,
		  char to[static RELOAD_ERROR_MAX]);

void reload_text(struct buf *out, const struct reload_result *r);
void reload_json(struct buf *out, const struct reload_result *r);
/* The answer if the reload is refused before anything was read. */
void reload_deny(struct buf *out, enum exit_code code, const char *why,
		 bool json);
