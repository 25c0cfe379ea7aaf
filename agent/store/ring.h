/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded memory between appending and the disk. Positions only grow;
 * byte p is at p % size. What lies in [tail, head) is kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct ring {
	char *mem;
	uint64_t size;
	uint64_t head, tail;
};

int ring_init(struct ring *r, uint64_t size);
void ring_done(struct ring *r);

static inline uint64_t ring_used(const struct ring *r)
{
	return r->head - r->tail;
}

static inline uint64_t ring_room(const struct ring *r)
{
	return r->size - ring_used(r);
}

/* The caller made sure that there is room. */
void ring_put(struct ring *r, const void *p, size_t n);

/* [from, to) as at most two pieces; returns how many. */
int ring_pieces(const struct ring *r, uint64_t from, uint64_t to,
		struct iovec ret[static 2]);

/* What lies before `to` is kept no longer, and most of its memory given back. */
void ring_drop(struct ring *r, uint64_t to);
