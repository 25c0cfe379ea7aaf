// SPDX-License-Identifier: Apache-2.0
/* Groups of events, each told as one rule; where ends differ, as several. */
#include "cmd/learn_group.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "cmd/learn_ends.h"
#include "cmd/learn_names.h"
#include "rules/rules.h"

#define BODY_MAX (64u << 20)

static const struct {
	const char *event, *stem;
} forms[LEARN_FORM_COUNT] = {
	[LEARN_EXEC] = { "exec", "exec" },
	[LEARN_SCRIPT] = { "exec", "scripts" },
	[LEARN_LISTEN] = { "listen", "listen" },
	[LEARN_CONNECT] = { "connect", "connect" },
	[LEARN_SOCKET] = { "connect", "sockets" },
	[LEARN_BOUND] = { "listen", "bound" },
	[LEARN_WRITE] = { "write", "write" },
	[LEARN_LOAD] = { "load", "load" },
	[LEARN_LOAD_NAME] = { "load", "kernel" },
	[LEARN_TAMPER] = { "tamper", "tamper" },
};

/* ---- lines -------------------------------------------------------------- */

int line_compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return strcmp(x->text, y->text);
}

int line_add(void **tree, struct slice text, const char *sample)
{
	struct line *x = malloc(sizeof(*x) + text.n + 1), **at;

	if (!x)
		return -ENOMEM;
	x->count = 0;
	(void)snprintf(x->sample, sizeof(x->sample), "%s", sample);
	memcpy(x->text, text.p, text.n);
	x->text[text.n] = '\0';
	at = tsearch(x, tree, line_compare);
	if (!at) {
		free(x);
		return -ENOMEM;
	}
	if (*at != x)
		free(x);
	(*at)->count++;
	return 0;
}

/* ---- groups ------------------------------------------------------------- */

static int compare_slices(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n ? memcmp(a.p, b.p, n) : 0;

	return d ? d : (a.n > b.n) - (a.n < b.n);
}

static int compare_groups(const void *a, const void *b)
{
	const struct group_key *x = &((const struct group *)a)->key;
	const struct group_key *y = &((const struct group *)b)->key;
	int d;

	if (x->form != y->form)
		return x->form < y->form ? -1 : 1;
	if (!x->except != !y->except)
		return x->except ? 1 : -1;
	d = x->except ? strcmp(x->except, y->except) : 0;
	if (!d)
		d = x->in_container - y->in_container;
	if (!d)
		d = compare_slices(x->exe, y->exe);
	return d ? d : compare_slices(x->unit, y->unit);
}

static struct group *make_group(const struct group_key *key)
{
	struct group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->key = *key;
	g->bytes = malloc(key->unit.n + key->exe.n + 1);
	if (!g->bytes) {
		free(g);
		return NULL;
	}
	if (key->unit.n)
		memcpy(g->bytes, key->unit.p, key->unit.n);
	if (key->exe.n)
		memcpy(g->bytes + key->unit.n, key->exe.p, key->exe.n);
	g->key.unit = slice_of(g->bytes, key->unit.n);
	g->key.exe = slice_of(g->bytes + key->unit.n, key->exe.n);
	return g;
}

int group_find(void **tree, const struct group_key *key, struct group **ret)
{
	struct group want = { .key = *key }, *g, **at;

	at = tfind(&want, tree, compare_groups);
	if (at) {
		*ret = *at;
		return 0;
	}
	g = make_group(key);
	if (!g)
		return -ENOMEM;
	if (!tsearch(g, tree, compare_groups)) {
		group_free(g);
		return -ENOMEM;
	}
	*ret = g;
	return 0;
}

void group_free(void *group)
{
	struct group *g = group;

	tdestroy(g->values, free);
	names_free(g->names);
	ends_free(g->ends);
	free(g->bytes);
	free(g);
}

/* ---- names of rules ----------------------------------------------------- */

static bool is_taken(const struct group_writing *w, const char *name)
{
	struct rule_info info;

	for (size_t i = 0; i < w->to->n; i++)
		if (!strcmp(w->to->list[i].name, name))
			return true;
	for (size_t i = 0; w->s->base && i < rule_set_count(w->s->base); i++) {
		rule_set_info(w->s->base, i, &info);
		if (!strcmp(info.name, name))
			return true;
	}
	return false;
}

static size_t add_stem(char *to, size_t n, size_t room, struct slice s)
{
	const struct slice number = slice_str("[0-9]*");
	size_t from = n;

	for (size_t i = 0; i < s.n && n - from < room; i++) {
		char c = s.p[i];

		if (slice_starts(slice_of(s.p + i, s.n - i), number)) {
			i += number.n - 1;
			continue;
		}
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '.' || c == '_';

		if (plain)
			to[n++] = c;
		else if (n > from && to[n - 1] != '-')
			to[n++] = '-';
	}
	while (n > from && to[n - 1] == '-')
		n--;
	return n;
}

/* learned-PROGRAM-UNIT-exec: what is in it is for people. */
static void name_rule(const struct group_writing *w, const struct group *g,
		      char name[static 104])
{
	const struct group_key *k = &g->key;
	size_t n = (size_t)snprintf(name, 104, "learned-");
	struct slice exe = k->exe;
	char stem[104];

	while (exe.n && memrchr(exe.p, '/', exe.n)) {
		const char *slash = memrchr(exe.p, '/', exe.n);

		exe = slice_of(slash + 1, (size_t)(exe.p + exe.n - slash) - 1);
	}
	n = add_stem(name, n, 28, exe);
	if (exe.n && name[n - 1] != '-')
		name[n++] = '-';
	if (k->in_container)
		n += (size_t)snprintf(name + n, 104 - n, "containers-");
	n = add_stem(name, n, 32, k->unit);
	if (k->unit.n && name[n - 1] != '-')
		name[n++] = '-';
	(void)snprintf(name + n, 104 - n, "%s", forms[k->form].stem);
	(void)snprintf(stem, sizeof(stem), "%.90s", name);
	for (unsigned i = 2; is_taken(w, name); i++)
		(void)snprintf(name, 104, "%.90s-%u", stem, i);
}

/* ---- rules -------------------------------------------------------------- */

static struct learned_rule *new_rule(struct learned_rules *to)
{
	struct learned_rule *more;

	if (to->n == to->cap) {
		size_t cap = to->cap ? 2 * to->cap : 64;

		more = reallocarray(to->list, cap, sizeof(*more));
		if (!more)
			return NULL;
		to->list = more;
		to->cap = cap;
	}
	return &to->list[to->n];
}

static void add_key(struct buf *out, const char *key, struct slice value)
{
	if (!value.n)
		return;
	buf_addf(out, "%s = ", key);
	buf_add_slice(out, value);
	buf_add_char(out, '\n');
}

static void add_who(struct buf *out, const struct group_writing *w,
		    const struct group_key *k)
{
	buf_addf(out, "event = %s\n", forms[k->form].event);
	add_key(out, "exe", k->exe);
	add_key(out, "unit", k->unit);
	/* Its id is another one next time; that it is one is what counts. */
	if (k->in_container)
		buf_add_str(out, "container = *\n");
	if (k->except)
		add_key(out, "excepts", slice_str(k->except));
	add_key(out, "owner", slice_str(w->s->owner));
}

struct telling {
	const struct group_writing *w;
	struct group *g;
};

/* lines: the conditions of the rule that are not about who does it. */
static int tell(void *arg, struct slice lines, uint64_t count)
{
	cleanup_buf struct buf body = BUF_INIT(BODY_MAX);
	const struct telling *t = arg;
	struct learned_rule *r = new_rule(t->w->to), made = { 0 };

	if (!r)
		return -ENOMEM;
	add_who(&body, t->w, &t->g->key);
	buf_add_slice(&body, lines);
	buf_add_char(&body, '\0');
	if (body.failed)
		return -ENOMEM;
	name_rule(t->w, t->g, made.name);
	made.body = strdup(body.p);
	made.count = count;
	made.sample = t->g->sample;
	if (!made.body)
		return -ENOMEM;
	*r = made;
	t->w->to->n++;
	return 0;
}

static int add_glob(void *arg, const struct names_glob *g)
{
	struct buf *out = arg;

	if (g->of > 1) {
		buf_addf(out, "# %zu names, such as ", g->of);
		escape_text(out, g->sample);
		buf_add_char(out, '\n');
	}
	add_key(out, "path", g->glob);
	return 0;
}

static void add_line(const void *at, VISIT which, void *arg)
{
	const struct line *x = *(struct line *const *)at;
	struct buf *out = arg;

	if (which != postorder && which != leaf)
		return;
	buf_add_str(out, x->text);
	buf_add_char(out, '\n');
}

int group_write(const struct group_writing *w, struct group *g)
{
	cleanup_buf struct buf lines = BUF_INIT(BODY_MAX);
	struct telling t = { .w = w, .g = g };
	int r = 0;

	if (g->ends)
		return ends_rules(g->ends, tell, &t);
	if (g->names)
		r = names_globs(g->names, add_glob, &lines);
	twalk_r(g->values, add_line, &lines);
	if (r < 0 || lines.failed)
		return -ENOMEM;
	return tell(&t, buf_slice(&lines), g->count);
}
