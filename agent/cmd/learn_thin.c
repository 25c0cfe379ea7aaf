// SPDX-License-Identifier: Apache-2.0
/*
 * The tree on the way out: a directory in which too many things happened is one
 * glob, by what its files have in common, or everything below it.
 */
#include "cmd/learn_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/learn_part.h"
#include "rules/literal.h"
#include "rules/pattern.h"

/* More different files of one kind in a directory than this are a glob ... */
#define ALIKE_MAX  2u
/* ... and of several kinds; also directories in a directory. */
#define MIXED_MAX  6u
/* mkstemp wants six letters. */
#define THROWN_LEN 6u
/* Directories that hold the host together are not given away so soon. */
#define TOP_MAX	   32u

static const char *const temp_roots[] = { "/tmp", "/var/tmp", "/dev/shm" };

static bool is_temp_root(struct slice path)
{
	for (size_t i = 0; i < sizeof(temp_roots) / sizeof(*temp_roots); i++)
		if (slice_eq(path, slice_str(temp_roots[i])))
			return true;
	return false;
}

/* All below t become t: one glob, `part`. */
static int fold(struct node *t, const char *part)
{
	struct slice glob;
	int r = tree_copy(slice_str(part), &glob);

	if (r < 0)
		return r;
	free((char *)(uintptr_t)t->part.p);
	t->part = glob;
	return 0;
}

static void sum_below(const struct node *t, struct node *to)
{
	to->of += t->of;
	to->count += t->count;
	if (!to->sample.n ||
	    (t->sample.n && slice_cmp(t->sample, to->sample) < 0))
		to->sample = t->sample.n ? t->sample : to->sample;
	for (size_t i = 0; i < t->n_subs; i++)
		sum_below(t->subs[i], to);
}

static bool is_flat(const struct node *t)
{
	for (size_t i = 0; i < t->n_subs; i++)
		if (t->subs[i]->n_subs)
			return false;
	return true;
}

/* How much of a's end, up to `most`, b ends with, too. */
static size_t same_end(struct slice a, struct slice b, size_t most)
{
	size_t n = 0;

	while (n < most && n < a.n && n < b.n &&
	       a.p[a.n - n - 1] == b.p[b.n - n - 1])
		n++;
	return n;
}

static size_t same_begin(struct slice a, struct slice b, size_t most)
{
	size_t n = 0;

	while (n < most && n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	return n;
}

/* What all of them begin with, but for a number; and their extension. */
static void common(const struct node *t, struct slice *ret_pre,
		   struct slice *ret_suf)
{
	struct slice raw = t->subs[0]->raw;
	size_t pre = raw.n, suf = raw.n, least = raw.n, dot;

	for (size_t i = 0; i < t->n_subs; i++) {
		const struct node *s = t->subs[i];

		pre = same_begin(raw, s->raw, pre < s->pre ? pre : s->pre);
		suf = same_end(raw, s->raw, suf < s->suf ? suf : s->suf);
		least = least < s->least ? least : s->least;
	}
	while (pre && part_is_digit(raw.p[pre - 1]))
		pre--;
	for (dot = raw.n - suf; dot < raw.n && raw.p[dot] != '.'; dot++)
		;
	/* The shortest name must hold both, one behind the other. */
	if (pre + (raw.n - dot) > least)
		dot = raw.n;
	*ret_pre = slice_of(raw.p, pre);
	*ret_suf = slice_of(raw.p + dot, raw.n - dot);
}

/* Files of a directory as one glob, or with directories among them as "**". */
static int fold_subs(struct node *t, bool flat)
{
	cleanup_buf struct buf part = BUF_INIT(4 * PATTERN_TEXT_MAX + 16);
	struct node sum = { 0 }, *one = t->subs[0];
	struct slice pre, suf;
	int r;

	if (flat) {
		common(t, &pre, &suf);
		literal_add(&part, pre);
		buf_add_char(&part, '*');
		literal_add(&part, suf);
	} else {
		buf_add_str(&part, "**");
	}
	buf_add_char(&part, '\0');
	if (part.failed)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_subs; i++)
		sum_below(t->subs[i], &sum);
	r = fold(one, part.p);
	if (r < 0)
		return r;
	for (size_t i = 1; i < t->n_subs; i++)
		tree_free(t->subs[i]);
	for (size_t i = 0; i < one->n_subs; i++)
		tree_free(one->subs[i]);
	one->n_subs = 0;
	t->n_globs = 0;
	/* Its glob says all: how the first one began is no more of its. */
	one->pre = 0;
	one->of = sum.of;
	one->count = sum.count;
	one->sample = sum.sample;
	t->n_subs = 1;
	return 0;
}

static bool has_extension(const struct node *t)
{
	struct slice pre, suf;

	common(t, &pre, &suf);
	return suf.n > 1;
}

/* Is t, at this depth (1: /usr), too full to be told name by name? */
static bool is_full(const struct node *t, size_t depth, struct slice path)
{
	if (t->n_subs < 2 || !depth)
		return false;
	/* What is made there is called something else each time. */
	if (is_temp_root(path))
		return true;
	if (depth == 1)
		return t->n_subs > TOP_MAX;
	if (is_flat(t) && has_extension(t))
		return t->n_subs > ALIKE_MAX;
	return t->n_subs > MIXED_MAX;
}

/* Was b thrown together as a was, in whatever letters it came out? */
static bool is_alike(const struct node *a, const struct node *b)
{
	size_t pre = same_begin(a->raw, b->raw, a->pre);

	if (b->is_glob || b->n_subs || b->raw.n != a->raw.n ||
	    a->raw.n - pre < THROWN_LEN)
		return false;
	/* One alone: it is not known where its prefix ends. */
	if (a->of < THROWN_MIN ? pre < 2 : pre != a->pre)
		return false;
	for (size_t i = pre; i < b->raw.n; i++)
		if (!part_is_alnum(b->raw.p[i]))
			return false;
	return true;
}

/* What mkstemp made of letters alone is known by its neighbours. */
static void absorb(struct node *t)
{
	for (size_t g = 0; g < t->n_globs; g++) {
		struct node *a = t->globs[g];
		size_t i, n = 0;

		for (i = 0; i < t->n_subs; i++) {
			struct node *b = t->subs[i];

			if (!slice_eq(a->part, slice_str("*")) || a->n_subs ||
			    !is_alike(a, b)) {
				t->subs[n++] = b;
				continue;
			}
			tree_narrow(a, b->raw);
			sum_below(b, a);
			tree_free(b);
		}
		t->n_subs = n;
	}
}

static int thin(struct node *t, size_t depth, struct buf *path)
{
	size_t n = path->n;
	int r = 0;

	for (size_t i = 0; i < t->n_subs && r >= 0; i++) {
		buf_add_char(path, '/');
		buf_add_slice(path, t->subs[i]->raw);
		r = path->failed ? -ENOMEM : thin(t->subs[i], depth + 1, path);
		path->n = n;
	}
	absorb(t);
	if (r >= 0 && is_full(t, depth, buf_slice(path)))
		r = fold_subs(t, is_flat(t));
	return r;
}

int tree_thin(struct node *root)
{
	cleanup_buf struct buf path = BUF_INIT(1u << 20);

	return thin(root, 0, &path);
}
