/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One frame after the other: are the numbers without holes, and are the bytes
 * between two seals what the second seal says? A finding explains the whole
 * link that it is in; what else is wrong with that link is not told again.
 */
#include <errno.h>
#include <string.h>

#include "store/verify_parts.h"

/* What is wrong with one frame. */
static void find_frame(struct check *c, const struct scan_hit *hit,
		       enum verify_kind kind, const char *what)
{
	verify_find(c, (struct verify_finding){
			       .kind = kind,
			       .segment = c->segment,
			       .from = hit->off,
			       .to = hit->off + hit->size,
			       .first_seq = hit->frame.seq,
			       .last_seq = hit->frame.seq_end - 1,
			       .what = what,
		       });
}

/*
 * A number that comes too late: what looked removed is only elsewhere.
 * Within a segment; the finding is looked for among the kept ones.
 */
static void came_late(struct check *c, const struct scan_hit *hit)
{
	struct verify_result *r = c->out;
	struct verify_finding *f;
	size_t i;

	for (i = 0; i < r->n_findings && i < VERIFY_FINDINGS_MAX; i++) {
		f = &r->findings[i];
		if ((f->kind == VERIFY_REMOVED ||
		     f->kind == VERIFY_REORDERED) &&
		    hit->frame.seq >= f->first_seq &&
		    hit->frame.seq <= f->last_seq) {
			f->kind = VERIFY_REORDERED;
			f->what =
				"frames are not in the order of their numbers";
			c->explained = true;
			return;
		}
	}
	find_frame(c, hit, VERIFY_REORDERED, "a number that was there before");
}

/* What the last gap stands for is there: the gap lies, and that once. */
static bool is_in_gap(struct check *c, const struct frame *f)
{
	const struct scan_hit *gap = &c->gap;

	if (f->seq <= gap->frame.seq || f->seq >= gap->frame.seq_end)
		return false;
	find_frame(c, gap, VERIFY_EDITED, "a gap of numbers that are there");
	c->gap = (struct scan_hit){ .off = 0 };
	c->next = f->seq_end;
	return true;
}

void verify_number(struct check *c, const struct scan_hit *hit)
{
	const struct frame *f = &hit->frame;
	struct verify_finding gone = {
		.kind = hit->skipped ? VERIFY_EDITED : VERIFY_REMOVED,
		.segment = c->segment,
		.from = hit->off - hit->skipped,
		.to = hit->off,
		.first_seq = c->next,
		.last_seq = f->seq - 1,
		.what = hit->skipped ? "bytes that are no frame"
				     : "numbers are skipped",
	};

	c->out->frames++;
	if (!f->seq) {
		gone.first_seq = gone.last_seq = 0;
		if (hit->skipped) {
			c->no_frame = c->out->n_findings;
			c->has_no_frame = true;
			verify_find(c, gone);
		}
		return;
	}
	segment_times_add(&c->times, f->wall_ns);
	if (f->wall_ns < c->link_earliest_ns)
		c->link_earliest_ns = f->wall_ns;
	if (c->next && f->seq < c->next) {
		if (!is_in_gap(c, f))
			came_late(c, hit);
		return;
	}
	if (f->type == JOURNAL_GAP)
		c->gap = *hit;
	if (hit->skipped && f->seq == c->next)
		gone.first_seq = gone.last_seq = 0;
	if (!hit->skipped && c->has_no_frame &&
	    c->no_frame < VERIFY_FINDINGS_MAX && c->next && f->seq > c->next) {
		/* The bytes before the description between: it is they. */
		c->out->findings[c->no_frame].first_seq = gone.first_seq;
		c->out->findings[c->no_frame].last_seq = gone.last_seq;
	} else if (hit->skipped || (c->next && f->seq > c->next)) {
		verify_find(c, gone);
	}
	c->has_no_frame = false;
	c->next = f->seq_end;
	c->out->unsealed++;
}

/* Of the link that is open, up to `to`. */
int verify_link_sha(struct check *c, uint64_t to,
		    uint8_t ret[static JOURNAL_SHA_SIZE])
{
	uint64_t from = c->link;
	char buf[32768];
	size_t want;
	int n;

	to = segment_link_end(from, to);
	sha_start(c->sha);
	for (; from < to; from += (uint64_t)n) {
		want = to - from < sizeof(buf) ? (size_t)(to - from)
					       : sizeof(buf);
		n = segment_pread(c->scan.fd, buf, want, from);
		if (n < 0)
			return n;
		if (!n)
			break;
		sha_add(c->sha, buf, (size_t)n);
	}
	sha_end(c->sha, ret);
	return 0;
}

int verify_try_anchor(struct check *c, uint64_t at)
{
	const struct anchor *a = c->anchor;
	uint8_t sha[JOURNAL_SHA_SIZE];
	int r;

	if (!a || c->out->anchor_found || c->next != a->seq + 1)
		return 0;
	r = verify_link_sha(c, at, sha);
	if (r >= 0 && !memcmp(sha, a->sha, sizeof(sha)))
		c->out->anchor_found = true;
	return r;
}

int verify_seal(struct check *c, const struct scan_hit *hit)
{
	struct journal_seal seal = frame_seal(&hit->frame);
	uint8_t sha[JOURNAL_SHA_SIZE];
	struct verify_finding f = {
		.segment = c->segment,
		.from = c->link,
		.to = hit->off,
	};
	bool same = hit->off - c->link <= JOURNAL_LINK_MAX;
	int r = 0;

	/* What is known to be damaged proves nothing more. */
	if (!c->explained && same)
		r = verify_link_sha(c, hit->off, sha);
	if (r < 0)
		return r;
	same = same && !c->explained && !memcmp(sha, seal.sha, sizeof(sha));
	if (c->next && seal.last_seq >= c->next) {
		f.kind = VERIFY_REMOVED;
		f.first_seq = c->next;
		f.last_seq = seal.last_seq;
		f.what = "numbers that the seal covers are gone";
		if (!c->explained)
			verify_find(c, f);
		c->next = seal.last_seq + 1;
	} else if (!same && !c->explained) {
		f.kind = VERIFY_EDITED;
		f.what = seal.previous != c->link
				 ? "a seal is gone"
				 : "bytes are not what the seal says";
		verify_find(c, f);
	} else if (!c->explained && !verify_seal_says(c, &hit->frame)) {
		f.kind = VERIFY_EDITED;
		f.from = hit->off;
		f.to = hit->off + hit->size;
		f.what = "the seal says what is not so";
		verify_find(c, f);
	}
	c->out->seals++;
	c->out->has_seal = true;
	c->out->newest.epoch = c->epoch;
	c->out->newest.seq = seal.last_seq;
	memcpy(c->out->newest.sha, seal.sha, sizeof(seal.sha));
	c->out->unsealed = 0;
	c->link = hit->off;
	c->link_earliest_ns = INT64_MAX;
	c->explained = false;
	c->clean = seal.flags & JOURNAL_SEAL_CLEAN;
	c->final = seal.flags & JOURNAL_SEAL_END && !c->clean;
	c->sealed_findings = c->out->n_findings;
	return 0;
}
