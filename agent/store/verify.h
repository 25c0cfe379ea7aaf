/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a journal what its writer left? Checks every frame, every number and
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
	VERIFY_LOST,	  /* the writer itself met a loss and went on */
	VERIFY_KIND_COUNT,
};

/* edited, removed, reordered, truncated, replaced, lost. */
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
	uint64_t first_seq; /* the oldest number that can be there */
	bool has_seal;
	struct anchor newest; /* the newest seal: the next anchor */
	uint64_t unsealed;    /* numbered frames behind it, not judged */
	bool trimmed;	      /* older segments existed once */
	/*
	 * The writer closed it. If not, it writes still, or was cut off: then
	 * what stood behind the end that is left, an anchor alone can tell.
	 */
	bool closed;
	bool anchor_found;
	uint64_t n_findings; /* all; the first of them are here: */
	struct verify_finding findings[VERIFY_FINDINGS_MAX];
};

/* What may be asked for besides. */
struct verify_options {
	const struct anchor *anchor; /* NULL: none was kept */
	/* Now and then: bytes that were read, of about so many; or NULL. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
};

/*
 * 0: checked, what was found is in *ret; -errno: it could not be checked.
 * options may be NULL. The journal may be written meanwhile: what is sealed
 * when this begins is judged, and segments that are trimmed are not missed.
 */
int verify(const char *dir, const struct verify_options *options,
	   struct verify_result *ret);
