// SPDX-License-Identifier: Apache-2.0
/*
 * A segment stands alone, so each one describes the images its events refer
 * to. The image remembers the segment that holds it: a described image's
 * ancestors were described before it, so the walk ends at the first one.
 */
#include "app/describe.h"

#include "app/likes.h"
#include "limits.h"
#include "out/record.h"
#include "rules/redact.h"
#include "store/journal.h"

/* The image as it may leave: the one place where anything of it does. */
static struct image without_secrets(const struct describer *d,
				    const struct image *img)
{
	struct image shown = *img;
	struct redacted r;

	redact_image(d->redactor, d->key, img, d->redacted, &r);
	shown.args = r.args;
	shown.env = r.env;
	shown.args_hidden = r.args_hidden;
	shown.env_hidden = r.env_hidden;
	if (r.args_cut)
		shown.flags |= IMAGE_F_ARGS_TRUNCATED;
	if (r.env_cut)
		shown.flags |= IMAGE_F_ENV_TRUNCATED;
	return shown;
}

static void describe(const struct describer *d, uint64_t segment,
		     struct image *img)
{
	struct image shown = without_secrets(d, img);
	uint64_t seq;

	buf_reset(d->packed);
	likes_pack(d->likes, segment, &shown, d->packed);
	if (d->packed->failed ||
	    journal_append(d->journal, JOURNAL_DESCRIPTION, 0, d->wall_ns,
			   buf_slice(d->packed), &seq) < 0)
		return;
	likes_kept(d->likes);
	img->described_in = segment;
}

/* What to describe before img: what it ran before, else who started it. */
static struct image *ahead(struct image *img, uint64_t segment)
{
	if (img->prev && img->prev->described_in != segment)
		return img->prev;
	if (img->parent && img->parent->described_in != segment)
		return img->parent;
	return NULL;
}

void describe_image(const struct describer *d, uint64_t segment,
		    struct image *img)
{
	struct image *line[PICKET_ANCESTORS_MAX];
	size_t n = 0;

	if (!img || img->described_in == segment)
		return;
	line[n++] = img;
	while (n) {
		struct image *top = line[n - 1];
		struct image *next = ahead(top, segment);

		if (next && n < PICKET_ANCESTORS_MAX) {
			line[n++] = next;
			continue;
		}
		describe(d, segment, top);
		/* Refused: its children would ask for it for ever. */
		if (top->described_in != segment)
			return;
		n--;
	}
}
