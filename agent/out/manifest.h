/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ends every batch: which numbers it covers, how many records came of
 * them, which were withheld and why. Manifests of one journal follow each
 * other without a hole (the next one's first is this one's last plus one), so
 * whoever has them all can name every record that is missing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct tally;

enum manifest_reason {
	MANIFEST_SENT = 0,    /* not withheld at all */
	MANIFEST_DEAD_LETTER, /* the collector refuses it */
	MANIFEST_UNREADABLE,  /* payload that is not what its type says */
	MANIFEST_FILTERED,    /* not wanted by this destination */
	MANIFEST_EARLY,	      /* an alert that was sent before its turn */
	MANIFEST_REASON_COUNT,
};

/* "dead letter" … */
const char *manifest_reason_name(enum manifest_reason r);

struct manifest_range {
	uint64_t first, last;
	enum manifest_reason reason;
};

struct manifest {
	/*
	 * Of alerts sent before their turn: it says what came with it and
	 * covers no numbers. The one that does names each as withheld, so
	 * whoever has that one knows which to look for.
	 */
	bool is_early;
	uint8_t journal[16];
	uint32_t epoch;
	uint64_t first_seq, last_seq;
	uint64_t count; /* records in the batch, this one not */
	const struct manifest_range *withheld;
	size_t n_withheld;
	int64_t time_ns;	 /* of its newest record */
	uint64_t sealed_seq;	 /* newest seal: what it covers … */
	uint8_t seal_sha256[32]; /* … and its running hash */
	const struct tally *tally; /* NULL: nothing is known */
};

/* "<journal hex>.<epoch>.<first>-<last>.manifest", or "….early" */
#define MANIFEST_UID_MAX 112
const char *manifest_uid(const struct manifest *m,
			 char buf[static MANIFEST_UID_MAX]);

/* The line a person reads. */
void manifest_body(struct buf *out, const struct manifest *m);

/* "3-4 dead letter" */
#define MANIFEST_RANGE_MAX 80
const char *manifest_range_text(const struct manifest_range *r,
				char buf[static MANIFEST_RANGE_MAX]);

/* Append a packed picket.v1.Manifest; out->failed tells of a failure. */
void manifest_pack(struct buf *out, const struct manifest *m);
