/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Could it have been seen? What coverage_read found, as an answer per kind
 * with its reasons. What cannot be proved to have been watched counts as not
 * watched.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cmd/coverage_read.h"

enum coverage_word { COVERAGE_YES, COVERAGE_NO, COVERAGE_PARTLY };
extern const char *const coverage_words[]; /* yes, no, partly */

/* One reason why not all could have been seen; words are the coverage's. */
struct coverage_because {
	const char *what; /* off, unseen, lost, missing, down */
	const char *way, *backend, *reason; /* "": none */
	uint64_t count;
	int64_t from_ns, until_ns; /* 0: not told; INT64_MAX: still */
};

#define COVERAGE_BECAUSE_MAX 256

struct coverage_answer {
	const char *kind;
	enum coverage_word word;
	size_t n;
	struct coverage_because because[COVERAGE_BECAUSE_MAX];
};

/* kind: one of the first TAIL_KINDS_SEEN, or a word for all where picket did not run. */
void coverage_answer(const struct coverage *c, const char *kind,
		     struct coverage_answer *ret);
