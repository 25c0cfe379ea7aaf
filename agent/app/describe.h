/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes descriptions of images to the journal: each once per segment, after
 * its ancestors, and without the secrets that the policy names.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "event.h"

struct journal;
struct likes;
struct redactor;
struct redact_key;

struct describer {
	struct journal *journal;
	struct likes *likes;
	const struct redactor *redactor; /* NULL: nothing is secret */
	const struct redact_key *key;
	struct buf *packed, *redacted; /* scratch, overwritten */
	int64_t wall_ns;
};

/*
 * Make sure that `segment` (the one that the next frames go into) describes
 * img and its ancestors. If the journal refuses one, it is tried again with the
 * next event.
 */
void describe_image(const struct describer *d, uint64_t segment,
		    struct image *img);
