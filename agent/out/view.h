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
/*
 * For whoever looks at events alone: an amendment shows nothing of its event,
 * and no memory is spent on that.
 */
int view_images_new_brief(struct view_images **ret);
void view_images_free(struct view_images *v);

/*
 * An amendment shows of the event that it names what is remembered, and that
 * is everything fewer than this many numbers before it and nothing else: so
 * a reader that begins this far ahead says the same of an amendment as one
 * that read on from there, and what is shipped twice is the same twice.
 */
#define VIEW_AMENDABLE_SPAN 8192

/* Of the event that an amendment names. Good until the next view_take. */
struct view_amended {
	bool known; /* false: nothing below was seen */
	bool alert;
	Picket__V1__Kind kind;
	struct slice path; /* of a write; its front may be cut */
	bool path_cut;
};

/*
 * One numbered record, understood. Event, amendment and gap are owned by the
 * view; image belongs to view_images and is good until the next view_take.
 *
 * What view_take has checked, so that nobody else must: an event holds its
 * kind's member and no other's, a write its path, a connect its peer; an
 * amendment holds one member, or none that is known here; an address is 4 or
 * 16 bytes, a port 16 bits; at most three stdio. Enum values may be from
 * a newer picket: look them up with a bound.
 */
struct view {
	uint8_t journal[16];
	uint32_t epoch;
	uint64_t seq;
	uint64_t seq_end; /* gap: first number after it */
	bool missing;	  /* gap made by the reader: trimmed or damaged */
	int64_t wall_ns;
	Picket__V1__Event *event; /* exactly one of these three */
	Picket__V1__Amendment *amendment;
	Picket__V1__Gap *gap;
	/* Who acted (amendment: in the event it names); NULL: none or unknown. */
	const Picket__V1__Image *image;
	struct view_amended amended;
};

/*
 * Take one frame. 1: *ret is a record, until view_done; 0: a description or
 * seal, nothing to show; -EBADMSG: payload that is not what its type says.
 */
int view_take(struct view_images *v, const uint8_t *journal_id,
	      const struct reader_frame *frame, struct view *ret);
void view_done(struct view *v);

/* An event whose verdict is pending; the canary's is nobody's to wait for. */
bool view_is_pending(const struct view *v);

/* Of an amendment: is the event that it names one that is remembered? */
bool view_may_amend(const struct view_images *v,
		    const struct reader_frame *amendment, uint64_t epoch,
		    uint64_t seq);

/* The image with this id in the current segment, or NULL. */
const Picket__V1__Image *view_image(const struct view_images *v, uint64_t id);

/*
 * "<journal hex>.<epoch>.<seq>": the record's name for good. A gap that the
 * reader made is named by both its ends ("….<seq>-<last>"): its first number
 * may have been an event's already.
 */
#define VIEW_UID_MAX 96
const char *view_uid(const struct view *v, char buf[static VIEW_UID_MAX]);
