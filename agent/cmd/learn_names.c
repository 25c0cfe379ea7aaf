// SPDX-License-Identifier: Apache-2.0
/* Names that were seen, and the globs of the tree that they make. */
#include "cmd/learn_names.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/learn_part.h"
#include "cmd/learn_set.h"
#include "cmd/learn_tree.h"
#include "rules/literal.h"

struct seen {
	uint64_t count;
	size_t n;
	char p[];
};

struct names {
	void *seen; /* tsearch: struct seen, by name */
	size_t n;
	size_t components;	 /* of all of them; each may be a node */
	struct learn_room *room; /* borrowed */
};

/* ---- names in ----------------------------------------------------------- */

/* As bytes, but '/' comes first: names below one directory are neighbours. */
static int compare_names(struct slice a, struct slice b)
{
	size_t i, n = a.n < b.n ? a.n : b.n;

	for (i = 0; i < n && a.p[i] == b.p[i]; i++)
		;
	if (i == n)
		return (a.n > b.n) - (a.n < b.n);
	if (a.p[i] == '/' || b.p[i] == '/')
		return a.p[i] == '/' ? -1 : 1;
	return (unsigned char)a.p[i] < (unsigned char)b.p[i] ? -1 : 1;
}

static int compare_seen(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return compare_names(slice_of(x->p, x->n), slice_of(y->p, y->n));
}

int names_new(struct learn_room *room, struct names **ret)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->room = room;
	*ret = n;
	return 0;
}

void names_free(struct names *n)
{
	learn_set_free(n);
}

static size_t count_components(struct slice path)
{
	size_t n = 0;

	for (size_t i = 0; i < path.n; i++)
		n += path.p[i] == '/';
	return n;
}

static bool has_room(const struct names *n, struct slice path)
{
	return n->n < LEARN_NAMES_MAX &&
	       n->components + count_components(path) <= LEARN_COMPONENTS_MAX &&
	       room_take(n->room, sizeof(struct seen) + path.n);
}

int names_add(struct names *n, struct slice path)
{
	struct seen *s, **at;

	if (!names_fit(path))
		return -EINVAL;
	s = malloc(sizeof(*s) + path.n);
	if (!s)
		return -ENOMEM;
	s->count = 1;
	s->n = path.n;
	memcpy(s->p, path.p, path.n);
	at = tfind(s, &n->seen, compare_seen);
	if (at) {
		(*at)->count++;
		free(s);
		return 0;
	}
	if (!has_room(n, path)) {
		free(s);
		return -ENOSPC;
	}
	if (!tsearch(s, &n->seen, compare_seen)) {
		free(s);
		return -ENOMEM;
	}
	n->n++;
	n->components += count_components(path);
	return 0;
}

/* ---- globs out ---------------------------------------------------------- */

struct planting {
	struct node *root;
	int error;
};

static void plant_each(const void *at, VISIT which, void *arg)
{
	const struct seen *s = *(struct seen *const *)at;
	struct planting *p = arg;

	if ((which == postorder || which == leaf) && p->error == 0)
		p->error = tree_plant(p->root, slice_of(s->p, s->n), s->count);
}

struct picking {
	struct names_glob *list;
	size_t n, cap;
};

static int pick(struct picking *p, const struct node *t, struct slice glob)
{
	struct names_glob *g;
	int r;

	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;

		g = reallocarray(p->list, cap, sizeof(*g));
		if (!g)
			return -ENOMEM;
		p->list = g;
		p->cap = cap;
	}
	g = &p->list[p->n];
	*g = (struct names_glob){ .sample = t->sample,
				  .count = t->count,
				  .of = t->of };
	r = tree_copy(glob, &g->glob);
	p->n += r == 0;
	return r;
}

/* Of many that were thrown together alike, how they begin is no chance. */
static void add_glob_part(struct buf *path, const struct node *t)
{
	size_t pre = t->pre;

	if (t->of >= THROWN_MIN && slice_eq(t->part, slice_str("*"))) {
		while (pre && part_is_digit(t->raw.p[pre - 1]))
			pre--;
		literal_add(path, slice_of(t->raw.p, pre));
	}
	buf_add_slice(path, t->part);
}

static int walk(struct picking *p, const struct node *t, struct buf *path)
{
	size_t n = path->n;
	int r = 0;

	if (t->of)
		r = pick(p, t, path->n ? buf_slice(path) : slice_str("/"));
	for (size_t i = 0; i < t->n_subs && r >= 0; i++) {
		buf_add_char(path, '/');
		add_glob_part(path, t->subs[i]);
		r = path->failed ? -ENOMEM : walk(p, t->subs[i], path);
		path->n = n;
	}
	return r;
}

static int compare_globs(const void *a, const void *b)
{
	const struct names_glob *x = a, *y = b;

	return slice_cmp(x->glob, y->glob);
}

int names_globs(struct names *n, names_fn fn, void *arg)
{
	cleanup_buf struct buf path = BUF_INIT(1u << 20);
	struct planting p = { .root = calloc(1, sizeof(*p.root)) };
	struct picking picked = { 0 };
	size_t i;
	int r;

	if (!p.root)
		return -ENOMEM;
	twalk_r(n->seen, plant_each, &p);
	r = p.error;
	if (r == 0)
		r = tree_thin(p.root);
	if (r >= 0)
		r = walk(&picked, p.root, &path);
	if (picked.n)
		qsort(picked.list, picked.n, sizeof(*picked.list),
		      compare_globs);
	for (i = 0; i < picked.n; i++) {
		if (r >= 0)
			r = fn(arg, &picked.list[i]);
		free((char *)(uintptr_t)picked.list[i].glob.p);
	}
	free(picked.list);
	tree_free(p.root);
	return r < 0 ? r : 0;
}
