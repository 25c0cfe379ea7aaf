/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proving a journal. The one idea: each link of the chain covers the bytes
 * between two seals and is checked alone, so a change is found where it was
 * made and does not hide another; what is found is then named by what the
 * numbers say about it.
 */
#include "store/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/dir.h"
#include "store/scan.h"
#include "store/segment.h"

static const char *const kind_names[] = {
	[VERIFY_EDITED] = "edited",	  [VERIFY_REMOVED] = "removed",
	[VERIFY_REORDERED] = "reordered", [VERIFY_TRUNCATED] = "truncated",
	[VERIFY_LOST] = "lost",
};
_Static_assert(sizeof(kind_names) / sizeof(*kind_names) == VERIFY_KIND_COUNT,
	       "each kind has a name");

/* A segment ends in a seal: less than one, in its place, is a part of it. */
#define SEAL_SIZE (FRAME_HEADER + sizeof(struct journal_seal))

struct check {
	int dirfd;
	struct sha *sha;
	const struct verify_anchor *anchor;
	struct verify_result *out;
	struct scan scan;
	uint64_t next;	   /* number that comes; 0: not known */
	uint64_t link;	   /* offset where the open link begins */
	bool explained;	   /* the open link has a finding already */
	bool ends_in_seal; /* nothing stands behind the last seal */
	bool has_before;   /* `before` is the end of the last segment */
	uint64_t segment;  /* its number */
	uint32_t epoch;
	uint8_t before[JOURNAL_SHA_SIZE];
	uint64_t before_end;
	uint64_t rest;		  /* bytes at its end that are no frame */
	bool clean;		  /* the last seal said so */
	uint64_t sealed_findings; /* how many there were at the last seal */
};

const char *verify_kind_name(enum verify_kind kind)
{
	return kind_names[kind];
}

static void find(struct check *c, struct verify_finding f)
{
	struct verify_result *r = c->out;

	if (r->n_findings < VERIFY_FINDINGS_MAX)
		r->findings[r->n_findings] = f;
	r->n_findings++;
	c->explained = true;
}

static int sha_range(struct check *c, uint64_t from, uint64_t to,
		     uint8_t ret[JOURNAL_SHA_SIZE])
{
	char buf[32768];
	size_t want;
	int n;

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
	find(c, (struct verify_finding){
			.kind = VERIFY_REORDERED,
			.segment = c->segment,
			.from = hit->off,
			.to = hit->off + hit->size,
			.first_seq = hit->frame.seq,
			.last_seq = hit->frame.seq_end - 1,
			.what = "a number that was there before",
		});
}

static void check_number(struct check *c, const struct scan_hit *hit)
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
		if (hit->skipped)
			find(c, gone);
		return;
	}
	if (c->next && f->seq < c->next) {
		came_late(c, hit);
		return;
	}
	if (hit->skipped && f->seq == c->next)
		gone.first_seq = gone.last_seq = 0;
	if (hit->skipped || (c->next && f->seq > c->next))
		find(c, gone);
	c->next = f->seq_end;
	c->out->unsealed++;
}

static int check_seal(struct check *c, const struct scan_hit *hit)
{
	struct journal_seal seal = frame_seal(&hit->frame);
	uint8_t sha[JOURNAL_SHA_SIZE];
	struct verify_finding f = {
		.segment = c->segment,
		.from = c->link,
		.to = hit->off,
	};
	int r;

	r = sha_range(c, c->link, hit->off, sha);
	if (r < 0)
		return r;
	if (c->next && seal.last_seq >= c->next) {
		f.kind = VERIFY_REMOVED;
		f.first_seq = c->next;
		f.last_seq = seal.last_seq;
		f.what = "numbers that the seal covers are gone";
		if (!c->explained)
			find(c, f);
		c->next = seal.last_seq + 1;
	} else if (memcmp(sha, seal.sha, sizeof(sha)) && !c->explained) {
		f.kind = VERIFY_EDITED;
		f.what = seal.previous != c->link
				 ? "a seal is gone"
				 : "bytes are not what the seal says";
		find(c, f);
	}
	if (c->anchor && c->anchor->seq == seal.last_seq &&
	    !memcmp(c->anchor->sha, seal.sha, sizeof(sha)) &&
	    !memcmp(sha, seal.sha, sizeof(sha)))
		c->out->anchor_found = true;
	c->out->seals++;
	c->out->sealed_seq = seal.last_seq;
	memcpy(c->out->sealed_sha, seal.sha, sizeof(seal.sha));
	c->out->unsealed = 0;
	c->link = hit->off;
	c->explained = false;
	c->clean = seal.flags & JOURNAL_SEAL_CLEAN;
	c->sealed_findings = c->out->n_findings;
	return 0;
}

/* Both copies are the same bytes, or one of them was changed. */
static int check_copies(struct check *c)
{
	uint8_t area[JOURNAL_HEADER_AREA];
	const size_t half = sizeof(area) / 2;
	int n;

	n = segment_pread(c->scan.fd, area, sizeof(area), 0);
	if (n < 0)
		return n;
	if ((size_t)n < sizeof(area) || memcmp(area, area + half, half))
		find(c, (struct verify_finding){
				.kind = VERIFY_EDITED,
				.segment = c->segment,
				.to = sizeof(area),
				.what = "the two headers differ",
			});
	return 0;
}

/* Does this segment go on where the one before it ended? */
static void check_border(struct check *c,
			 const struct journal_segment_header *h)
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
	} else if (lost || (!c->ends_in_seal && c->rest < SEAL_SIZE)) {
		f.kind = VERIFY_TRUNCATED;
		f.what = "the segment ends too early";
	} else {
		f.kind = VERIFY_EDITED;
		f.from = c->link;
		f.to = c->before_end;
		f.what = "the end of the segment is not what it was";
	}
	find(c, f);
}

static void bad_segment(struct check *c, uint64_t number, int err)
{
	char name[SEGMENT_NAME_MAX];
	struct journal_segment_header h;
	cleanup_close int fd = -1;
	struct verify_finding f = {
		.kind = VERIFY_EDITED,
		.segment = number,
		.what = err == -ENOTSUP ? "a version that is not known"
					: "no header is valid",
	};

	fd = openat(c->dirfd, segment_name(number, "seg", name),
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && segment_read_header(fd, &h) == 0 && h.number != number) {
		f.kind = VERIFY_REORDERED;
		f.first_seq = h.first_seq;
		f.what = "a segment under another's name";
	}
	find(c, f);
	c->has_before = false;
}

static int check_end(struct check *c)
{
	int r;

	r = scan_rest(&c->scan, &c->rest);
	if (r < 0)
		return r;
	c->before_end = c->scan.off + c->rest;
	c->has_before = true;
	return sha_range(c, c->link, c->before_end, c->before);
}

/* 0 too if it cannot be read: that is a finding. */
static int check_segment(struct check *c, uint64_t number)
{
	const struct journal_segment_header *h = &c->scan.header;
	struct scan_hit hit;
	int r;

	r = scan_open(&c->scan, c->dirfd, number);
	if (r == -EBADMSG || r == -ENOTSUP || r == -ELOOP) {
		bad_segment(c, number, r);
		return 0;
	}
	if (r < 0)
		return r;
	check_border(c, h);
	if (!c->out->segments++) {
		c->out->first_seq = h->first_seq;
		c->out->trimmed = h->number > 1;
	}
	if (!c->next || h->epoch > c->epoch || h->first_seq > c->next)
		c->next = h->first_seq;
	c->segment = number;
	c->epoch = h->epoch;
	c->link = 0;
	c->explained = false;
	c->ends_in_seal = false;
	c->clean = false;
	c->sealed_findings = c->out->n_findings;
	r = check_copies(c);
	if (r < 0)
		return r;
	while ((r = scan_next(&c->scan, &hit)) > 0) {
		check_number(c, &hit);
		c->ends_in_seal = hit.frame.type == JOURNAL_SEAL;
		if (!c->ends_in_seal)
			continue;
		r = check_seal(c, &hit);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : check_end(c);
}

/* Does the journal end where the writer said that it ended? */
static void check_state(struct check *c)
{
	struct verify_finding f = {
		.kind = VERIFY_TRUNCATED,
		.segment = c->segment,
		.from = c->before_end,
		.first_seq = c->next,
		.what = "the journal ends before what its state says",
	};
	struct state st;

	if (state_load(c->dirfd, &st) < 0)
		return;
	f.last_seq = st.seq - 1;
	if (st.seq > c->next) {
		find(c, f);
	} else if (st.clean && c->rest) {
		f.kind = VERIFY_EDITED;
		f.from = c->before_end - c->rest;
		f.to = c->before_end;
		f.first_seq = f.last_seq = 0;
		f.what = "bytes behind the seal that closed the journal";
		find(c, f);
	} else if (st.clean && (!c->clean || !c->ends_in_seal ||
				st.segment != c->segment)) {
		f.first_seq = f.last_seq = 0;
		f.what = "the seal that closed the journal is gone";
		find(c, f);
	}
}

static void check_anchor(struct check *c)
{
	const struct verify_anchor *a = c->anchor;
	struct verify_finding f = { .first_seq = a->seq, .last_seq = a->seq };

	if (c->out->anchor_found)
		return;
	if (a->seq > c->out->sealed_seq) {
		f.kind = VERIFY_TRUNCATED;
		f.segment = c->segment;
		f.first_seq = c->out->sealed_seq + 1;
		f.what = "the journal ends before the anchor";
	} else if (a->seq < c->out->first_seq) {
		f.kind = VERIFY_REMOVED;
		f.what = "the anchor is older than the oldest segment";
	} else {
		f.kind = VERIFY_EDITED;
		f.what = "history up to the anchor is not what it was";
	}
	find(c, f);
}

int verify(const char *dir, const struct verify_anchor *anchor,
	   struct verify_result *ret)
{
	struct verify_result out = { 0 };
	struct check c = { .scan = SCAN_INIT, .anchor = anchor, .out = &out };
	cleanup_dir_list struct dir_list l = { 0 };
	cleanup_close int dirfd = -1;
	size_t i;
	int r;

	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	r = dir_list(dirfd, &l);
	if (r >= 0)
		r = sha_new(&c.sha);
	if (r < 0)
		return r;
	c.dirfd = dirfd;
	for (i = 0; i < l.n && r >= 0; i++)
		r = check_segment(&c, l.numbers[i]);
	scan_close(&c.scan);
	sha_free(c.sha);
	if (r < 0)
		return r;
	/* Behind the last seal anything may stand: it is being written. */
	if (l.n && out.n_findings > c.sealed_findings && c.has_before)
		out.n_findings = c.sealed_findings;
	check_state(&c);
	if (anchor)
		check_anchor(&c);
	*ret = out;
	return 0;
}
