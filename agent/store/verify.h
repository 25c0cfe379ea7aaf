/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a journal what its writer left? Checks every frame, every number and
 * every link of the chain of seals, up to the last seal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal_format.h"

enum verify_kind {
	VERIFY_EDITED,	  /* bytes are not those that were sealed */
	VERIFY_REMOVED,	  /* frames or segments are gone from the middle */
	VERIFY_REORDERED, /* they are there, in another order */
	VERIFY_TRUNCATED, /* a segment, or the journal, ends too early */
	VERIFY_LOST,	  /* the writer itself met a loss and went on */
	VERIFY_KIND_COUNT,
};

/* edited, removed, reordered, truncated, lost. */
const char *verify_kind_name(enum verify_kind kind);

struct verify_finding {
	enum verify_kind kind;
	uint64_t segment;
	uint64_t from, to;	      /* bytes of it; to 0: not known */
	uint64_t first_seq, last_seq; /* numbers concerned; 0: none known */
	const char *what;	      /* one line, constant */
};

#define VERIFY_FINDINGS_MAX 64

struct verify_result {
	uint64_t segments, frames, seals;
	uint64_t first_seq;  /* the oldest number that can be there */
	uint64_t sealed_seq; /* the newest seal: what can be vouched for ... */
	uint8_t sealed_sha[JOURNAL_SHA_SIZE]; /* ... and the next anchor */
	uint64_t unsealed; /* numbered frames behind it, not judged */
	bool trimmed;	   /* older segments existed once */
	bool anchor_found;
	uint64_t n_findings; /* all; the first of them are here: */
	struct verify_finding findings[VERIFY_FINDINGS_MAX];
};

/* A seal that somebody else kept. */
struct verify_anchor {
	uint64_t seq;
	uint8_t sha[JOURNAL_SHA_SIZE];
};

/*
 * 0: checked, what was found is in *ret; -errno: it could not be checked.
 * anchor may be NULL.
 */
int verify(const char *dir, const struct verify_anchor *anchor,
	   struct verify_result *ret);
