// SPDX-License-Identifier: Apache-2.0
/*
 * A tree of path components. On the way in, what is a number or looks thrown
 * together by mkstemp is a glob already; on the way out, a directory in which
 * too many things happened is one glob: by what its files have in common, or
 * everything below it.
 */
#include "cmd/learn_names.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/learn_part.h"
#include "rules/literal.h"
#include "rules/pattern.h"

/* More different files of one kind in a directory than this are a glob ... */
#define ALIKE_MAX  2u
/* ... and of several kinds; also directories in a directory. */
#define MIXED_MAX  6u
/* So many names of mkstemp that begin alike were asked for so. */
#define THROWN_MIN 3u
/* mkstemp wants six letters. */
#define THROWN_LEN 6u
/* Directories that hold the host together are not given away so soon. */
#define TOP_MAX	   32u

struct node {
	struct slice part;   /* as a glob; owned */
	struct slice raw;    /* the first name that became it; owned */
	size_t pre, suf;     /* what all of them begin and end with */
	size_t least;	     /* the length of the shortest */
	bool is_glob;	     /* part is not the raw name */
	size_t of;	     /* different names that ended here ... */
	uint64_t count;	     /* ... and how often */
	struct slice sample; /* the whole name; owned by names */
	struct node **subs;
	size_t n_subs, cap;
	/* Those of them that names may still join: few, as a rule. */
	struct node **globs;
	size_t n_globs, globs_cap;
};

struct seen {
	uint64_t count;
	size_t n;
	char p[];
};

struct names {
	void *seen; /* tsearch: struct seen, by name */
	size_t n;
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

static int compare_slices(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n ? memcmp(a.p, b.p, n) : 0;

	return d ? d : (a.n > b.n) - (a.n < b.n);
}

static int compare_seen(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return compare_names(slice_of(x->p, x->n), slice_of(y->p, y->n));
}

int names_new(struct names **ret)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	*ret = n;
	return 0;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	tdestroy(n->seen, free);
	free(n);
}

size_t names_count(const struct names *n)
{
	return n->n;
}

int names_add(struct names *n, struct slice path)
{
	struct seen *s, **at;

	if (!names_fit(path))
		return -EINVAL;
	s = malloc(sizeof(*s) + path.n);
	if (!s)
		return -ENOMEM;
	s->count = 0;
	s->n = path.n;
	memcpy(s->p, path.p, path.n);
	at = tsearch(s, &n->seen, compare_seen);
	if (!at) {
		free(s);
		return -ENOMEM;
	}
	if (*at != s)
		free(s);
	else
		n->n++;
	(*at)->count++;
	return 0;
}

/* ---- the tree ----------------------------------------------------------- */

static void free_node(struct node *t)
{
	for (size_t i = 0; i < t->n_subs; i++)
		free_node(t->subs[i]);
	free(t->subs);
	free(t->globs);
	free((char *)(uintptr_t)t->part.p);
	free((char *)(uintptr_t)t->raw.p);
	free(t);
}

static int copy(struct slice s, struct slice *ret)
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
static void narrow(struct node *t, struct slice raw)
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
	if (copy(part, &s->part) < 0 || copy(raw, &s->raw) < 0) {
		free_node(s);
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
		free_node(s);
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
		narrow(last, raw);
		return last;
	}
	for (size_t i = t->n_globs; i > 0; i--) {
		if (!slice_eq(t->globs[i - 1]->part, part))
			continue;
		narrow(t->globs[i - 1], raw);
		return t->globs[i - 1];
	}
	return add_sub(t, part, raw);
}

struct planting {
	struct node *root;
	int error;
};

static void plant(struct planting *p, const struct seen *s)
{
	struct slice path = slice_of(s->p, s->n), raw;
	struct node *t = p->root;
	size_t at = 1;

	while (part_next(path, &at, &raw)) {
		cleanup_buf struct buf part =
			BUF_INIT(4 * PATTERN_TEXT_MAX + 16);

		part_add(&part, raw, at < path.n, true);
		t = part.failed ? NULL : find_sub(t, buf_slice(&part), raw);
		if (!t) {
			p->error = -ENOMEM;
			return;
		}
	}
	t->of++;
	t->count += s->count;
	if (!t->sample.n)
		t->sample = path;
}

static void plant_each(const void *at, VISIT which, void *arg)
{
	if (which == postorder || which == leaf)
		plant(arg, *(struct seen *const *)at);
}

/* ---- directories with too much in them ---------------------------------- */

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
	int r = copy(slice_str(part), &glob);

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
	    (t->sample.n && compare_slices(t->sample, to->sample) < 0))
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
		free_node(t->subs[i]);
	for (size_t i = 0; i < one->n_subs; i++)
		free_node(one->subs[i]);
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
			narrow(a, b->raw);
			sum_below(b, a);
			free_node(b);
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

/* ---- globs out ---------------------------------------------------------- */

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
	r = copy(glob, &g->glob);
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

	return compare_slices(x->glob, y->glob);
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
		r = thin(p.root, 0, &path);
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
	free_node(p.root);
	return r < 0 ? r : 0;
}
