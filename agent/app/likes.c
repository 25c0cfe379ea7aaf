// SPDX-License-Identifier: Apache-2.0
/*
 * A program that runs often is described whole once in each stretch of the
 * journal that a reader takes in one piece, and then by what differs.
 *
 * What others are like is always whole itself: where a frame is damaged, only
 * those are lost that were told by it, and nobody follows a chain. A slot is
 * found by the program's file, whether it was hashed, and the cgroup; whoever
 * comes later takes it.
 */
#include "app/likes.h"

#include <errno.h>
#include <stdlib.h>

#include "out/like.h"
#include "out/record.h"

#define SLOT_BITS 7
#define SLOTS	  (1u << SLOT_BITS)

/*
 * Readers hold 32768 images or 16 MiB of them and forget what nobody asked for
 * longest. So much later, in bytes and with so many for each, what was not
 * used is not counted upon any more.
 */
#define FORGOTTEN_AFTER (4u << 20)
#define EACH		256

struct described {
	uint64_t segment, key;
};

struct slot {
	struct described is;
	uint64_t used_at; /* of likes.told; 0: empty */
	struct like_base base;
};

struct likes {
	uint64_t told;
	/* What the last call packed whole; NULL: nothing. */
	struct slot *to_fill;
	struct slot slots[SLOTS];
};

int likes_new(struct likes **ret)
{
	struct likes *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	*ret = l;
	return 0;
}

void likes_free(struct likes *l)
{
	free(l);
}

static uint64_t key_of(const struct image *img)
{
	uint64_t h = img->exe_file.ino;

	h = h * 0x9e3779b97f4a7c15ull + img->exe_file.dev;
	h = h * 0x9e3779b97f4a7c15ull + img->cgroup_id;
	/* What was found out of a file is known of the second run on. */
	h = h * 0x9e3779b97f4a7c15ull + img->exe_facts.hash;
	return h * 0x9e3779b97f4a7c15ull;
}

static bool can_be_base(const struct likes *l, const struct slot *s,
			const struct described *now)
{
	return s->used_at && s->base.message && s->is.segment == now->segment &&
	       s->is.key == now->key && l->told - s->used_at < FORGOTTEN_AFTER;
}

static bool pack_like(struct likes *l, struct slot *s, const struct image *img,
		      struct buf *out)
{
	record_pack_image_like(out, img, &s->base);
	if (!out->failed && out->n <= s->base.n / 2 &&
	    out->n + s->base.n <= LIKE_BASE_MAX) {
		/* No more than that is what a reader makes of it. */
		l->told += out->n + s->base.n + EACH;
		s->used_at = l->told;
		return true;
	}
	buf_reset(out);
	return false;
}

void likes_pack(struct likes *l, uint64_t segment, const struct image *img,
		struct buf *out)
{
	const struct described now = { segment, key_of(img) };
	struct slot *s = &l->slots[now.key >> (64 - SLOT_BITS)];

	l->to_fill = NULL;
	if (can_be_base(l, s, &now) && pack_like(l, s, img, out))
		return;
	if (record_pack_image_base(out, img, &s->base)) {
		/* None is like it before the journal took it. */
		s->used_at = 0;
		s->is = now;
		l->to_fill = s;
	}
	l->told += out->n + EACH;
}

void likes_kept(struct likes *l)
{
	if (l->to_fill)
		l->to_fill->used_at = l->told;
	l->to_fill = NULL;
}
