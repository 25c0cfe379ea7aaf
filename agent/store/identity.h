/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which journal a directory holds, and which of its files are to be believed:
 * they may be another journal's, or be written by somebody who knows the format
 * and says the largest number there is, which would leave none to go on with.
 */
#pragma once

#include "store/dir.h"

/*
 * Fill in l->whose and l->heads. The journal: that of most segments, where the
 * state counts as one more if a segment says the same; of as many the state's,
 * else the younger's. No segment can be read: the state's. The numbers: what
 * lies far above most of them is a lie. Nothing to go by: l->whose.is_known
 * stays false. Heads that are there and were ours are not read again. 0;
 * -ENOMEM, -EMFILE or -ENFILE: files could not be asked now, and are not judged
 * as if they were damaged.
 */
int identity_find(int dirfd, struct dir_list *l);

/* Is it of that journal? Whatever it is, where nothing is known. */
bool identity_has(const struct identity *o, const uint8_t *id);
/* ... and to be believed. */
bool identity_takes(const struct identity *o,
		    const struct journal_segment_header *h);
bool identity_takes_state(const struct identity *o, const struct state *st);
