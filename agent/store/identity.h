/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which journal a directory holds, and which of its files are to be believed:
 * they may be another journal's, or be written by somebody who knows the format
 * and says the largest number there is, which would leave none to go on with.
 */
#pragma once

#include "store/dir.h"

/*
 * Fill in l->whose. The journal: what `state` says is believed if a segment
 * says the same, or none can be read; else most segments are right, and of as
 * many the younger. The numbers: what lies far above most of them is a lie.
 * Nothing to go by: l->whose.is_known stays false. 0, or -ENOMEM.
 */
int identity_find(int dirfd, struct dir_list *l);

/* The same, anew from the directory. 0, or -errno. */
int identity_of(int dirfd, struct identity *ret);

/* Is it of that journal? Whatever it is, where nothing is known. */
bool identity_has(const struct identity *o, const uint8_t *id);
/* ... and to be believed. */
bool identity_takes(const struct identity *o,
		    const struct journal_segment_header *h);
bool identity_takes_state(const struct identity *o, const struct state *st);
