/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The images that the records of one batch refer to, packed once each. A
 * batch that is split takes from it what its part needs.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "out/view.h"

struct image_set;

int image_set_new(struct image_set **ret);
void image_set_free(struct image_set *s);
void image_set_reset(struct image_set *s);

/* What one record refers to. */
struct image_refs {
	uint32_t first, n;
};

/*
 * The image and its line (parents, and what each ran before), bounded.
 * 1: *ret are its references; 0: does not go into this set, because there is
 * no room or because another image has the same number (the agent was
 * restarted): the record needs a batch of its own; -errno.
 */
int image_set_add(struct image_set *s, const struct view_images *images,
		  const Picket__V1__Image *img, struct image_refs *ret);

/* Bytes of all that was added, as they stand in a batch. */
size_t image_set_bytes(const struct image_set *s);

/*
 * Append those that the refs name, each once over all calls since
 * image_set_begin, behind `tag` and their length.
 */
void image_set_begin(struct image_set *s);
void image_set_put(struct image_set *s, struct image_refs refs, uint8_t tag,
		   struct buf *out);
