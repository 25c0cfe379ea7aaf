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
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/identity.h"
#include "store/verify_parts.h"

static const char *const kind_names[] = {
	[VERIFY_EDITED] = "edited",	  [VERIFY_REMOVED] = "removed",
	[VERIFY_REORDERED] = "reordered", [VERIFY_TRUNCATED] = "truncated",
	[VERIFY_REPLACED] = "replaced",	  [VERIFY_LOST] = "lost",
};
_Static_assert(sizeof(kind_names) / sizeof(*kind_names) == VERIFY_KIND_COUNT,
	       "each kind has a name");

const char *verify_kind_name(enum verify_kind kind)
{
	return kind_names[kind];
}

void verify_find(struct check *c, struct verify_finding f)
{
	struct verify_result *r = c->out;

	if (r->n_findings < VERIFY_FINDINGS_MAX)
		r->findings[r->n_findings] = f;
	r->n_findings++;
	c->explained = true;
}

/* Bytes of progress between two reports. */
#define PROGRESS_STEP (8u << 20)

static void progress(struct check *c, uint64_t done)
{
	const struct verify_options *o = c->options;

	if (!o || !o->progress || done < c->told + PROGRESS_STEP)
		return;
	c->told = done;
	o->progress(o->arg, done, done < c->total ? c->total : done);
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
		verify_find(c, (struct verify_finding){
				       .kind = VERIFY_EDITED,
				       .segment = c->segment,
				       .to = sizeof(area),
				       .what = "the two headers differ",
			       });
	return 0;
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
	verify_find(c, f);
	c->has_before = false;
}

static int check_end(struct check *c, bool last)
{
	int r;

	r = verify_try_anchor(c, c->scan.off);
	if (r >= 0)
		r = scan_rest(&c->scan, &c->rest);
	if (r < 0)
		return r;
	c->before_end = c->scan.off + c->rest;
	c->has_before = true;
	c->done += c->before_end;
	/*
	 * Nothing follows, or nothing that the writer left can stand there: no
	 * need to read what may be a terabyte of nothing.
	 */
	if (last || (c->final && c->rest)) {
		memset(c->before, 0, sizeof(c->before));
		return 0;
	}
	return verify_link_sha(c, c->before_end, c->before);
}

/*
 * Under a header with another epoch, salt or size nothing in the segment is a
 * frame; that is not the same as nothing being there.
 */
static int check_header(struct check *c)
{
	struct journal_frame_header h;
	int n;

	c->odd_header = c->scan.header.header_size != JOURNAL_HEADER_AREA;
	n = segment_pread(c->scan.fd, &h, sizeof(h), JOURNAL_HEADER_AREA);
	if (n < 0 || (size_t)n < sizeof(h))
		return n < 0 ? n : 0;
	if (h.magic == JOURNAL_FRAME_MAGIC && h.epoch != c->scan.header.epoch)
		c->odd_header = true;
	return 0;
}

static int check_frames(struct check *c)
{
	struct scan_hit hit;
	int r;

	while ((r = scan_next(&c->scan, &hit)) > 0) {
		progress(c, c->done + hit.off);
		r = verify_try_anchor(c, hit.off - hit.skipped);
		if (r < 0)
			return r;
		verify_number(c, &hit);
		c->ends_in_seal = hit.frame.type == JOURNAL_SEAL;
		c->final = false;
		if (!c->ends_in_seal)
			continue;
		r = verify_seal(c, &hit);
		if (r < 0)
			return r;
	}
	return r;
}

/* Gone since it was listed: trimmed, if nothing older is left either. */
static int vanished(struct check *c, uint64_t number)
{
	cleanup_dir_list struct dir_list l = { 0 };
	int r;

	r = dir_list(c->dirfd, &l);
	if (r < 0)
		return r;
	if (l.n && l.numbers[0] < number)
		verify_find(
			c,
			(struct verify_finding){
				.kind = VERIFY_REMOVED,
				.segment = number,
				.what = "the segment went while it was checked",
			});
	c->has_before = false;
	c->next = 0;
	c->all_trimmed = true;
	return 0;
}

/* Of another journal, or with numbers that nobody got by counting. */
static bool is_strange(struct check *c, const struct journal_segment_header *h)
{
	struct verify_finding f = {
		.kind = VERIFY_REPLACED,
		.segment = h->number,
		.what = "a segment of another journal",
	};

	if (identity_takes(&c->whose, h))
		return false;
	if (identity_has(&c->whose, h->id)) {
		f.kind = VERIFY_EDITED;
		f.to = JOURNAL_HEADER_AREA;
		f.what = "a header with numbers that no writer gave";
	}
	verify_find(c, f);
	c->has_before = false;
	return true;
}

/* 0 too if it cannot be read: that is a finding. */
static int check_segment(struct check *c, uint64_t number, bool last)
{
	const struct journal_segment_header *h = &c->scan.header;
	int r;

	r = scan_open(&c->scan, c->dirfd, number);
	/* Listed is enough: it may be trimmed by now, or another in its place */
	if (!c->oldest &&
	    (r < 0 || number >= c->floor || identity_takes(&c->whose, h)))
		c->oldest = number;
	if (r == -EBADMSG || r == -ENOTSUP || r == -ELOOP) {
		bad_segment(c, number, r);
		return 0;
	}
	if (r == -ENOENT)
		return vanished(c, number);
	if (r < 0)
		return r;
	if (is_strange(c, h))
		return 0;
	verify_border(c, h);
	if (!c->out->segments++) {
		c->out->first_seq = h->first_seq;
		c->out->trimmed = h->number > 1;
	}
	/* Also where numbers go back, which was told: what lied was before. */
	c->next = h->first_seq;
	c->all_trimmed = false;
	c->segment = number;
	c->epoch = h->epoch;
	c->link = 0;
	c->times = (struct segment_times){ 0 };
	c->gap = (struct scan_hit){ .off = 0 };
	c->has_no_frame = false;
	c->link_earliest_ns = INT64_MAX;
	c->explained = false;
	c->ends_in_seal = false;
	c->clean = c->final = false;
	c->sealed_findings = c->border_findings = c->out->n_findings;
	r = check_copies(c);
	if (r >= 0)
		r = check_header(c);
	if (r >= 0)
		r = check_frames(c);
	return r < 0 ? r : check_end(c, last);
}

static uint64_t size_of(int dirfd, const struct dir_list *l)
{
	char name[SEGMENT_NAME_MAX];
	uint64_t total = 0;
	struct stat st;
	size_t i;

	for (i = 0; i < l->n; i++) {
		segment_name(l->numbers[i], "seg", name);
		if (!fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
			total += (uint64_t)st.st_size;
	}
	return total;
}

static int check_all(struct check *c)
{
	cleanup_dir_list struct dir_list l = { 0 };
	struct state st, now;
	size_t i;
	int r, state;

	/* Before the listing: what it speaks of must be in there. */
	state = state_load(c->dirfd, &st);
	if (state < 0 && state != -ENOENT && state != -EBADMSG)
		return state;
	r = dir_list(c->dirfd, &l);
	if (r < 0)
		return r;
	r = identity_find(c->dirfd, &l);
	if (r < 0)
		return r;
	c->whose = l.whose;
	if (state >= 0 && !identity_has(&l.whose, st.id))
		state = -ESTALE;
	else if (state >= 0 && !identity_takes_state(&l.whose, &st))
		state = -EBADMSG;
	/* And after it: what was removed since it speaks of as well. */
	c->floor =
		state >= 0 && state_load(c->dirfd, &now) >= 0 ? now.oldest : 0;
	c->total = size_of(c->dirfd, &l);
	for (i = 0; i < l.n && r >= 0; i++)
		r = check_segment(c, l.numbers[i], i + 1 == l.n);
	if (r < 0)
		return r;
	/* Behind the last seal anything may stand: it is being written. */
	if (l.n && c->out->n_findings > c->sealed_findings && c->has_before)
		c->out->n_findings = c->sealed_findings;
	c->out->closed = c->clean && c->ends_in_seal && !c->rest;
	if (state < 0 && l.n)
		verify_no_state(c, state);
	else if (state >= 0 && !c->all_trimmed)
		verify_state(c, &st);
	if (state >= 0 && l.n)
		verify_oldest(c);
	return 0;
}

int verify(const char *dir, const struct verify_options *options,
	   struct verify_result *ret)
{
	struct verify_result out = { 0 };
	struct check c = {
		.scan = SCAN_INIT,
		.options = options,
		.anchor = options ? options->anchor : NULL,
		.out = &out,
	};
	cleanup_close int dirfd = -1;
	int r;

	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	c.dirfd = dirfd;
	r = sha_new(&c.sha);
	if (r >= 0)
		r = check_all(&c);
	scan_close(&c.scan);
	sha_free(c.sha);
	if (r < 0)
		return r;
	if (c.anchor)
		verify_anchor(&c);
	memcpy(out.newest.journal, c.whose.id, sizeof(c.whose.id));
	*ret = out;
	return 0;
}
