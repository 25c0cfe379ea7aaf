/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal frames -> unpacked records with their process and its line of
 * ancestors, for everything that shows or ships them. Remembers the images
 * described in a segment; bounded.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "event.pb-c.h"
#include "store/reader.h"

struct view_images;

int view_images_new(struct view_images **ret);
void view_images_free(struct view_images *v);

/* One numbered record, understood. Everything is owned by the view. */
struct view {
	uint8_t journal[16];
	uint32_t epoch;
	uint64_t seq;
	uint64_t seq_end;	/* gap: first number after it */
	bool missing;		/* gap made by the reader: trimmed or damaged */
	int64_t wall_ns;
	Picket__V1__Event *event;	/* exactly one of these three */
	Picket__V1__Amendment *amendment;
	Picket__V1__Gap *gap;
	const Picket__V1__Image *image;	/* who acted; NULL: none or unknown */
};

/*
 * Take one frame. 1: *ret is a record, until view_done; 0: a description or
 * seal, nothing to show; -EBADMSG: payload that is not what its type says.
 */
int view_take(struct view_images *v, const uint8_t *journal_id,
	      const struct reader_frame *frame, struct view *ret);
void view_done(struct view *v);

/* The image with this id in the current segment, or NULL. */
const Picket__V1__Image *view_image(const struct view_images *v, uint64_t id);

/* "<journal hex>.<epoch>.<seq>": the record's name for good. */
#define VIEW_UID_MAX 72
const char *view_uid(const struct view *v, char buf[static VIEW_UID_MAX]);
