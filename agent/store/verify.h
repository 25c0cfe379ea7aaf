/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a journal as its writer left it? Checks every frame, every number and
 * every link of the chain of seals, up to the last seal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/anchor.h"

enum verify_kind {
	VERIFY_EDITED,	  /* bytes are not those that were sealed */
	VERIFY_REMOVED,	  /* frames or segments are gone from the middle */
	VERIFY_REORDERED, /* they are there, in another order */
	VERIFY_TRUNCATED, /* a segment, or the journal, ends too early */
	VERIFY_REPLACED,  /* another journal stands in its place */
	VERIFY_LOST,	  /* the writer itself lost something and went on */
	VERIFY_KIND_COUNT,
};

/* edited, removed, reordered, truncated, replaced, lost. */
const char *verify_kind_name(enum verify_kind kind);

struct verify_finding {
	enum verify_kind kind;
	uint64_t segment;
	uint64_t from, to;	      /* offsets in it; to 0: not known */
	uint64_t first_seq, last_seq; /* affected numbers; 0: not known */
	const char *what;	      /* one line, constant */
};

#define VERIFY_FINDINGS_MAX 64

struct verify_result {
	uint64_t segments, frames, seals;
	uint64_t first_seq; /* of the oldest segment */
	bool has_seal;
	struct anchor newest; /* the newest seal: the next anchor */
	uint64_t unsealed;    /* numbered frames after it, not verified */
	bool trimmed;	      /* older segments were deleted */
	/*
	 * The writer closed it. Otherwise it is still being written, or was cut
	 * off; only an anchor can show that something after the end is gone.
	 */
	bool closed;
	bool anchor_found;
	uint64_t n_findings; /* all of them; findings has the first ones */
	struct verify_finding findings[VERIFY_FINDINGS_MAX];
};

struct verify_options {
	const struct anchor *anchor; /* or NULL */
	/* Called now and then with bytes read and bytes in all; or NULL. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
};

/*
 * 0: checked, and *ret has the findings; -errno: it could not be checked.
 * options may be NULL. The journal may be written meanwhile: only what is
 * sealed when this begins is verified, and segments trimmed meanwhile are no
 * finding.
 */
int verify(const char *dir, const struct verify_options *options,
	   struct verify_result *ret);
