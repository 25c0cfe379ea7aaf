/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptions that have not been needed yet. Hardly any program appears in the
 * log of alerts, so their frames wait here undecoded, and are decoded, all and
 * in order, only when a line is to be printed.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "out/view.h"
#include "store/reader.h"

struct set_aside {
	struct buf frames;
	uint64_t segment; /* of all of them; those of another are dropped */
};

void set_aside_init(struct set_aside *s);
void set_aside_done(struct set_aside *s);

/* Add a description or a seal. False: no room, hand them out first. */
bool set_aside_put(struct set_aside *s, const struct reader_frame *f);

/*
 * Decode all into `images` and forget them. One that cannot be decoded is
 * skipped. 0 or -ENOMEM.
 */
int set_aside_hand_out(struct set_aside *s, const uint8_t *journal_id,
		       struct view_images *images);
