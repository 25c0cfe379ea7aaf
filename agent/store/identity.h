/* SPDX-License-Identifier: Apache-2.0 */
/* Which journal a directory holds, where it holds segments of more than one. */
#pragma once

#include "store/dir.h"

/*
 * Fill in l->id and l->has_id. What `state` says is believed if a segment says
 * the same, or none can be read; else most segments are right, and of as many
 * the younger. Nothing to go by: l->has_id stays false.
 */
void identity_find(int dirfd, struct dir_list *l);

/* The same, anew from the directory: 1: *ret is filled in, 0, -errno. */
int identity_of(int dirfd, uint8_t ret[static JOURNAL_ID_SIZE]);
