// SPDX-License-Identifier: Apache-2.0
/*
 * Which events are learned, and as what. A program that others than root can
 * replace is trusted by no rule that comes out of here, whatever it did: who
 * may write it may do all that it may.
 */
#include "cmd/learn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/learn_code.h"
#include "cmd/learn_ends.h"
#include "cmd/learn_group.h"
#include "cmd/learn_names.h"
#include "cmd/learn_refused.h"
#include "cmd/learn_room.h"
#include "rules/literal.h"
#include "rules/pattern.h"
#include "rules/rules.h"

#define GLOB_MAX (64u << 10)

struct learn {
	struct learn_settings s;
	struct learn_counts counts;
	struct learn_room room;
	struct groups groups;
	struct codes *codes;
	struct refused *refused;
	struct learned_rules rules;
};

/* One event on its way. */
struct taking {
	struct learn *l;
	const struct event *ev;
	const struct image *img;
	char uid[VIEW_UID_MAX];
	struct group_key key;
	struct buf of[LEARN_KEY_COUNT], value, parent; /* globs */
	struct learn_no no;			       /* why: not learned */
	/* It could be, but for want of room: for one more group, or in one. */
	bool is_crowded, is_new_group;
};

/* Rules of a container's files go by its names, others by the host's. */
static struct slice name_of(const struct taking *t, const struct file_path *f)
{
	return f->host_path.n && !t->key.in_container ? f->host_path : f->path;
}

static int refuse(struct taking *t, const char *why)
{
	t->no.why = why;
	return 0;
}

static bool is_cut(const struct file_path *f)
{
	return f->flags & (PATH_F_TRUNCATED | PATH_F_UNRESOLVED);
}

/* Named by who mounted it: no rule goes by that, but for a container's. */
static bool is_anyones(const struct taking *t, const struct file_path *f)
{
	return (f->flags & PATH_F_FOREIGN) && !t->key.in_container;
}

/* Of other files only where the name is but claimed, and may be of any. */
static bool leads_anywhere(const struct taking *t, const struct file_path *f)
{
	return (f->flags & PATH_F_CLAIMED) && is_anyones(t, f);
}

static int check_code(struct taking *t, struct slice path,
		      const struct file_id *file)
{
	const struct code code = { path, file, t->key.in_container };

	return codes_check(t->l->codes, &code, &t->no);
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
	if (is_anyones(t, &img->exe))
		return refuse(t, "its program is on no mount of the host");
	if (t->ev->kind == EVENT_EXEC && (img->exe.flags & PATH_F_DELETED))
		return refuse(t, "its program was deleted");
	return check_code(t, name_of(t, &img->exe), &img->exe_file);
}

/* ---- what it did -------------------------------------------------------- */

static int find_group(struct taking *t, enum learn_form form,
		      struct group **ret)
{
	int r;

	t->key.form = form;
	for (size_t i = 0; i < LEARN_KEY_COUNT; i++)
		t->key.of[i] = buf_slice(&t->of[i]);
	if (form == LEARN_EXEC)
		t->key.of[LEARN_KEY_EXE] = slice_of(NULL, 0);
	r = groups_find(&t->l->groups, &t->key, ret);
	t->is_new_group = r == -ENOSPC;
	return r;
}

/* The event is one of the group's now. */
static int join_group(struct taking *t, struct group *g)
{
	const struct trait_event e = {
		.ev = t->ev,
		.is_steady =
			t->key.in_container || traits_is_service(t->img->unit),
		.parent = buf_slice(&t->parent),
	};

	if (!g->count++)
		(void)snprintf(g->sample, sizeof(g->sample), "%s", t->uid);
	return traits_add(&g->traits, &e);
}

/* "key = GLOB" as one of the group's values. */
static int add_value(struct taking *t, struct group *g, const char *key,
		     const struct buf *glob)
{
	const struct lines_bound bound = { &t->l->room, LEARN_VALUES_MAX };
	cleanup_buf struct buf line = BUF_INIT(GLOB_MAX);

	buf_addf(&line, "%s = ", key);
	buf_add_slice(&line, buf_slice(glob));
	if (line.failed)
		return -ENOMEM;
	return lines_add(&g->values, &bound, buf_slice(&line), t->uid);
}

static int learn_value(struct taking *t, enum learn_form form, const char *key,
		       const struct buf *glob)
{
	struct group *g;
	int r;

	if (glob->failed || glob->n > PATTERN_TEXT_MAX)
		return refuse(t, "its name is too long for a rule");
	r = find_group(t, form, &g);
	if (r >= 0)
		r = add_value(t, g, key, glob);
	return r < 0 ? r : join_group(t, g);
}

static int learn_exec(struct taking *t)
{
	const struct image *img = t->img;
	int r;

	if (!img->script.n)
		return learn_value(t, LEARN_EXEC, "exe", &t->of[LEARN_KEY_EXE]);
	r = check_code(t, img->script, &img->script_file);
	if (r < 0 || t->no.why)
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
	if (leads_anywhere(t, a) || (b && leads_anywhere(t, b)))
		return refuse(t,
			      "the file's name leads to no mount of the host");
	if (!names_fit(was) || !names_fit(is))
		return refuse(t, "no rule can have this name");
	r = find_group(t, LEARN_WRITE, &g);
	if (r >= 0 && !g->names)
		r = names_new(&t->l->room, &g->names);
	if (r >= 0)
		r = names_add(g->names, was);
	if (r >= 0 && b)
		r = names_add(g->names, is);
	return r < 0 ? r : join_group(t, g);
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
		r = ends_new(&t->l->room, listening, &g->ends);
	if (r >= 0)
		r = ends_add(g->ends, end);
	return r < 0 ? r : join_group(t, g);
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
	if (is_anyones(t, &load->path))
		return refuse(t, "the file is on no mount of the host");
	r = check_code(t, path, &load->file);
	if (r < 0 || t->no.why)
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
	if (!target || !target->exe.path.n || is_cut(&target->exe) ||
	    is_anyones(t, &target->exe))
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

/* One line for all events that are alike in why, what and by whom. */
static int note_refusal(struct taking *t, const char *rule)
{
	const struct refusal x = {
		.rule = rule,
		.no = &t->no,
		.ev = t->ev,
		/* Groups that are not kept would be as many lines. */
		.img = t->is_new_group ? NULL : t->img,
		.uid = t->uid,
		.of_many = t->is_crowded,
	};

	return refused_add(t->l->refused, &x);
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

static void name_place(struct taking *t)
{
	const struct image *img = t->img;

	t->key.in_container = img->container.n;
	if (!t->key.in_container) {
		names_generalise_word(&t->of[LEARN_KEY_UNIT], img->unit);
		return;
	}
	/* As long as it is not known, its container is any. */
	names_generalise_word(&t->of[LEARN_KEY_IMAGE], img->container_image);
	literal_add(&t->of[LEARN_KEY_NAMESPACE], img->pod_namespace);
}

/*
 * Empty where a condition might not know it either, or would speak for a
 * program that anybody may replace.
 */
static int name_parent(struct taking *t)
{
	const struct image *parent = t->img->parent;
	struct learn_no no = { 0 };
	struct code code;
	int r;

	if (!parent || (parent->flags & IMAGE_F_UNKNOWN) ||
	    is_cut(&parent->exe) || is_anyones(t, &parent->exe))
		return 0;
	code = (struct code){ name_of(t, &parent->exe), &parent->exe_file,
			      t->key.in_container };
	r = codes_check(t->l->codes, &code, &no);
	if (r < 0 || no.why)
		return r;
	names_generalise(&t->parent, code.path);
	if (t->parent.failed || t->parent.n > PATTERN_TEXT_MAX)
		buf_reset(&t->parent);
	return 0;
}

static bool fits_rule(const struct taking *t)
{
	for (size_t i = 0; i < LEARN_KEY_COUNT; i++)
		if (t->of[i].failed || t->of[i].n > PATTERN_TEXT_MAX)
			return false;
	return true;
}

static int learn_it(struct taking *t)
{
	int r;

	if (t->img)
		name_place(t);
	r = check_program(t);
	if (r < 0 || t->no.why)
		return r;
	names_generalise(&t->of[LEARN_KEY_EXE], name_of(t, &t->img->exe));
	if (!fits_rule(t))
		return refuse(t, "its name is too long for a rule");
	r = name_parent(t);
	if (r >= 0)
		r = learners[t->ev->kind](t);
	if (r != -ENOSPC)
		return r;
	t->is_crowded = true;
	return refuse(t, "there are more such than are kept");
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
	if (!t->no.why) {
		n->learned++;
		return 0;
	}
	n->refused += !t->is_crowded;
	n->crowded += t->is_crowded;
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
	for (size_t i = 0; i < LEARN_KEY_COUNT; i++)
		buf_init(&t.of[i], GLOB_MAX);
	buf_init(&t.value, GLOB_MAX);
	buf_init(&t.parent, GLOB_MAX);
	(void)view_uid(v, t.uid);
	if (!l->counts.events++)
		l->counts.first_ns = v->wall_ns;
	l->counts.last_ns = v->wall_ns;
	was = rule_set_match(l->s.base, ev, img);
	r = take(&t, &was);
	for (size_t i = 0; i < LEARN_KEY_COUNT; i++)
		buf_done(&t.of[i]);
	buf_done(&t.value);
	buf_done(&t.parent);
	return r;
}

/* ---- rules -------------------------------------------------------------- */

int learn_finish(struct learn *l)
{
	const struct group_writing w = { &l->s, &l->rules };

	return groups_write(&w, &l->groups);
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
	learned_text(&l->rules, out);
}

void learn_refusals(const struct learn *l, struct buf *out)
{
	refused_write(l->refused, out);
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
	l->room.left = LEARN_BYTES_MAX;
	l->groups.room = &l->room;
	if (codes_new(&l->codes) < 0 || refused_new(&l->refused) < 0) {
		learn_free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

void learn_free(struct learn *l)
{
	if (!l)
		return;
	groups_done(&l->groups);
	codes_free(l->codes);
	refused_free(l->refused);
	learned_done(&l->rules);
	free(l);
}
