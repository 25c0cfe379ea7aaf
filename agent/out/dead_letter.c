/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters. The one idea: a letter is the record itself, taken from the
 * journal once more with the images that it needs, so that it can be queried
 * as it could be there. What is no event, or is not there any more, is told
 * in words by an event about picket.
 */
#include "out/dead_letter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "limits.h"
#include "out/collector.h"
#include "out/text.h"
#include "out/view.h"
#include "store/journal.h"

#define SEGMENT_SIZE (4u << 20)
#define BUFFER_SIZE  (1u << 20)
/* The loop stands still meanwhile: a disk that needs longer is asked later. */
#define FLUSH_MS     2000
#define DAY_MS	     (24 * 3600 * 1000ull)
#define WORDS_MAX    4096

struct dead_letters {
	char *dir;
	char *journal_dir;
	struct journal *journal; /* NULL: not open */
	struct buf packed;
};

int dead_letters_new(const char *state_dir, const char *journal_dir,
		     struct dead_letters **ret)
{
	struct dead_letters *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	buf_init(&d->packed, 4 * JOURNAL_PAYLOAD_MAX);
	d->journal_dir = strdup(journal_dir);
	if (asprintf(&d->dir, "%s/" COLLECTOR_DEAD, state_dir) < 0)
		d->dir = NULL;
	if (!d->dir || !d->journal_dir) {
		dead_letters_free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

void dead_letters_free(struct dead_letters *d)
{
	if (!d)
		return;
	journal_close(d->journal);
	buf_done(&d->packed);
	free(d->journal_dir);
	free(d->dir);
	free(d);
}

static int open_letters(struct dead_letters *d)
{
	const struct journal_settings set = {
		.dir = d->dir,
		.max_size = DEAD_LETTERS_SIZE_MAX,
		.max_age_ms = DEAD_LETTERS_AGE_DAYS * DAY_MS,
		.segment_size = SEGMENT_SIZE,
		.buffer_size = BUFFER_SIZE,
		.sync_interval_ms = 1000,
		.file_mode = 0640,
	};
	struct journal_opening opening;
	char what[256];
	int holder;

	if (d->journal)
		return 0;
	return journal_open(&set, &d->journal, &opening, &holder, what);
}

/* ---- the record ----------------------------------------------------------- */

/* 1: it is this one; 0: perhaps a later one; -ENOENT: none any more. */
static int judge(const struct dead_letter *l, const struct reader_frame *f)
{
	if (f->epoch == l->epoch && f->seq == l->seq)
		return 1;
	if (f->epoch > l->epoch || (f->epoch == l->epoch && f->seq > l->seq))
		return -ENOENT;
	return 0;
}

/*
 * In the journal, where it was read before: 1 with *ret to be done, or 0.
 * From a little before on, so that an amendment is told of its event.
 */
static int find(struct dead_letters *d, const struct dead_letter *l,
		struct view_images *images, struct view *ret)
{
	uint64_t from =
		l->seq > VIEW_AMENDABLE_SPAN ? l->seq - VIEW_AMENDABLE_SPAN : 1;
	struct reader *r = NULL;
	struct reader_frame f;
	int k, which = 0;

	if (reader_open(d->journal_dir, READER_SEQ, from, READER_SEALED_ONLY,
			&r) < 0)
		return 0;
	while (!which && reader_next(r, &f) == 1) {
		if (memcmp(reader_journal_id(r), l->journal,
			   sizeof(l->journal)) != 0)
			break;
		k = view_take(images, reader_journal_id(r), &f, ret);
		which = f.seq ? judge(l, &f) : 0;
		if (k == 1 && which != 1)
			view_done(ret);
		else if (k != 1 && which == 1)
			which = -ENOENT;
	}
	reader_close(r);
	return which == 1;
}

/* ---- the letter ----------------------------------------------------------- */

static char *text_of(const char *s)
{
	/* protobuf-c's members are not const; what is packed is not changed. */
	return (char *)(uintptr_t)s;
}

static ProtobufCBinaryData bytes_of(const void *p, size_t n)
{
	return (ProtobufCBinaryData){ n, (uint8_t *)(uintptr_t)p };
}

static void fill_refusal(Picket__V1__Refusal *m, const struct dead_letter *l)
{
	picket__v1__refusal__init(m);
	m->journal = bytes_of(l->journal, sizeof(l->journal));
	m->epoch = l->epoch;
	m->seq = l->seq;
	m->wall_ns = l->wall_ns;
	m->status = l->status;
	m->answer = text_of(l->answer);
	m->destination = text_of(l->destination);
	m->url = text_of(l->url);
	m->format = text_of(l->format);
	m->record = bytes_of(l->record.p, l->record.n);
}

/* false: it does not fit into a frame. */
static bool pack(struct buf *out, Picket__V1__Event *e, Picket__V1__Refusal *m)
{
	size_t n;
	void *to;

	e->refusal = m;
	n = picket__v1__event__get_packed_size(e);
	if (n > JOURNAL_PAYLOAD_MAX) {
		m->record.len = 0;
		n = picket__v1__event__get_packed_size(e);
	}
	buf_reset(out);
	to = n <= JOURNAL_PAYLOAD_MAX ? buf_extend(out, n) : NULL;
	if (to)
		picket__v1__event__pack(e, to);
	/* It is the caller's, and not to be freed with the event. */
	e->refusal = NULL;
	return to;
}

/* What is no event to be queried: in the words of a line. v may be NULL. */
static bool pack_words(struct dead_letters *d, const struct view_images *images,
		       const struct view *v, Picket__V1__Refusal *m,
		       const char *uid)
{
	cleanup_buf struct buf words = BUF_INIT(WORDS_MAX);
	Picket__V1__Event e;
	Picket__V1__Agent a;

	if (v)
		text_body(&words, images, v);
	else
		buf_addf(&words, "record %s", uid);
	buf_add_char(&words, '\0');
	picket__v1__agent__init(&a);
	a.what = PICKET__V1__AGENT__WHAT__REFUSED;
	a.text = words.failed ? text_of("a record") : words.p;
	picket__v1__event__init(&e);
	e.wall_ns = m->wall_ns;
	e.kind = PICKET__V1__KIND__KIND_AGENT;
	e.agent = &a;
	return pack(&d->packed, &e, m);
}

static int append(struct dead_letters *d, uint8_t type, int64_t wall_ns)
{
	unsigned flags = type == JOURNAL_EVENT ? JOURNAL_URGENT : 0;
	uint64_t seq;

	return journal_append(d->journal, type, flags, wall_ns,
			      buf_slice(&d->packed), &seq);
}

/* Who did it, and the line above: what it ran before, then who started it. */
static int describe(struct dead_letters *d, const struct view_images *images,
		    const Picket__V1__Image *img, int64_t wall_ns)
{
	const Picket__V1__Image *next;
	unsigned depth;
	int r = 0;
	void *to;

	for (depth = 0; img && depth < PICKET_ANCESTORS_MAX && !r; depth++) {
		buf_reset(&d->packed);
		to = buf_extend(&d->packed,
				picket__v1__image__get_packed_size(img));
		if (!to)
			return -ENOMEM;
		picket__v1__image__pack(img, to);
		r = append(d, JOURNAL_DESCRIPTION, wall_ns);
		next = view_image(images, img->prev_id);
		img = next ? next : view_image(images, img->parent_id);
	}
	return r;
}

static int write_letter(struct dead_letters *d, const struct dead_letter *l,
			const struct view_images *images, struct view *v)
{
	Picket__V1__Refusal m;
	int64_t wall_ns = l->wall_ns;
	int r = 0;

	fill_refusal(&m, l);
	(void)journal_segment(d->journal);
	if (v && v->event) {
		wall_ns = v->wall_ns;
		r = describe(d, images, v->image, wall_ns);
	}
	if (r < 0)
		return r;
	if ((!v || !v->event || !pack(&d->packed, v->event, &m)) &&
	    !pack_words(d, images, v, &m, l->uid))
		return d->packed.failed ? -ENOMEM : -EMSGSIZE;
	r = append(d, JOURNAL_EVENT, wall_ns);
	return r < 0 ? r : journal_flush(d->journal, FLUSH_MS);
}

static uint64_t oldest(struct dead_letters *d)
{
	struct journal_stats st;

	journal_stats(d->journal, &st);
	return st.first_seq;
}

int dead_letters_add(struct dead_letters *d, const struct dead_letter *l,
		     bool *ret_gone)
{
	struct view_images *images = NULL;
	uint64_t before;
	struct view v;
	bool found;
	int r;

	r = view_images_new(&images);
	if (r < 0)
		return r;
	r = open_letters(d);
	if (r >= 0) {
		before = oldest(d);
		found = find(d, l, images, &v);
		r = write_letter(d, l, images, found ? &v : NULL);
		if (found)
			view_done(&v);
		if (r >= 0)
			*ret_gone = before && oldest(d) > before;
	}
	view_images_free(images);
	/* What the disk does not take is not to come later, by itself. */
	if (r < 0) {
		journal_close(d->journal);
		d->journal = NULL;
	}
	return r;
}
