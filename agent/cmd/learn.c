// SPDX-License-Identifier: Apache-2.0
/*
 * Which events are learned, and as what. A program that others than root can
 * replace is trusted by no rule that comes out of here, whatever it did: who
 * may write it may do all that it may.
 */
#include "cmd/learn.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/escape.h"
#include "cmd/learn_ends.h"
#include "cmd/learn_group.h"
#include "cmd/learn_names.h"
#include "rules/lint.h"
#include "rules/literal.h"
#include "rules/pattern.h"
#include "rules/rules.h"

#define GLOB_MAX      (64u << 10)
#define REFUSALS_TOLD 200

struct learn {
	struct learn_settings s;
	struct learn_counts counts;
	void *groups;	/* tsearch: struct group */
	void *programs; /* tsearch: struct program */
	void *refusals; /* tsearch: struct line */
	struct learned_rules rules;
};

/* One event on its way. */
struct taking {
	struct learn *l;
	const struct event *ev;
	const struct image *img;
	char uid[VIEW_UID_MAX];
	struct group_key key;
	struct buf unit, exe, value; /* globs */
	const char *why;	     /* it is not learned; NULL: it is */
	char where[256];	     /* raw; more about why */
};

/* What is known of a program's name, since to look costs. */
struct program {
	bool open;
	char where[256];
	size_t n;
	char path[];
};

/* ---- programs ----------------------------------------------------------- */

static int compare_programs(const void *a, const void *b)
{
	const struct program *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return memcmp(x->path, y->path, x->n);
}

/* On this host, as it is now. */
static int look_up(struct learn *l, struct slice path,
		   const struct program **ret)
{
	struct program *p = calloc(1, sizeof(*p) + path.n), **at;

	if (!p)
		return -ENOMEM;
	p->n = path.n;
	memcpy(p->path, path.p, path.n);
	at = tsearch(p, &l->programs, compare_programs);
	if (!at || *at != p)
		free(p);
	else
		p->open = lint_is_open("", path, p->where, sizeof(p->where));
	if (!at)
		return -ENOMEM;
	*ret = *at;
	return 0;
}

/* Rules of a container's files go by its names, others by the host's. */
static struct slice name_of(const struct taking *t, const struct file_path *f)
{
	return f->host_path.n && !t->key.in_container ? f->host_path : f->path;
}

static int refuse(struct taking *t, const char *why)
{
	t->why = why;
	return 0;
}

static bool is_cut(const struct file_path *f)
{
	return f->flags & (PATH_F_TRUNCATED | PATH_F_UNRESOLVED);
}

/* Sets t->why if no rule may trust this file. -ENOMEM. */
static int check_code(struct taking *t, struct slice path,
		      const struct file_id *file)
{
	const struct program *p;
	int r;

	if (file->known && file->memfd)
		return refuse(t, "its program is no file (memfd)");
	if (!names_fit(path))
		return refuse(t, "no rule can have this name");
	if (file->known && (file->mode & S_IWOTH))
		return refuse(t, "anybody may write the file");
	if (t->key.in_container) {
		/* Its directories are not to be seen from here. */
		if (lint_is_open_place(path))
			return refuse(t, "anybody may put a file there");
		return 0;
	}
	r = look_up(t->l, path, &p);
	if (r < 0)
		return r;
	if (!p->open)
		return 0;
	(void)snprintf(t->where, sizeof(t->where), "%s", p->where);
	return refuse(t, "others than root may write");
}

static int check_program(struct taking *t)
{
	const struct image *img = t->img;

	if (!img || (img->flags & IMAGE_F_UNKNOWN))
		return refuse(t, "the process is not known");
	if (!img->exe.path.n)
		return refuse(t, "it runs no program");
	if (is_cut(&img->exe) && !(img->exe_file.known && img->exe_file.memfd))
		return refuse(t, "its program's name is not known in full");
	if (t->ev->kind == EVENT_EXEC && (img->exe.flags & PATH_F_DELETED))
		return refuse(t, "its program was deleted");
	return check_code(t, name_of(t, &img->exe), &img->exe_file);
}

/* ---- what it did -------------------------------------------------------- */

/* "key = GLOB" as one of the group's values. */
static int add_value(struct taking *t, struct group *g, const char *key,
		     const struct buf *glob)
{
	cleanup_buf struct buf line = BUF_INIT(GLOB_MAX);

	buf_addf(&line, "%s = ", key);
	buf_add_slice(&line, buf_slice(glob));
	if (line.failed)
		return -ENOMEM;
	return line_add(&g->values, buf_slice(&line), t->uid);
}

static int find_group(struct taking *t, enum learn_form form,
		      struct group **ret)
{
	struct group *g;
	int r;

	t->key.form = form;
	t->key.unit = buf_slice(&t->unit);
	t->key.exe =
		form == LEARN_EXEC ? slice_of(NULL, 0) : buf_slice(&t->exe);
	r = group_find(&t->l->groups, &t->key, &g);
	if (r < 0)
		return r;
	if (!g->count++)
		(void)snprintf(g->sample, sizeof(g->sample), "%s", t->uid);
	*ret = g;
	return 0;
}

static int learn_value(struct taking *t, enum learn_form form, const char *key,
		       const struct buf *glob)
{
	struct group *g;
	int r;

	if (glob->failed || glob->n > PATTERN_TEXT_MAX)
		return refuse(t, "its name is too long for a rule");
	r = find_group(t, form, &g);
	return r < 0 ? r : add_value(t, g, key, glob);
}

static int learn_exec(struct taking *t)
{
	const struct image *img = t->img;
	int r;

	if (!img->script.n)
		return learn_value(t, LEARN_EXEC, "exe", &t->exe);
	r = check_code(t, img->script, &img->script_file);
	if (r < 0 || t->why)
		return r;
	names_generalise(&t->value, img->script);
	return learn_value(t, LEARN_SCRIPT, "script", &t->value);
}

static int learn_names(struct taking *t, const struct file_path *a,
		       const struct file_path *b)
{
	struct slice was = name_of(t, a), is = b ? name_of(t, b) : was;
	struct group *g;
	int r;

	if (is_cut(a) || (b && is_cut(b)))
		return refuse(t, "the file's name is not known in full");
	if (!names_fit(was) || !names_fit(is))
		return refuse(t, "no rule can have this name");
	r = find_group(t, LEARN_WRITE, &g);
	if (r >= 0 && !g->names)
		r = names_new(&g->names);
	if (r >= 0)
		r = names_add(g->names, was);
	if (r >= 0 && b)
		r = names_add(g->names, is);
	return r;
}

static int learn_write(struct taking *t)
{
	const struct write_info *w = &t->ev->write;
	bool two = w->op == OP_RENAME || w->op == OP_LINK;

	return learn_names(t, &w->path, two ? &w->new_path : NULL);
}

static int learn_end(struct taking *t, const struct endpoint *end,
		     bool listening)
{
	struct group *g;
	int r;

	if (end->unix_path.n) {
		if (end->unix_path.p[0]) {
			names_generalise_word(&t->value, end->unix_path);
		} else {
			buf_add_char(&t->value, '@');
			names_generalise_word(&t->value,
					      slice_of(end->unix_path.p + 1,
						       end->unix_path.n - 1));
		}
		return learn_value(t, listening ? LEARN_BOUND : LEARN_SOCKET,
				   "socket", &t->value);
	}
	if (!end->addr.family)
		return refuse(t, "no rule can name such a socket");
	r = find_group(t, listening ? LEARN_LISTEN : LEARN_CONNECT, &g);
	if (r >= 0 && !g->ends)
		r = ends_new(listening, &g->ends);
	return r < 0 ? r : ends_add(g->ends, end);
}

static int learn_connect(struct taking *t)
{
	return learn_end(t, &t->ev->connect.peer, false);
}

static int learn_listen(struct taking *t)
{
	return learn_end(t, &t->ev->listen.local, true);
}

static int learn_load(struct taking *t)
{
	const struct load_info *load = &t->ev->load;
	struct slice path = name_of(t, &load->path);
	int r;

	if (!path.n) {
		if (!load->name.n)
			return refuse(t, "what is loaded has no name");
		literal_add(&t->value, load->name);
		return learn_value(t, LEARN_LOAD_NAME, "name", &t->value);
	}
	if (is_cut(&load->path))
		return refuse(t, "the file's name is not known in full");
	r = check_code(t, path, &load->file);
	if (r < 0 || t->why)
		return r;
	names_generalise(&t->value, path);
	return learn_value(t, LEARN_LOAD, "loaded", &t->value);
}

static int learn_tamper(struct taking *t)
{
	const struct image *target = t->ev->tamper.target_img;
	struct slice path;

	if (t->ev->tamper.of_picket)
		return refuse(t, "it is aimed at picket");
	if (!target || !target->exe.path.n || is_cut(&target->exe))
		return refuse(t, "its target is not known");
	path = name_of(t, &target->exe);
	if (!names_fit(path))
		return refuse(t, "no rule can have this name");
	names_generalise(&t->value, path);
	return learn_value(t, LEARN_TAMPER, "target", &t->value);
}

static int (*const learners[EVENT_KIND_COUNT])(struct taking *t) = {
	[EVENT_EXEC] = learn_exec,	 [EVENT_WRITE] = learn_write,
	[EVENT_CONNECT] = learn_connect, [EVENT_LISTEN] = learn_listen,
	[EVENT_LOAD] = learn_load,	 [EVENT_TAMPER] = learn_tamper,
};

/* ---- taking ------------------------------------------------------------- */

static const char *const kind_names[EVENT_KIND_COUNT] = {
	[EVENT_EXEC] = "exec",	     [EVENT_WRITE] = "write",
	[EVENT_CONNECT] = "connect", [EVENT_LISTEN] = "listen",
	[EVENT_LOAD] = "load",	     [EVENT_TAMPER] = "tamper",
};

static struct slice object_of(const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_WRITE:
		return ev->write.new_path.path.n ? ev->write.new_path.path
						 : ev->write.path.path;
	case EVENT_LOAD:
		return ev->load.path.path.n ? ev->load.path.path
					    : ev->load.name;
	default:
		return slice_of(NULL, 0);
	}
}

/* Why, what, by whom: one line for all events that are alike in that. */
static int note_refusal(struct taking *t, const char *rule)
{
	cleanup_buf struct buf line = BUF_INIT(GLOB_MAX);
	struct slice object = object_of(t->ev);

	if (rule)
		buf_addf(&line, "denied by %s", rule);
	else
		buf_add_str(&line, t->why);
	if (!rule && t->where[0]) {
		buf_add_char(&line, ' ');
		escape_word(&line, slice_str(t->where));
	}
	buf_addf(&line, ": %s", kind_names[t->ev->kind]);
	if (t->img && t->img->exe.path.n) {
		buf_add_str(&line, t->ev->kind == EVENT_EXEC ? " of " : " by ");
		escape_word(&line, t->img->exe.path);
	}
	if (t->ev->kind == EVENT_EXEC && t->img && t->img->script.n) {
		buf_add_str(&line, " script ");
		escape_word(&line, t->img->script);
	}
	if (object.n) {
		buf_add_str(&line, t->ev->kind == EVENT_LOAD ? " of " : " to ");
		escape_word(&line, object);
	}
	return line.failed
		       ? -ENOMEM
		       : line_add(&t->l->refusals, buf_slice(&line), t->uid);
}

static bool is_final(const struct learn *l, const char *rule)
{
	struct rule_info info;

	for (size_t i = 0; i < rule_set_count(l->s.base); i++) {
		rule_set_info(l->s.base, i, &info);
		if (!strcmp(info.name, rule))
			return info.final;
	}
	return false;
}

static int learn_it(struct taking *t)
{
	int r;

	if (t->img) {
		t->key.in_container = t->img->container.n;
		if (!t->key.in_container && t->img->unit.n)
			names_generalise_word(&t->unit, t->img->unit);
	}
	r = check_program(t);
	if (r < 0 || t->why)
		return r;
	names_generalise(&t->exe, name_of(t, &t->img->exe));
	if (t->exe.failed || t->exe.n > PATTERN_TEXT_MAX || t->unit.failed)
		return refuse(t, "its name is too long for a rule");
	return learners[t->ev->kind](t);
}

static int take(struct taking *t, const struct verdict *was)
{
	struct learn_counts *n = &t->l->counts;
	int r;

	if (was->answer == ANSWER_ALLOWED ||
	    (was->answer == ANSWER_IGNORED && was->rule)) {
		n->known++;
		return 0;
	}
	if (was->answer == ANSWER_DENIED) {
		if (!t->l->s.excepts || is_final(t->l, was->rule)) {
			n->denied++;
			return note_refusal(t, was->rule);
		}
		t->key.except = was->rule;
	}
	r = learn_it(t);
	if (r < 0)
		return r;
	if (!t->why) {
		n->learned++;
		return 0;
	}
	n->refused++;
	return note_refusal(t, NULL);
}

int learn_take(struct learn *l, const struct view *v, const struct event *ev,
	       const struct image *img)
{
	struct taking t = { .l = l, .ev = ev, .img = img };
	struct verdict was;
	int r;

	if (!learners[ev->kind])
		return 0;
	buf_init(&t.unit, GLOB_MAX);
	buf_init(&t.exe, GLOB_MAX);
	buf_init(&t.value, GLOB_MAX);
	(void)view_uid(v, t.uid);
	if (!l->counts.events++)
		l->counts.first_ns = v->wall_ns;
	l->counts.last_ns = v->wall_ns;
	was = rule_set_match(l->s.base, ev, img);
	r = take(&t, &was);
	buf_done(&t.unit);
	buf_done(&t.exe);
	buf_done(&t.value);
	return r;
}

/* ---- rules -------------------------------------------------------------- */

struct finishing {
	struct group_writing w;
	int error;
};

static void finish_group(const void *at, VISIT which, void *arg)
{
	struct finishing *f = arg;

	if ((which == postorder || which == leaf) && f->error >= 0)
		f->error = group_write(&f->w, *(struct group *const *)at);
}

int learn_finish(struct learn *l)
{
	struct finishing f = { .w = { &l->s, &l->rules } };

	twalk_r(l->groups, finish_group, &f);
	return f.error;
}

size_t learn_rules(const struct learn *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->rules.n; i++)
		n += !l->rules.list[i].dropped;
	return n;
}

bool learn_drop(struct learn *l, const char *name)
{
	for (size_t i = 0; i < l->rules.n; i++) {
		struct learned_rule *r = &l->rules.list[i];

		if (r->dropped || strcmp(r->name, name))
			continue;
		r->dropped = true;
		return true;
	}
	return false;
}

void learn_text(const struct learn *l, struct buf *out)
{
	for (size_t i = 0; i < l->rules.n; i++) {
		const struct learned_rule *r = &l->rules.list[i];

		if (!r->dropped)
			buf_addf(out,
				 "\n# %" PRIu64 " event%s, such as %s\n"
				 "[allow %s]\n%s",
				 r->count, r->count == 1 ? "" : "s", r->sample,
				 r->name, r->body);
	}
}

struct listing {
	struct buf *out;
	size_t n;
};

static void add_refusal(const void *at, VISIT which, void *arg)
{
	const struct line *x = *(struct line *const *)at;
	struct listing *l = arg;

	if ((which != postorder && which != leaf) || l->n++ >= REFUSALS_TOLD)
		return;
	buf_addf(l->out, "# %" PRIu64 " event%s, such as %s:\n#   %s\n",
		 x->count, x->count == 1 ? "" : "s", x->sample, x->text);
}

void learn_refusals(const struct learn *l, struct buf *out)
{
	struct listing list = { .out = out };

	if (!l->refusals)
		return;
	buf_add_str(out, "\n# Not learned:\n");
	twalk_r(l->refusals, add_refusal, &list);
	if (list.n > REFUSALS_TOLD)
		buf_addf(out, "# and %zu more\n", list.n - REFUSALS_TOLD);
}

const struct learn_counts *learn_counts(const struct learn *l)
{
	return &l->counts;
}

int learn_new(const struct learn_settings *s, struct learn **ret)
{
	struct learn *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->s = *s;
	*ret = l;
	return 0;
}

void learn_free(struct learn *l)
{
	if (!l)
		return;
	tdestroy(l->groups, group_free);
	tdestroy(l->programs, free);
	tdestroy(l->refusals, free);
	for (size_t i = 0; i < l->rules.n; i++)
		free(l->rules.list[i].body);
	free(l->rules.list);
	free(l);
}
