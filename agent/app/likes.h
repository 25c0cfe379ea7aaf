/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was described lately, so that another image of the same program can be
 * told by what differs from it (out/like.h). Of fixed size.
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "event.h"
#include "out/like.h"

struct likes;

int likes_new(struct likes **ret);
void likes_free(struct likes *l);

/*
 * What to put into the journal for `whole`, the packed img, of any size:
 * itself, or what differs from one that `segment` (as journal_segment gave it)
 * describes. Borrowed from `whole` or from l; until the next call.
 */
struct slice likes_shorten(struct likes *l, uint64_t segment,
			   const struct image *img,
			   const struct like_whole *whole);

/* The journal took what the last call returned: others may be like it. */
void likes_kept(struct likes *l);
