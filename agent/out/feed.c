/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From cursor to views. What of the journal is trimmed or damaged comes as a
 * gap record, what nobody can decode as a numbered hole, so that whoever
 * counts what comes out can account for every number.
 */
#include "out/feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/reader.h"

struct feed {
	struct reader *reader;
	struct view_images *images;
	struct view view;
	enum feed_got got;   /* what the view holds */
	uint8_t journal[16]; /* zero: none was begun when it was opened */
};

static void cleanup_feed_fn(struct feed **f)
{
	feed_close(*f);
}

static int say(char *what, const char *doing, const char *name, int r)
{
	(void)snprintf(what, 256, "cannot %s '%.160s': %s", doing, name,
		       strerror(-r));
	return r;
}

static int open_reader(struct feed *f, const char *dir,
		       const struct feed_opening *o)
{
	if (!o->had_cursor)
		return reader_open(dir, READER_OLDEST, 0, READER_SEALED_ONLY,
				   &f->reader);
	return reader_open_cursor(dir, &o->cursor, READER_SEALED_ONLY,
				  &f->reader);
}

/*
 * Look at what the cursor has done with once more, as far back as amendments
 * show of it: what is sent again after a crash is to be what was sent before.
 * Whatever fails here costs names in amendments, nothing else.
 */
static void recall(struct feed *f, const char *dir, const struct cursor *c)
{
	uint64_t first =
		c->seq > VIEW_AMENDABLE_SPAN ? c->seq - VIEW_AMENDABLE_SPAN : 1;
	struct reader *reader = NULL;
	struct reader_frame frame;
	struct view view;

	if (reader_open(dir, READER_SEQ, first, READER_SEALED_ONLY, &reader) <
	    0)
		return;
	while (reader_next(reader, &frame) == 1 &&
	       (!frame.seq || frame.seq <= c->seq))
		if (view_take(f->images, reader_journal_id(reader), &frame,
			      &view) == 1)
			view_done(&view);
	reader_close(reader);
}

int feed_open(const char *dir, const char *state_dir, const char *name,
	      struct feed **ret, struct feed_opening *ret_opening,
	      char what[static 256])
{
	__attribute__((cleanup(cleanup_feed_fn))) struct feed *f = NULL;
	struct feed_opening o = { 0 };
	int r;

	f = calloc(1, sizeof(*f));
	if (!f)
		return say(what, "open journal", dir, -ENOMEM);
	r = cursor_load(state_dir, name, &o.cursor);
	/*
	 * One that cannot be understood must not stop everything for good:
	 * from the oldest on, what was sent before is known by its uid.
	 */
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return say(what, "read the cursor in", state_dir, r);
	o.bad_cursor = r == -EBADMSG;
	o.ahead = r == 0 && cursor_is_ahead(dir, &o.cursor) == 1;
	o.had_cursor = r == 0 && !o.ahead;
	r = view_images_new(&f->images);
	if (r >= 0)
		r = open_reader(f, dir, &o);
	if (r < 0)
		return say(what, "open journal", dir, r);
	memcpy(f->journal, reader_journal_id(f->reader), sizeof(f->journal));
	o.other_journal = o.had_cursor && memcmp(o.cursor.journal, f->journal,
						 sizeof(f->journal)) != 0;
	o.former = o.cursor;
	if (!o.had_cursor || o.other_journal) {
		o.cursor = (struct cursor){ 0 };
		memcpy(o.cursor.journal, f->journal, sizeof(f->journal));
	} else {
		recall(f, dir, &o.cursor);
	}
	*ret = steal_ptr(f);
	*ret_opening = o;
	return 0;
}

int feed_open_second(const char *dir, const struct cursor *at,
		     struct feed **ret)
{
	__attribute__((cleanup(cleanup_feed_fn))) struct feed *f = NULL;
	int r;

	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	r = view_images_new_brief(&f->images);
	if (r < 0)
		return r;
	r = at ? reader_open_cursor(dir, at, READER_SEALED_ONLY, &f->reader)
	       : reader_open(dir, READER_NOW, 0, READER_SEALED_ONLY,
			     &f->reader);
	if (r < 0)
		return r;
	memcpy(f->journal, reader_journal_id(f->reader), sizeof(f->journal));
	*ret = steal_ptr(f);
	return 0;
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	feed_taken(f);
	if (f->reader)
		reader_close(f->reader);
	view_images_free(f->images);
	free(f);
}

void feed_taken(struct feed *f)
{
	if (f->got == FEED_RECORD)
		view_done(&f->view);
	f->got = FEED_NONE;
}

static int understand(struct feed *f, const struct reader_frame *frame)
{
	int r = view_take(f->images, reader_journal_id(f->reader), frame,
			  &f->view);

	if (r == 1)
		return FEED_RECORD;
	/* A description that cannot be read costs names, not a number. */
	if (r == -EBADMSG && frame->seq) {
		f->view = (struct view){
			.epoch = frame->epoch,
			.seq = frame->seq,
			.seq_end = frame->seq_end,
			.wall_ns = frame->wall_ns,
		};
		return FEED_UNREADABLE;
	}
	return r == -EBADMSG ? FEED_NONE : r;
}

int feed_peek(struct feed *f, const struct view **ret)
{
	struct reader_frame frame;
	int r;

	while (f->got == FEED_NONE) {
		r = reader_next(f->reader, &frame);
		if (r <= 0)
			return r;
		if (memcmp(f->journal, reader_journal_id(f->reader),
			   sizeof(f->journal)) != 0)
			return FEED_OTHER;
		r = understand(f, &frame);
		if (r < 0)
			return r;
		f->got = (enum feed_got)r;
	}
	*ret = &f->view;
	return f->got;
}

bool feed_ends_early(const struct feed *f, uint64_t *ret_first,
		     uint64_t *ret_last)
{
	return reader_ends_early(f->reader, ret_first, ret_last);
}

const struct view_images *feed_images(const struct feed *f)
{
	return f->images;
}

int feed_fd(const struct feed *f)
{
	return reader_fd(f->reader);
}

void feed_clear(struct feed *f)
{
	reader_clear(f->reader);
}

void feed_seal(const struct feed *f, uint64_t *ret_seq,
	       uint8_t ret_sha256[static 32])
{
	reader_seal(f->reader, ret_seq, ret_sha256);
}
