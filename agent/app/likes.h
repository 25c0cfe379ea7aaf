/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache of recent descriptions, so that another image of the same program can
 * be described by its differences (out/like.h). Of fixed size.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "event.h"

struct likes;

int likes_new(struct likes **ret);
void likes_free(struct likes *l);

/*
 * Pack into `out`, which is empty, what to journal for img: all of it, or how it
 * differs from an image that `segment` (as journal_segment returned it) already
 * describes.
 */
void likes_pack(struct likes *l, uint64_t segment, const struct image *img,
		struct buf *out);

/* The journal took what the last call packed: later ones may refer to it. */
void likes_kept(struct likes *l);
