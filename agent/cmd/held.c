// SPDX-License-Identifier: Apache-2.0
/*
 * Lines in the order of the journal, which is the order of their names: so
 * whom an amendment is for is found by halving.
 */
#include "cmd/held.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* What a line costs besides its text. */
#define LINE_COST (sizeof(struct held_line) + 32)

void held_init(struct held *h, bool json, size_t bytes_max)
{
	*h = (struct held){ .json = json, .bytes_max = bytes_max };
}

void held_done(struct held *h)
{
	while (h->first < h->end)
		held_drop_oldest(h);
	free(h->lines);
	h->lines = NULL;
	h->cap = 0;
}

static int make_room(struct held *h)
{
	struct held_line *grown;
	size_t cap;

	if (h->end < h->cap)
		return 0;
	if (h->first > h->cap / 2) {
		h->end -= h->first;
		memmove(h->lines, h->lines + h->first,
			h->end * sizeof(*h->lines));
		h->first = 0;
		return 0;
	}
	cap = h->cap ? h->cap * 2 : 256;
	grown = reallocarray(h->lines, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	h->lines = grown;
	h->cap = cap;
	return 0;
}

int held_add(struct held *h, const struct held_line *line, struct slice text)
{
	struct held_line copy = *line;
	cleanup_free char *p = NULL;
	int r;

	p = malloc(text.n + 1);
	if (!p)
		return -ENOMEM;
	memcpy(p, text.p, text.n);
	r = make_room(h);
	if (r < 0)
		return r;
	copy.text = steal_ptr(p);
	copy.n = text.n;
	copy.amendments = 0;
	h->lines[h->end++] = copy;
	h->bytes += copy.n + LINE_COST;
	return 0;
}

static struct held_line *find(const struct held *h, uint32_t epoch,
			      uint64_t seq)
{
	size_t low = h->first, high = h->end, mid;
	struct held_line *l;

	while (low < high) {
		mid = low + (high - low) / 2;
		l = &h->lines[mid];
		if (l->epoch < epoch || (l->epoch == epoch && l->seq < seq))
			low = mid + 1;
		else
			high = mid;
	}
	if (low == h->end)
		return NULL;
	l = &h->lines[low];
	return l->epoch == epoch && l->seq == seq ? l : NULL;
}

bool held_has(const struct held *h, uint32_t epoch, uint64_t seq)
{
	return find(h, epoch, seq) != NULL;
}

/* What goes before the amendment, in place of the object's last byte. */
static const char *joint(const struct held *h, const struct held_line *l)
{
	if (!h->json)
		return "\n";
	return l->amendments ? "," : ",\"amendments\":[";
}

int held_amend(struct held *h, uint32_t epoch, uint64_t seq, struct slice text)
{
	struct held_line *l = find(h, epoch, seq);
	const char *before;
	size_t n, end = 0;
	char *grown;

	if (!l || !l->n)
		return 0;
	before = joint(h, l);
	/* Of a JSON line "}" is taken off, or "]}", and put back behind. */
	if (h->json)
		end = l->amendments ? 2 : 1;
	n = strlen(before);
	grown = realloc(l->text, l->n - end + n + text.n + 3);
	if (!grown)
		return -ENOMEM;
	l->text = grown;
	grown += l->n - end;
	memcpy(grown, before, n);
	memcpy(grown + n, text.p, text.n);
	grown += n + text.n;
	if (h->json) {
		*grown++ = ']';
		*grown++ = '}';
	}
	h->bytes -= l->n;
	l->n = (size_t)(grown - l->text);
	h->bytes += l->n;
	l->amendments++;
	return 0;
}

const struct held_line *held_settle(struct held *h, uint32_t epoch,
				    uint64_t seq)
{
	struct held_line *l = find(h, epoch, seq);

	if (!l || !l->waits)
		return NULL;
	l->waits = false;
	return l;
}

void held_resolve(struct held *h, uint32_t epoch, uint64_t seq)
{
	struct held_line *l = find(h, epoch, seq);

	if (l)
		l->pending = false;
}

bool held_is_due(const struct held *h, int64_t now_ns)
{
	const struct held_line *l = held_oldest(h);

	return l && (held_full(h) || now_ns - l->wall_ns >= HELD_NS);
}

void held_release(struct held *h, int64_t now_ns)
{
	const struct held_line *l = held_oldest(h);

	h->hasty += now_ns - l->wall_ns < HELD_SOON_NS;
	h->unsettled += l->pending && now_ns - l->wall_ns >= HELD_NS;
	held_drop_oldest(h);
}

const struct held_line *held_oldest(const struct held *h)
{
	return h->first < h->end ? &h->lines[h->first] : NULL;
}

void held_drop_oldest(struct held *h)
{
	struct held_line *l = &h->lines[h->first++];

	h->bytes -= l->n + LINE_COST;
	free(l->text);
	l->text = NULL;
	if (h->first == h->end)
		h->first = h->end = 0;
}
