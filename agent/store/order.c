/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The longest runs that never go down, by their tails: of the runs of k entries
 * so far, the lowest value that one ends with. Those are sorted, so each entry
 * finds by binary search how long a run is that it ends; the same from the end
 * on says how long one is that it begins. It is part of a longest one if both
 * make one, and of all of them if no other entry has its place.
 */
#include "store/order.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct entry {
	struct segment_head *head;
	uint64_t value;
	size_t before, behind; /* longest run that ends, that begins with it */
	size_t tail;   /* not its own: of runs with as many as its index + 1 */
	size_t rivals; /* nor this: how many have that place in a longest one */
};

/* From the end on all is the other way round: so are values, bit by bit. */
#define FORWARD	 0
#define BACKWARD UINT64_MAX

/* How many of the tails a run that goes on with this value may follow. */
static size_t place(const struct entry *e, size_t tails, uint64_t value,
		    uint64_t flip)
{
	size_t low = 0, high = tails, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if ((e[e[mid].tail].value ^ flip) > value)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void measure(struct entry *e, size_t n, uint64_t flip)
{
	size_t k, i, at, tails = 0;

	for (k = 0; k < n; k++) {
		i = flip ? n - 1 - k : k;
		at = place(e, tails, e[i].value ^ flip, flip);
		e[at].tail = i;
		if (at == tails)
			tails++;
		*(flip ? &e[i].behind : &e[i].before) = at + 1;
	}
}

/* Each head as much in order as it was, and as these values allow. */
static void judge(struct entry *e, size_t n)
{
	size_t i, longest = 0;
	enum order order;

	measure(e, n, FORWARD);
	measure(e, n, BACKWARD);
	for (i = 0; i < n; i++) {
		e[i].rivals = 0;
		if (e[i].before > longest)
			longest = e[i].before;
	}
	for (i = 0; i < n; i++) {
		if (e[i].before + e[i].behind == longest + 1)
			e[e[i].before - 1].rivals++;
	}
	for (i = 0; i < n; i++) {
		order = e[e[i].before - 1].rivals == 1 ? IN_ORDER : MAYBE;
		if (e[i].before + e[i].behind != longest + 1)
			order = OUT_OF_ORDER;
		if (order < e[i].head->order)
			e[i].head->order = order;
	}
}

int order_find(struct dir_list *l)
{
	cleanup_free struct entry *e = NULL;
	struct segment_head *h;
	size_t i, n = 0, kept = 0;

	e = calloc(l->n + 1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	for (i = 0; i < l->n; i++) {
		h = &l->heads[i];
		h->order = h->is_ours ? IN_ORDER : OUT_OF_ORDER;
		if (h->is_ours)
			e[n++] = (struct entry){ .head = h, .value = h->epoch };
	}
	judge(e, n);
	for (i = 0; i < n; i++) {
		h = e[i].head;
		if (h->order != OUT_OF_ORDER)
			e[kept++] = (struct entry){ .head = h,
						    .value = h->first_seq };
	}
	judge(e, kept);
	return 0;
}
