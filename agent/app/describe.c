// SPDX-License-Identifier: Apache-2.0
/*
 * A segment stands alone, so each one describes the images its events refer
 * to. The image remembers the segment that holds it: a described image's
 * ancestors were described before it, so the walk ends at the first one.
 */
#include "app/describe.h"

#include "limits.h"
#include "out/record.h"
#include "store/journal.h"

static void describe(struct journal *j, uint64_t segment, int64_t wall_ns,
		     struct image *img, struct buf *scratch)
{
	uint64_t seq;

	buf_reset(scratch);
	record_pack_image(scratch, img);
	if (scratch->failed)
		return;
	if (journal_append(j, JOURNAL_DESCRIPTION, 0, wall_ns,
			   buf_slice(scratch), &seq) == 0)
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

void describe_image(struct journal *j, uint64_t segment, int64_t wall_ns,
		    struct image *img, struct buf *scratch)
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
		describe(j, segment, wall_ns, top, scratch);
		/* Refused: its children would ask for it for ever. */
		if (top->described_in != segment)
			return;
		n--;
	}
}
