/* SPDX-License-Identifier: Apache-2.0 */
/* Images into the journal: each once per segment, ancestors first. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "event.h"

struct journal;

/*
 * Make sure that `segment` (the one that the next frames go into) describes
 * img and its line. scratch is overwritten. What the journal refuses stays
 * undescribed and is tried again with the next event.
 */
void describe_image(struct journal *j, uint64_t segment, int64_t wall_ns,
		    struct image *img, struct buf *scratch);
