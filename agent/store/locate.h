/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in a journal's directory a number is. The lists know whose they are, and
 * which of their headers may be searched (identity_find).
 */
#pragma once

#include <stdint.h>

#include "store/cursor.h"
#include "store/dir.h"

/*
 * The index of the youngest segment in order with a first sequence <= seq, by
 * its header and by its frames; 0 if there is none.
 */
size_t locate_seq(int dirfd, const struct dir_list *l, uint64_t seq);

/*
 * The number that a reader goes on with behind a cursor; 0: the cursor is of
 * another journal.
 */
uint64_t locate_cursor(const struct dir_list *l, const struct cursor *c);

/* The number that comes next in this journal as it is now; 0: none yet. */
int locate_next(int dirfd, const struct dir_list *l, uint64_t *ret);
