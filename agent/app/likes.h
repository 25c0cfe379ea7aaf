/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache of recent descriptions, so that another image of the same program can
 * be described by its differences (out/like.h). Of fixed size.
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
 * What to journal for img, whose packed bytes are `whole`: either those, or the
 * differences from an image that `segment` (as journal_segment returned it)
 * already describes. Valid until the next call; borrowed from `whole` or l.
 */
struct slice likes_shorten(struct likes *l, uint64_t segment,
			   const struct image *img,
			   const struct like_whole *whole);

/* The journal took what the last call returned: later ones may refer to it. */
void likes_kept(struct likes *l);
