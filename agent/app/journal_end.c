// SPDX-License-Identifier: Apache-2.0
#include "app/journal_end.h"

#include "app/agent.h"
#include "store/reader.h"

static int take_all(const struct agent *a, struct reader *reader,
		    struct view_images *images, journal_end_fn fn, void *arg)
{
	struct reader_frame f;
	struct view v;
	int r;

	while ((r = reader_next(reader, &f)) > 0) {
		/* From here on it is what we wrote. */
		if (f.seq >= a->opening.next_seq)
			return 0;
		if (view_take(images, reader_journal_id(reader), &f, &v) != 1)
			continue;
		r = fn(arg, images, &v);
		if (r != 1)
			view_done(&v);
		if (r < 0)
			return r;
	}
	return r;
}

int journal_end_read(const struct agent *a, uint64_t from, journal_end_fn fn,
		     void *arg)
{
	struct view_images *images = NULL;
	struct reader *reader = NULL;
	int r;

	r = reader_open(a->s->journal_dir, READER_SEQ, from, 0, &reader);
	if (r >= 0)
		r = view_images_new_brief(&images);
	if (r >= 0)
		r = take_all(a, reader, images, fn, arg);
	view_images_free(images);
	reader_close(reader);
	return r;
}
