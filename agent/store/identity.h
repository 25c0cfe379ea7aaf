/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which journal a directory holds, and which of its files are credible. A file
 * may belong to another journal, or be forged by somebody who knows the format:
 * one with the largest possible number would leave none to go on with.
 */
#pragma once

#include "store/dir.h"

/*
 * Fill in l->whose and l->heads. The journal is the one that most segments
 * belong to; the state file counts as one more if a segment agrees with it. A
 * tie is decided by the state file, or else by the younger segment. If no
 * segment can be read it is the state file's, and if there is none,
 * l->whose.is_known stays false. Numbers far above most others are not
 * credible.
 *
 * Heads that were read before and were ours are not read again. 0; -ENOMEM,
 * -EMFILE or -ENFILE: files could not be opened now, which says nothing about
 * them.
 */
int identity_find(int dirfd, struct dir_list *l);

/* Does this id belong to the journal? Always true if nothing is known. */
bool identity_has(const struct identity *o, const uint8_t *id);
/* Does it belong to the journal, with credible numbers? */
bool identity_takes(const struct identity *o,
		    const struct journal_segment_header *h);
bool identity_takes_state(const struct identity *o, const struct state *st);
