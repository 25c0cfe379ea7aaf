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
#include <string.h>

#include "base/buf.h"

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
	struct buf out;
	/* What the last call would have kept; NULL: nothing. */
	struct slot *to_fill;
	struct slice whole;
	uint64_t id;
	struct described now;
	struct slot slots[SLOTS];
};

int likes_new(struct likes **ret)
{
	struct likes *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	buf_init(&l->out, 2 * LIKE_BASE_MAX);
	*ret = l;
	return 0;
}

void likes_free(struct likes *l)
{
	if (!l)
		return;
	buf_done(&l->out);
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
	return s->used_at && s->is.segment == now->segment &&
	       s->is.key == now->key && l->told - s->used_at < FORGOTTEN_AFTER;
}

struct slice likes_shorten(struct likes *l, uint64_t segment,
			   const struct image *img,
			   const struct like_whole *whole)
{
	struct slot *s;

	l->now = (struct described){ segment, key_of(img) };
	l->id = img->id;
	s = &l->slots[l->now.key >> (64 - SLOT_BITS)];
	l->told += whole->bytes.n + EACH;
	l->to_fill = NULL;
	if (whole->bytes.n > LIKE_BASE_MAX)
		return whole->bytes;
	if (can_be_base(l, s, &l->now)) {
		buf_reset(&l->out);
		like_shorten(whole, &s->base, &l->out);
		if (!l->out.failed && l->out.n <= whole->bytes.n / 2) {
			s->used_at = l->told;
			return buf_slice(&l->out);
		}
	}
	l->to_fill = s;
	l->whole = whole->bytes;
	return l->whole;
}

void likes_kept(struct likes *l)
{
	struct slot *s = l->to_fill;

	if (!s)
		return;
	l->to_fill = NULL;
	/* It never fails: packed by us, and not too large. */
	if (like_base_set(&s->base, l->id, l->whole) < 0) {
		s->used_at = 0;
		return;
	}
	s->is = l->now;
	s->used_at = l->told;
}
