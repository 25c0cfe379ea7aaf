/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/account.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

size_t account_bytes(unsigned cpus)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t n = sizeof(struct account) +
		   (size_t)cpus * WIRE_FAM_COUNT * sizeof(struct account_told);

	return (n + page - 1) / page * page;
}

static const struct account_step *step_of(const struct account *a, uint64_t n)
{
	return &a->trail[n % ACCOUNT_TRAIL];
}

/* In this order, so that what is killed in between can be undone. */
void account_count(struct account *a, enum wire_family family, uint64_t at)
{
	struct account_counting *c = &a->counting;
	uint64_t *received = &a->received[family];

	c->was = *received;
	c->family = family;
	__atomic_store_n(&c->at, at, __ATOMIC_RELEASE);
	__atomic_store_n(received, c->was + 1, __ATOMIC_RELEASE);
}

void account_settle(struct account *a, uint64_t consumed)
{
	const struct account_counting *c = &a->counting;

	if (c->at == consumed && c->family < WIRE_FAM_COUNT)
		a->received[c->family] = c->was;
}

/* The count last: a step that was half made when we died is none. */
void account_step(struct account *a, struct account_step made)
{
	if (a->steps - a->low == ACCOUNT_TRAIL)
		a->low++;
	a->trail[a->steps % ACCOUNT_TRAIL] = made;
	__atomic_store_n(&a->steps, a->steps + 1, __ATOMIC_RELEASE);
}

struct account_resume account_resume(const struct account *a, uint64_t last_seq,
				     uint64_t consumed, uint64_t oldest)
{
	struct account_resume r = { .at = consumed };
	uint64_t n = a->steps, from = a->low, before;

	if (n == from || step_of(a, n - 1)->seq <= last_seq)
		return r;
	/* The last step that the journal has: go on behind it. */
	while (n > from && step_of(a, n - 1)->seq > last_seq)
		n--;
	before = last_seq;
	if (n > from) {
		r.at = step_of(a, n - 1)->at;
	} else if (from == 0) {
		r.at = a->first;
	} else {
		r.at = step_of(a, n)->at;
		before = step_of(a, n++)->seq;
	}
	while (r.at < oldest && n < a->steps) {
		r.at = step_of(a, n)->at;
		before = step_of(a, n++)->seq;
	}
	/* The kernel is never ahead of what was consumed by more than a ring. */
	if (r.at < oldest)
		r.at = consumed;
	r.missing = before - last_seq;
	return r;
}

static void untell(struct account_told *t, size_t count, uint64_t last_seq)
{
	for (; count; count--, t++) {
		if (t->seq > last_seq)
			t->lost = t->before;
		t->seq = 0;
	}
}

void account_untell(struct account *a, unsigned cpus, uint64_t last_seq)
{
	untell(a->told, (size_t)cpus * WIRE_FAM_COUNT, last_seq);
	untell(a->missed, WIRE_FAM_COUNT, last_seq);
}

void account_begin(struct account *a, const uint8_t journal[static 16],
		   uint64_t last_seq, uint64_t at)
{
	bool is_same = memcmp(a->journal, journal, sizeof(a->journal)) == 0;
	uint64_t n = a->steps;

	/* Numbers that the journal does not have will be given again. */
	while (n > a->low && step_of(a, n - 1)->seq > last_seq)
		n--;
	if (!is_same || n == a->low) {
		n = a->low = 0;
		a->first = at;
	}
	__atomic_store_n(&a->steps, n, __ATOMIC_RELEASE);
	memcpy(a->journal, journal, sizeof(a->journal));
}

const struct account_step *account_step_at(const struct account *a, uint64_t at,
					   uint64_t *n)
{
	for (; *n < a->steps; ++*n)
		if (step_of(a, *n)->at >= at)
			return step_of(a, *n);
	return NULL;
}

uint64_t account_oldest_step(const struct account *a)
{
	return a->low;
}
