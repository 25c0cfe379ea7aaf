// SPDX-License-Identifier: Apache-2.0
/*
 * The tree on the way in: what is a number or looks thrown together by mkstemp
 * is a glob already.
 */
#include "cmd/learn_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/learn_part.h"
#include "rules/literal.h"
#include "rules/pattern.h"

void tree_free(struct node *t)
{
	for (size_t i = 0; i < t->n_subs; i++)
		tree_free(t->subs[i]);
	free(t->subs);
	free(t->globs);
	free((char *)(uintptr_t)t->part.p);
	free((char *)(uintptr_t)t->raw.p);
	free(t);
}

int tree_copy(struct slice s, struct slice *ret)
{
	char *p = malloc(s.n + 1);

	if (!p)
		return -ENOMEM;
	if (s.n)
		memcpy(p, s.p, s.n);
	*ret = slice_of(p, s.n);
	return 0;
}

/* Of two names what they begin and end with; of more, of all of them. */
void tree_narrow(struct node *t, struct slice raw)
{
	size_t i = 0;

	while (i < t->pre && i < raw.n && raw.p[i] == t->raw.p[i])
		i++;
	t->pre = i;
	i = 0;
	while (i < t->suf && i < raw.n &&
	       raw.p[raw.n - i - 1] == t->raw.p[t->raw.n - i - 1])
		i++;
	t->suf = i;
	if (raw.n < t->least)
		t->least = raw.n;
}

static int push(struct node ***list, size_t *n, size_t *cap, struct node *s)
{
	struct node **more;

	if (*n == *cap) {
		more = reallocarray(*list, *cap ? 2 * *cap : 4, sizeof(*more));
		if (!more)
			return -ENOMEM;
		*list = more;
		*cap = *cap ? 2 * *cap : 4;
	}
	(*list)[(*n)++] = s;
	return 0;
}

static bool is_literal(struct slice part, struct slice raw)
{
	cleanup_buf struct buf plain = BUF_INIT(4 * PATTERN_TEXT_MAX + 16);

	literal_add(&plain, raw);
	return !plain.failed && slice_eq(buf_slice(&plain), part);
}

static struct node *new_node(struct slice part, struct slice raw)
{
	struct node *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (tree_copy(part, &s->part) < 0 || tree_copy(raw, &s->raw) < 0) {
		tree_free(s);
		return NULL;
	}
	s->pre = s->suf = s->least = raw.n;
	s->is_glob = !is_literal(part, raw);
	return s;
}

static struct node *add_sub(struct node *t, struct slice part, struct slice raw)
{
	struct node *s = new_node(part, raw);

	if (!s)
		return NULL;
	if (push(&t->subs, &t->n_subs, &t->cap, s) < 0) {
		tree_free(s);
		return NULL;
	}
	/* It is in the tree, and freed with it. */
	if (s->is_glob && push(&t->globs, &t->n_globs, &t->globs_cap, s) < 0)
		return NULL;
	return s;
}

static struct node *find_sub(struct node *t, struct slice part,
			     struct slice raw)
{
	struct node *last = t->n_subs ? t->subs[t->n_subs - 1] : NULL;

	/* Names come sorted: the same one is the last one. */
	if (last && slice_eq(last->part, part)) {
		tree_narrow(last, raw);
		return last;
	}
	for (size_t i = t->n_globs; i > 0; i--) {
		if (!slice_eq(t->globs[i - 1]->part, part))
			continue;
		tree_narrow(t->globs[i - 1], raw);
		return t->globs[i - 1];
	}
	return add_sub(t, part, raw);
}

int tree_plant(struct node *root, struct slice path, uint64_t count)
{
	struct node *t = root;
	struct slice raw;
	size_t at = 1;

	while (part_next(path, &at, &raw)) {
		cleanup_buf struct buf part =
			BUF_INIT(4 * PATTERN_TEXT_MAX + 16);

		part_add(&part, raw, at < path.n, true);
		t = part.failed ? NULL : find_sub(t, buf_slice(&part), raw);
		if (!t)
			return -ENOMEM;
	}
	t->of++;
	t->count += count;
	if (!t->sample.n)
		t->sample = path;
	return 0;
}
