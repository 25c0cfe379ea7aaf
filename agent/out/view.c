// SPDX-License-Identifier: Apache-2.0
/*
 * Journal frames -> records that a reader can use.
 *
 * The idea: a segment stands alone, so what is remembered of it is one table
 * of the images described in it, forgotten as a whole when the next segment
 * begins. Payload is hostile: it is unpacked with an allocator that has a
 * budget, and what text, JSON and the shipper take for granted is checked
 * once, here.
 */
#include "out/view_part.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hex.h"
#include "base/table.h"

/* ---- records ------------------------------------------------------------ */

static int take_event(struct view_images *v, struct slice payload,
		      struct view *r)
{
	r->event = view_unpack(&picket__v1__event__descriptor, payload);
	if (!r->event || !view_event_fits(r->event))
		return -EBADMSG;
	/* Left out where it is the frame's. */
	if (!r->event->wall_ns)
		r->event->wall_ns = r->wall_ns;
	r->image = view_touch_line(v, r->event->image);
	view_remember_event(v, r);
	return 1;
}

/* By distance and not by what is held: see VIEW_AMENDABLE_SPAN. */
static const struct amendable *find_event(const struct view_images *v,
					  uint64_t amended_by,
					  const struct event_name *name)
{
	if (!v->events || name->seq >= amended_by ||
	    amended_by - name->seq >= VIEW_AMENDABLE_SPAN)
		return NULL;
	return table_get(v->events, name);
}

bool view_may_amend(const struct view_images *v,
		    const struct reader_frame *amendment, uint64_t epoch,
		    uint64_t seq)
{
	const struct event_name name = { .seq = seq, .epoch = epoch };

	return find_event(v, amendment->seq, &name);
}

static int take_amendment(struct view_images *v, struct slice payload,
			  struct view *r)
{
	struct event_name name = { 0 };
	const struct amendable *m;

	r->amendment = view_unpack(&picket__v1__amendment__descriptor, payload);
	if (!r->amendment || !view_amendment_fits(r->amendment))
		return -EBADMSG;
	if (!r->amendment->wall_ns)
		r->amendment->wall_ns = r->wall_ns;
	name.seq = r->amendment->seq;
	name.epoch = r->amendment->epoch;
	m = find_event(v, r->seq, &name);
	if (m) {
		r->image = view_touch_line(v, m->image);
		r->amended = (struct view_amended){
			.known = true,
			.alert = m->alert,
			.kind = (Picket__V1__Kind)m->kind,
			.path = slice_of(m->path, m->path_len),
			.path_cut = m->path_cut,
		};
	}
	return 1;
}

bool view_is_pending(const struct view *v)
{
	const Picket__V1__Event *e = v->event;

	return e && e->verdict && !e->canary &&
	       e->verdict->answer == PICKET__V1__ANSWER__ANSWER_PENDING;
}

/* Why: the payload is the journal's own struct, not protobuf. */
static const char *gap_reason(const struct reader_frame *frame)
{
	static const char *const reasons[] = {
		[JOURNAL_GAP_OVERFLOW] = "journal buffer full",
		[JOURNAL_GAP_TRIMMED] = "trimmed",
		[JOURNAL_GAP_DAMAGED] = "damaged",
	};
	struct journal_gap gap = { 0 };

	if (frame->payload.n >= sizeof(gap))
		memcpy(&gap, frame->payload.p, sizeof(gap));
	if (gap.reason < sizeof(reasons) / sizeof(*reasons) &&
	    reasons[gap.reason])
		return reasons[gap.reason];
	return "unknown";
}

static int take_gap(const struct reader_frame *frame, struct view *r)
{
	if (frame->seq_end <= frame->seq)
		return -EBADMSG;
	r->gap = malloc(sizeof(*r->gap));
	if (!r->gap)
		return -ENOMEM;
	picket__v1__gap__init(r->gap);
	r->gap->first_seq = frame->seq;
	r->gap->count = frame->seq_end - frame->seq;
	r->gap->reason = strdup(gap_reason(frame));
	return r->gap->reason ? 1 : -ENOMEM;
}

static void enter_segment(struct view_images *v, const uint8_t *journal_id,
			  uint64_t segment)
{
	if (v->begun && v->segment == segment &&
	    !memcmp(v->journal, journal_id, sizeof(v->journal)))
		return;
	view_forget_images(v);
	v->begun = true;
	v->segment = segment;
	memcpy(v->journal, journal_id, sizeof(v->journal));
}

/* The next run numbers its images anew, in the same segment maybe. */
static void take_seal(struct view_images *v, struct slice payload)
{
	struct journal_seal seal = { 0 };

	if (payload.n < JOURNAL_SEAL_LEAST)
		return;
	memcpy(&seal, payload.p, JOURNAL_SEAL_LEAST);
	if (seal.flags & JOURNAL_SEAL_CLEAN)
		view_forget_images(v);
}

int view_take(struct view_images *v, const uint8_t *journal_id,
	      const struct reader_frame *frame, struct view *ret)
{
	struct view r = {
		.epoch = frame->epoch,
		.seq = frame->seq,
		.seq_end = frame->seq_end,
		.missing = frame->flags & READER_MISSING,
		.wall_ns = frame->wall_ns,
	};
	int k;

	view_forget_live(v);
	/* A gap that the reader made is in no segment. */
	if (!r.missing)
		enter_segment(v, journal_id, frame->segment);
	memcpy(r.journal, journal_id, sizeof(r.journal));
	switch (frame->type) {
	case JOURNAL_DESCRIPTION:
		return view_take_description(v, frame->payload);
	case JOURNAL_EVENT:
		k = take_event(v, frame->payload, &r);
		break;
	case JOURNAL_AMENDMENT:
		k = take_amendment(v, frame->payload, &r);
		break;
	case JOURNAL_GAP:
		k = take_gap(frame, &r);
		break;
	case JOURNAL_SEAL:
		take_seal(v, frame->payload);
		return 0;
	default:
		return 0;
	}
	if (k < 0) {
		view_done(&r);
		return k;
	}
	*ret = r;
	return 1;
}

void view_done(struct view *v)
{
	view_free_message(v->event);
	view_free_message(v->amendment);
	view_free_message(v->gap);
	v->event = NULL;
	v->amendment = NULL;
	v->gap = NULL;
}

static char *add_number(char *at, char mark, uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	*at++ = mark;
	memcpy(at, digits + n, sizeof(digits) - n);
	return at + sizeof(digits) - n;
}

/* By hand: every record that is shipped or printed as JSON has one. */
const char *view_uid(const struct view *v, char buf[static VIEW_UID_MAX])
{
	char *at = buf + 2 * sizeof(v->journal);

	(void)hex_print(v->journal, sizeof(v->journal), buf);
	at = add_number(at, '.', v->epoch);
	at = add_number(at, '.', v->seq);
	if (v->missing)
		at = add_number(at, '-',
				v->seq_end > v->seq ? v->seq_end - 1 : v->seq);
	*at = '\0';
	return buf;
}
