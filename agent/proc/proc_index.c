/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places for processes: one array, chained by the hash of the tgid alone, so
 * that whoever had the same pid before is met on the way.
 */
#include "proc/proc_index.h"

#include <errno.h>
#include <stdlib.h>

#define NONE UINT32_MAX

struct age_list {
	uint32_t oldest, youngest;
	size_t count;
};

struct proc_index {
	struct proc *places;
	uint32_t *buckets;
	uint32_t mask;
	uint32_t free;	/* chain of places given back */
	uint32_t fresh; /* places never used begin here */
	uint32_t max;
	struct age_list lists[2]; /* by proc.dead */
};

int proc_index_new(size_t max, struct proc_index **ret)
{
	struct proc_index *x;
	uint32_t buckets = 16;

	if (!max || max >= NONE / 4)
		return -EINVAL;
	while (buckets < max)
		buckets *= 2;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->max = (uint32_t)max;
	x->mask = buckets - 1;
	x->free = NONE;
	for (int i = 0; i < 2; i++)
		x->lists[i] = (struct age_list){ NONE, NONE, 0 };
	/* Not touched before use: an idle table costs what it holds. */
	x->places = calloc(max, sizeof(*x->places));
	x->buckets = malloc(buckets * sizeof(*x->buckets));
	if (!x->places || !x->buckets) {
		proc_index_free(x);
		return -ENOMEM;
	}
	memset(x->buckets, 0xff, buckets * sizeof(*x->buckets));
	*ret = x;
	return 0;
}

void proc_index_free(struct proc_index *x)
{
	if (!x)
		return;
	free(x->places);
	free(x->buckets);
	free(x);
}

/* Pids are handed out in sequence: a plain multiply spreads them. */
static uint32_t *bucket_of(const struct proc_index *x, uint32_t tgid)
{
	return &x->buckets[(tgid * 0x9e3779b1u >> 7) & x->mask];
}

static uint32_t place_of(const struct proc_index *x, const struct proc *p)
{
	return (uint32_t)(p - x->places);
}

static struct proc *at(const struct proc_index *x, uint32_t i)
{
	return i == NONE ? NULL : &x->places[i];
}

struct proc *proc_index_find(const struct proc_index *x, struct proc_key key)
{
	struct proc *p = at(x, *bucket_of(x, key.tgid));

	while (p && !proc_key_eq(p->key, key))
		p = at(x, p->chain);
	return p;
}

struct proc *proc_index_rival(const struct proc_index *x, struct proc_key key)
{
	struct proc *p = at(x, *bucket_of(x, key.tgid));

	while (p && (p->dead || p->key.tgid != key.tgid ||
		     p->key.start_ns == key.start_ns))
		p = at(x, p->chain);
	return p;
}

void proc_index_restart(struct proc_index *x, struct proc *p, uint64_t start_ns)
{
	/* Buckets go by pid alone. */
	(void)x;
	p->key.start_ns = start_ns;
}

/* ---- age ---------------------------------------------------------------- */

static void list_add(struct proc_index *x, struct proc *p)
{
	struct age_list *l = &x->lists[p->dead];
	struct proc *last = at(x, l->youngest);

	p->older = l->youngest;
	p->younger = NONE;
	if (last)
		last->younger = place_of(x, p);
	else
		l->oldest = place_of(x, p);
	l->youngest = place_of(x, p);
	l->count++;
}

static void list_remove(struct proc_index *x, struct proc *p)
{
	struct age_list *l = &x->lists[p->dead];

	if (p->older != NONE)
		x->places[p->older].younger = p->younger;
	else
		l->oldest = p->younger;
	if (p->younger != NONE)
		x->places[p->younger].older = p->older;
	else
		l->youngest = p->older;
	l->count--;
}

void proc_index_touch(struct proc_index *x, struct proc *p)
{
	if (p->dead || p->younger == NONE)
		return;
	list_remove(x, p);
	list_add(x, p);
}

void proc_index_bury(struct proc_index *x, struct proc *p, uint64_t now_ns)
{
	if (p->dead)
		return;
	list_remove(x, p);
	p->dead = true;
	p->gone_ns = now_ns;
	list_add(x, p);
}

void proc_index_revive(struct proc_index *x, struct proc *p)
{
	if (!p->dead)
		return;
	list_remove(x, p);
	p->dead = false;
	list_add(x, p);
}

struct proc *proc_index_oldest(const struct proc_index *x, bool dead)
{
	return at(x, x->lists[dead].oldest);
}

struct proc *proc_index_next(const struct proc_index *x, const struct proc *p)
{
	return at(x, p ? p->older : x->lists[false].youngest);
}

size_t proc_index_count(const struct proc_index *x, bool dead)
{
	return x->lists[dead].count;
}

/* ---- places ------------------------------------------------------------- */

struct proc *proc_index_add(struct proc_index *x, struct proc_key key)
{
	uint32_t *bucket = bucket_of(x, key.tgid);
	struct proc *p;

	if (x->free != NONE) {
		p = at(x, x->free);
		x->free = p->chain;
	} else if (x->fresh < x->max) {
		p = at(x, x->fresh++);
	} else {
		return NULL;
	}
	*p = (struct proc){ .key = key, .chain = *bucket };
	*bucket = place_of(x, p);
	list_add(x, p);
	return p;
}

void proc_index_remove(struct proc_index *x, struct proc *p)
{
	uint32_t *link = bucket_of(x, p->key.tgid);

	while (*link != place_of(x, p))
		link = &x->places[*link].chain;
	*link = p->chain;
	list_remove(x, p);
	p->chain = x->free;
	x->free = place_of(x, p);
}
