// SPDX-License-Identifier: Apache-2.0
/* Each group told as one rule; where ends differ, as several. */
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

/* ---- names of rules ----------------------------------------------------- */

/* Of the base, of a rule here, or what several of these would be called. */
struct taken_name {
	unsigned next; /* number behind it that may be free */
	char name[104];
};

static int compare_taken(const void *a, const void *b)
{
	return strcmp(((const struct taken_name *)a)->name,
		      ((const struct taken_name *)b)->name);
}

/* NULL: no memory. *ret_new: nobody was called so. */
static struct taken_name *take_name(struct learned_rules *l, const char *name,
				    bool *ret_new)
{
	struct taken_name *t = calloc(1, sizeof(*t)), **at;

	if (!t)
		return NULL;
	t->next = 2;
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	at = tsearch(t, &l->names, compare_taken);
	*ret_new = at && *at == t;
	if (!*ret_new)
		free(t);
	return at ? *at : NULL;
}

static int take_names_of(struct learned_rules *l, struct rule_set *base)
{
	struct rule_info info;
	bool is_new;

	for (size_t i = 0; base && i < rule_set_count(base); i++) {
		rule_set_info(base, i, &info);
		if (!take_name(l, info.name, &is_new))
			return -ENOMEM;
	}
	return 0;
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
static void call_rule(const struct group_key *k, char name[static 104])
{
	size_t n = (size_t)snprintf(name, 104, "learned-");
	struct slice exe = k->of[LEARN_KEY_EXE];

	while (exe.n && memrchr(exe.p, '/', exe.n)) {
		const char *slash = memrchr(exe.p, '/', exe.n);

		exe = slice_of(slash + 1, (size_t)(exe.p + exe.n - slash) - 1);
	}
	n = add_stem(name, n, 28, exe);
	if (exe.n && name[n - 1] != '-')
		name[n++] = '-';
	if (k->in_container)
		n += (size_t)snprintf(name + n, 104 - n, "containers-");
	n = add_stem(name, n, 32, k->of[LEARN_KEY_UNIT]);
	if (k->of[LEARN_KEY_UNIT].n && name[n - 1] != '-')
		name[n++] = '-';
	(void)snprintf(name + n, 104 - n, "%s", forms[k->form].stem);
	(void)snprintf(name + n, 104 - n, "%s", forms[k->form].stem);
}

static int name_rule(struct learned_rules *l, const struct group_key *k,
		     char name[static 104])
{
	struct taken_name *stem;
	bool is_new;

	call_rule(k, name);
	stem = take_name(l, name, &is_new);
	while (stem && !is_new) {
		(void)snprintf(name, 104, "%.90s-%u", stem->name, stem->next++);
		if (!take_name(l, name, &is_new))
			return -ENOMEM;
	}
	return stem ? 0 : -ENOMEM;
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
		    const struct group *g)
{
	static const char *const keys[LEARN_KEY_COUNT] = {
		[LEARN_KEY_EXE] = "exe",
		[LEARN_KEY_UNIT] = "unit",
		[LEARN_KEY_IMAGE] = "image",
		[LEARN_KEY_NAMESPACE] = "namespace",
	};
	const struct group_key *k = &g->key;

	buf_addf(out, "event = %s\n", forms[k->form].event);
	for (size_t i = 0; i < LEARN_KEY_COUNT; i++)
		add_key(out, keys[i], k->of[i]);
	/* Its id is another one next time; that it is one is what counts. */
	if (k->in_container)
		buf_add_str(out, "container = *\n");
	traits_write(&g->traits, out);
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
	add_who(&body, t->w, t->g);
	buf_add_slice(&body, lines);
	buf_add_char(&body, '\0');
	if (body.failed)
		return -ENOMEM;
	if (name_rule(t->w->to, &t->g->key, made.name) < 0)
		return -ENOMEM;
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

static void add_line(void *arg, const struct line *x)
{
	struct buf *out = arg;

	buf_add_str(out, x->text);
	buf_add_char(out, '\n');
}

static int write_group(const struct group_writing *w, struct group *g)
{
	cleanup_buf struct buf lines = BUF_INIT(BODY_MAX);
	struct telling t = { .w = w, .g = g };
	int r = 0;

	/* Made for what there was no room for: without values it is all. */
	if (!g->count)
		return 0;
	if (g->ends)
		return ends_rules(g->ends, tell, &t);
	if (g->names)
		r = names_globs(g->names, add_glob, &lines);
	lines_each(&g->values, add_line, &lines);
	if (r < 0 || lines.failed || !lines.n)
		return -ENOMEM;
	return tell(&t, buf_slice(&lines), g->count);
}

struct writing {
	const struct group_writing *w;
	int error;
};

static void write_each(const void *at, VISIT which, void *arg)
{
	struct writing *x = arg;

	if ((which == postorder || which == leaf) && x->error >= 0)
		x->error = write_group(x->w, *(struct group *const *)at);
}

int groups_write(const struct group_writing *w, struct groups *g)
{
	struct writing x = { .w = w };

	x.error = take_names_of(w->to, w->s->base);
	if (x.error >= 0)
		twalk_r(g->tree, write_each, &x);
	return x.error;
}

void learned_text(const struct learned_rules *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct learned_rule *r = &l->list[i];

		if (!r->dropped)
			buf_addf(out,
				 "\n# %" PRIu64 " event%s, such as %s\n"
				 "[allow %s]\n%s",
				 r->count, r->count == 1 ? "" : "s", r->sample,
				 r->name, r->body);
	}
}

void learned_done(struct learned_rules *l)
{
	tdestroy(l->names, free);
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i].body);
	free(l->list);
	*l = (struct learned_rules){ 0 };
}
