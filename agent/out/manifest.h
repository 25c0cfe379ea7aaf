/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest at the end of every batch: which numbers the batch covers, how
 * many records it has, and which were withheld and why. The manifests of one
 * journal leave no hole (each begins with the number after the last of the one
 * before), so whoever has them all can name every record that is missing.
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
	 * A batch of alerts sent ahead of their turn: it covers no numbers.
	 * The later manifest that covers theirs lists each as withheld.
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
