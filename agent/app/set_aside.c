/* SPDX-License-Identifier: Apache-2.0 */
#include "app/set_aside.h"

#include <errno.h>
#include <string.h>

#include "journal_format.h"

/* More than a segment of ordinary size describes. */
#define FRAMES_MAX  (8u << 20)
/* So much is kept for the next segment. */
#define FRAMES_KEPT (256u << 10)

struct kept {
	uint32_t n; /* bytes behind this */
	uint8_t type;
};

void set_aside_init(struct set_aside *s)
{
	*s = (struct set_aside){ 0 };
	buf_init(&s->frames, FRAMES_MAX);
}

void set_aside_done(struct set_aside *s)
{
	buf_done(&s->frames);
}

static void empty(struct set_aside *s)
{
	if (s->frames.cap > FRAMES_KEPT)
		buf_done(&s->frames);
	buf_reset(&s->frames);
}

/* Of a seal nothing but the end of a run says anything of images. */
static bool says_something(const struct reader_frame *f)
{
	struct journal_seal seal = { 0 };

	if (f->type != JOURNAL_SEAL)
		return true;
	if (f->payload.n < JOURNAL_SEAL_LEAST)
		return false;
	memcpy(&seal, f->payload.p, JOURNAL_SEAL_LEAST);
	return seal.flags & JOURNAL_SEAL_CLEAN;
}

bool set_aside_put(struct set_aside *s, const struct reader_frame *f)
{
	const struct kept k = { .n = (uint32_t)f->payload.n, .type = f->type };
	char *at;

	if (s->segment != f->segment)
		empty(s);
	s->segment = f->segment;
	if (!says_something(f))
		return true;
	at = buf_extend(&s->frames, sizeof(k) + k.n);
	if (!at)
		return false;
	memcpy(at, &k, sizeof(k));
	if (k.n)
		memcpy(at + sizeof(k), f->payload.p, k.n);
	return true;
}

int set_aside_hand_out(struct set_aside *s, const uint8_t *journal_id,
		       struct view_images *images)
{
	const char *at = s->frames.p, *end = at + s->frames.n;
	struct reader_frame f = { .segment = s->segment };
	struct view unused;
	struct kept k;
	int r = 0;

	while (at < end && r != -ENOMEM) {
		memcpy(&k, at, sizeof(k));
		f.type = k.type;
		f.payload = slice_of(at + sizeof(k), k.n);
		/* Neither is a record: there is nothing to be done with. */
		r = view_take(images, journal_id, &f, &unused);
		at += sizeof(k) + k.n;
	}
	empty(s);
	return r == -ENOMEM ? r : 0;
}
