/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where one thing ends and another begins: segment and segment, the journal
 * and what its state says, the journal and what somebody kept of it. The one
 * idea: the chain says that something is not as it was, the numbers on both
 * sides say what.
 */
#include <errno.h>
#include <string.h>

#include "store/verify_parts.h"

/* A segment ends in a seal: less than one, in its place, is a part of it. */
#define SEAL_SIZE (FRAME_HEADER + sizeof(struct journal_seal))

static const char odd_header[] = "the header is not that of its frames";

void verify_border(struct check *c, const struct journal_segment_header *h)
{
	bool same = !memcmp(h->previous_sha, c->before, sizeof(c->before));
	bool lost = h->first_seq > c->next;
	struct verify_finding f = {
		.segment = c->segment,
		.from = c->before_end - c->rest,
		.first_seq = lost ? c->next : 0,
		.last_seq = lost ? h->first_seq - 1 : 0,
	};

	if (!c->next)
		return;
	if (!c->has_before && lost) {
		f.kind = VERIFY_EDITED;
		f.what = "segments that cannot be read";
	} else if (h->first_seq < c->next && h->epoch <= c->epoch) {
		f.kind = VERIFY_REORDERED;
		f.segment = h->number;
		f.from = 0;
		f.what = "numbers go back";
	} else if (!c->has_before || (same && !lost && !c->rest)) {
		return;
	} else if (same) {
		f.kind = VERIFY_LOST;
		f.to = c->before_end;
		f.what = lost ? "numbers that the writer could not find again"
			      : "a torn tail that the writer left in place";
	} else if (h->number != c->segment + 1) {
		f.kind = VERIFY_REMOVED;
		f.what = "segments are gone";
	} else if (c->odd_header) {
		f.kind = VERIFY_EDITED;
		f.from = 0;
		f.to = JOURNAL_HEADER_AREA;
		f.what = odd_header;
	} else if (lost || (!c->ends_in_seal && c->rest < SEAL_SIZE)) {
		f.kind = VERIFY_TRUNCATED;
		f.what = "the segment ends too early";
	} else {
		f.kind = VERIFY_EDITED;
		f.from = c->link;
		f.to = c->before_end;
		f.what = "the end of the segment is not what it was";
	}
	verify_find(c, f);
}

bool verify_seal_says(const struct check *c, const struct frame *seal)
{
	const struct journal_seal s = frame_seal(seal);

	/* Behind damage neither places nor times are what they were. */
	if (c->out->n_findings > c->border_findings)
		return true;
	if (s.previous != c->link || (c->next && s.last_seq + 1 < c->next))
		return false;
	if (seal->payload.n < sizeof(s))
		return true;
	return s.earliest_ns == c->times.earliest_ns &&
	       s.latest_ns == c->times.latest_ns &&
	       (!s.link_earliest_ns ||
		s.link_earliest_ns == c->link_earliest_ns);
}

void verify_state(struct check *c, const struct state *before)
{
	struct verify_finding f = {
		.kind = VERIFY_TRUNCATED,
		.segment = c->segment,
		.from = c->before_end,
		.first_seq = c->next,
		.what = "the journal ends before what its state says",
	};
	struct state st = *before, now;

	if (state_load(c->dirfd, &now) < 0 || now.segment != st.segment ||
	    now.epoch != st.epoch || !now.clean)
		st.clean = false;
	f.last_seq = st.seq - 1;
	if (st.seq > c->next) {
		if (c->odd_header) {
			f.kind = VERIFY_EDITED;
			f.from = 0;
			f.to = JOURNAL_HEADER_AREA;
			f.what = odd_header;
		}
		verify_find(c, f);
	} else if (st.clean && c->rest) {
		f.kind = VERIFY_EDITED;
		f.from = c->before_end - c->rest;
		f.to = c->before_end;
		f.first_seq = f.last_seq = 0;
		f.what = "bytes behind the seal that closed the journal";
		verify_find(c, f);
	} else if (st.clean && (!c->clean || !c->ends_in_seal ||
				st.segment != c->segment)) {
		f.first_seq = f.last_seq = 0;
		f.what = "the seal that closed the journal is gone";
		verify_find(c, f);
	}
}

void verify_oldest(struct check *c)
{
	if (!c->floor || c->oldest <= c->floor)
		return;
	verify_find(c, (struct verify_finding){
			       .kind = VERIFY_REMOVED,
			       .segment = c->floor,
			       .last_seq = c->out->first_seq
						   ? c->out->first_seq - 1
						   : 0,
			       .what = "the oldest segments are gone, and not "
				       "by the journal's bounds",
		       });
}

void verify_no_state(struct check *c, int error)
{
	struct verify_finding f = {
		.kind = VERIFY_REMOVED,
		.what = "the state, which says where the journal ends",
	};

	if (error == -EBADMSG) {
		f.kind = VERIFY_EDITED;
		f.what = "the state is not what the writer wrote";
	} else if (error == -ESTALE) {
		f.kind = VERIFY_REPLACED;
		f.what = "the state is another journal's";
	}
	verify_find(c, f);
}

void verify_anchor(struct check *c)
{
	const struct anchor *a = c->anchor;
	struct verify_finding f = { .first_seq = a->seq, .last_seq = a->seq };

	if (c->out->anchor_found)
		return;
	if (!identity_has(&c->whose, a->journal)) {
		f.kind = VERIFY_REPLACED;
		f.first_seq = f.last_seq = 0;
		f.what = "the anchor is of another journal";
	} else if (a->seq > c->out->newest.seq) {
		f.kind = VERIFY_TRUNCATED;
		f.segment = c->segment;
		f.first_seq = c->out->newest.seq + 1;
		f.what = "the journal ends before the anchor";
	} else if (a->seq < c->out->first_seq) {
		f.kind = VERIFY_REMOVED;
		f.what = "the anchor is older than the oldest segment: "
			 "trimmed, or removed";
	} else {
		f.kind = VERIFY_EDITED;
		f.what = "history up to the anchor is not what it was";
	}
	verify_find(c, f);
}
