/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptions that nobody has asked for yet: of a hundred programs that run
 * not one is in the log of alerts, so what tells of them waits here as it came
 * and is looked at when something is to be said, all of it and in its order.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "out/view.h"
#include "store/reader.h"

struct set_aside {
	struct buf frames;
	uint64_t segment; /* of all of them: another's are of no use any more */
};

void set_aside_init(struct set_aside *s);
void set_aside_done(struct set_aside *s);

/* A description or a seal. False: there is no room, hand them out. */
bool set_aside_put(struct set_aside *s, const struct reader_frame *f);

/*
 * To `images`, and none is left here. One that cannot be understood is as one
 * that is not known. 0, or -ENOMEM.
 */
int set_aside_hand_out(struct set_aside *s, const uint8_t *journal_id,
		       struct view_images *images);
