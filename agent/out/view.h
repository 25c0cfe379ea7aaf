/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal frames -> unpacked records with their process and its ancestors, for
 * everything that shows or ships them. Remembers the images described in a
 * segment, in bounded memory.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "event.pb-c.h"
#include "store/reader.h"

struct view_images;

int view_images_new(struct view_images **ret);
/*
 * For callers that only need events: amendments show nothing of their event,
 * and no memory is spent on that.
 */
int view_images_new_brief(struct view_images **ret);
void view_images_free(struct view_images *v);

/*
 * An amendment shows its event if that is fewer than this many numbers before
 * it, and never otherwise. So a reader that begins this much earlier shows the
 * same as one that has always been reading, and a record that is shipped twice
 * is the same both times.
 */
#define VIEW_AMENDABLE_SPAN 8192

/* The event that an amendment names. Valid until the next view_take. */
struct view_amended {
	bool known; /* false: not remembered, nothing below is set */
	bool alert;
	Picket__V1__Kind kind;
	struct slice path; /* of a write; its front may be cut */
	bool path_cut;
};

/*
 * One numbered record. Event, amendment and gap are owned by the view; image
 * belongs to view_images and is valid until the next view_take.
 *
 * view_take has checked: an event has the member of its kind and no other, a
 * write has a path, a connect a peer; an amendment has one member, or none
 * that is known here; an address has 4 or 16 bytes, a port 16 bits; there are
 * at most three stdio. Enum values may be a newer picket's: look them up with
 * a bound.
 */
struct view {
	uint8_t journal[16];
	uint32_t epoch;
	uint64_t seq;
	uint64_t seq_end; /* gap: first number after it */
	bool missing;	  /* a gap made by the reader: trimmed or damaged */
	int64_t wall_ns;
	Picket__V1__Event *event; /* exactly one of these three */
	Picket__V1__Amendment *amendment;
	Picket__V1__Gap *gap;
	/*
	 * Who acted (amendment: in the event it names); NULL: none or unknown.
	 */
	const Picket__V1__Image *image;
	struct view_amended amended;
};

/*
 * Take one frame. 1: *ret is a record, release it with view_done; 0: it was a
 * description or seal; -EBADMSG: the payload is not valid; -ENOMEM.
 */
int view_take(struct view_images *v, const uint8_t *journal_id,
	      const struct reader_frame *frame, struct view *ret);
void view_done(struct view *v);

/* Is it an event with a pending verdict? Never for the canary's. */
bool view_is_pending(const struct view *v);

/* Does this amendment name an event that view_take would still know? */
bool view_may_amend(const struct view_images *v,
		    const struct reader_frame *amendment, uint64_t epoch,
		    uint64_t seq);

/* The image with this id in the current segment, or NULL. */
const Picket__V1__Image *view_image(const struct view_images *v, uint64_t id);

/*
 * "<journal hex>.<epoch>.<seq>": the permanent name of a record. A gap made by
 * the reader is named by both ends ("….<seq>-<last>"), because its first number
 * may already have named an event.
 */
#define VIEW_UID_MAX 96
const char *view_uid(const struct view *v, char buf[static VIEW_UID_MAX]);
