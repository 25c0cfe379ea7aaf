// SPDX-License-Identifier: Apache-2.0
/*
 * Which edit is smallest: a value for the one condition that an allow rule
 * lacks, where there is such a rule and no deny stands in its way; else a rule
 * of its own for this program and this object, with an exception from the deny
 * that decided.
 */
#include "cmd/why.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "rules/literal.h"

#define RULE_NAME_ROOM 80

struct collecting {
	struct why *w;
	size_t cap;
};

static int keep_rule(void *arg, const struct explain_rule *e)
{
	struct collecting *c = arg;
	struct why *w = c->w;
	struct why_rule *r, *more;

	if (w->n_rules == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 64;
		more = reallocarray(w->rules, c->cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		w->rules = more;
	}
	r = &w->rules[w->n_rules];
	*r = (struct why_rule){
		.line = e->info.line,
		.holds = e->holds,
		.expired = e->info.expired,
		.final = e->final,
		/* As all that comes with picket, and upgrades replace. */
		.is_shipped = e->info.owner && !strcmp(e->info.owner, "picket"),
		.n_conds = e->n_conds,
		.n_failed = e->n_failed,
	};
	(void)snprintf(r->name, sizeof(r->name), "%s", e->info.name);
	(void)snprintf(r->file, sizeof(r->file), "%s", e->info.file);
	(void)snprintf(r->action, sizeof(r->action), "%s", e->info.action);
	r->conds = calloc(e->n_conds + 1, sizeof(*r->conds));
	if (!r->conds)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_conds; i++)
		r->conds[i] = e->conds[i];
	w->n_rules++;
	return 0;
}

void why_done(struct why *w)
{
	for (size_t i = 0; i < w->n_rules; i++)
		free(w->rules[i].conds);
	free(w->rules);
	*w = (struct why){ 0 };
}

/* Fewer conditions that fail; then more that hold. */
static bool is_nearer(const struct why_rule *a, const struct why_rule *b)
{
	if (!b || a->n_failed != b->n_failed)
		return !b || a->n_failed < b->n_failed;
	return a->n_conds > b->n_conds;
}

/* That a program is not what it should be explains, whatever else fits. */
static bool is_of_trust(const struct why_rule *r)
{
	for (size_t i = 0; i < r->n_conds; i++)
		if (!r->conds[i].holds && r->conds[i].actual[0] &&
		    !strcmp(r->conds[i].key, "trust"))
			return true;
	return false;
}

static const struct why_rule *nearest_allow(const struct why *w)
{
	const struct why_rule *best = NULL;

	for (size_t i = 0; i < w->n_rules; i++) {
		const struct why_rule *r = &w->rules[i];

		if (strcmp(r->action, "allow") || r->expired)
			continue;
		/* One that shares nothing with the event explains nothing. */
		if (r->n_failed && r->n_failed == r->n_conds && !is_of_trust(r))
			continue;
		if (is_nearer(r, best))
			best = r;
	}
	return best;
}

static const struct explain_cond *only_failure(const struct why_rule *r)
{
	for (size_t i = 0; r && r->n_failed == 1 && i < r->n_conds; i++)
		if (!r->conds[i].holds)
			return &r->conds[i];
	return NULL;
}

/* ---- a rule of its own -------------------------------------------------- */

static void add_glob(struct buf *out, const char *key, struct slice s)
{
	if (!s.n)
		return;
	buf_addf(out, "%s = ", key);
	literal_add(out, s);
	buf_add_char(out, '\n');
}

static struct slice name_of(const struct file_path *f)
{
	return f->host_path.n ? f->host_path : f->path;
}

static void add_end(struct buf *out, const char *key, const struct endpoint *e)
{
	char text[INET6_ADDRSTRLEN];

	if (e->unix_path.n && !e->unix_path.p[0]) {
		buf_add_str(out, "socket = @");
		literal_add(out,
			    slice_of(e->unix_path.p + 1, e->unix_path.n - 1));
		buf_add_char(out, '\n');
	} else {
		add_glob(out, "socket", e->unix_path);
	}
	if (!e->addr.family ||
	    !inet_ntop(e->addr.family, e->addr.bytes, text, sizeof(text)))
		return;
	buf_addf(out, "%s = %s\nport = %u\n", key, text, e->port);
}

static const char *const event_names[EVENT_KIND_COUNT] = {
	[EVENT_EXEC] = "exec",	 [EVENT_CONNECT] = "connect",
	[EVENT_WRITE] = "write", [EVENT_LISTEN] = "listen",
	[EVENT_LOAD] = "load",	 [EVENT_TAMPER] = "tamper",
};

/* What the event is about, besides who did it. */
static void add_object(struct buf *out, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_CONNECT:
		add_end(out, "dest", &ev->connect.peer);
		break;
	case EVENT_LISTEN:
		add_end(out, "address", &ev->listen.local);
		break;
	case EVENT_WRITE:
		add_glob(out, "path", name_of(&ev->write.path));
		add_glob(out, "path", name_of(&ev->write.new_path));
		break;
	case EVENT_LOAD:
		add_glob(out, "loaded", name_of(&ev->load.path));
		add_glob(out, "name", ev->load.name);
		break;
	case EVENT_TAMPER:
		if (ev->tamper.target_img)
			add_glob(out, "target",
				 name_of(&ev->tamper.target_img->exe));
		break;
	default:
		break;
	}
}

static bool is_taken(const struct rule_set *set, const char *name)
{
	struct rule_info info;

	for (size_t i = 0; i < rule_set_count(set); i++) {
		rule_set_info(set, i, &info);
		if (!strcmp(info.name, name))
			return true;
	}
	return false;
}

/* The last component of what runs, as far as a rule's name may have it. */
static void name_rule(const struct rule_set *set, const struct event *ev,
		      const struct image *img, char name[static RULE_NAME_ROOM])
{
	struct slice what = img->script.n ? img->script : name_of(&img->exe);
	size_t at = what.n, n = 0;
	char stem[48];

	while (at && what.p[at - 1] != '/')
		at--;
	for (; at < what.n && n < 40; at++) {
		char ch = what.p[at];
		bool plain = (ch >= 'a' && ch <= 'z') ||
			     (ch >= 'A' && ch <= 'Z') ||
			     (ch >= '0' && ch <= '9') || ch == '-' ||
			     ch == '_' || ch == '.';

		stem[n++] = plain ? ch : '-';
	}
	stem[n] = '\0';
	(void)snprintf(name, RULE_NAME_ROOM, "%s-%s", stem,
		       event_names[ev->kind]);
	for (unsigned i = 2; is_taken(set, name); i++)
		(void)snprintf(name, RULE_NAME_ROOM, "%s-%s-%u", stem,
			       event_names[ev->kind], i);
}

static void new_rule(struct why *w, const struct rule_set *set,
		     const struct event *ev, const struct image *img)
{
	cleanup_buf struct buf out = BUF_INIT(sizeof(w->text));
	char name[RULE_NAME_ROOM];

	name_rule(set, ev, img, name);
	buf_addf(&out, "[allow %s]\n", name);
	buf_addf(&out, "event = %s\n", event_names[ev->kind]);
	add_glob(&out, "exe", name_of(&img->exe));
	if (img->script.n && !img->script_file.known)
		buf_add_str(&out, "# as the caller named it: not proved\n");
	add_glob(&out, "script", img->script);
	add_object(&out, ev);
	if (w->verdict.answer == ANSWER_DENIED)
		buf_addf(&out, "excepts = %s\n", w->verdict.rule);
	buf_add_char(&out, '\0');
	if (out.failed) {
		w->edit = WHY_IMPOSSIBLE;
		w->why_not = "its names are too long for a rule";
		return;
	}
	w->edit = WHY_NEW_RULE;
	memcpy(w->text, out.p, out.n);
}

/* ---- the edit ----------------------------------------------------------- */

static bool is_final(const struct why *w)
{
	for (size_t i = 0; i < w->n_rules; i++)
		if (w->rules[i].final && w->rules[i].holds)
			return true;
	return false;
}

/* An interpreter as one more exe would be all of its scripts. */
static bool is_wide(const struct explain_cond *lacks, const struct image *img)
{
	return img->script.n && !strcmp(lacks->key, "exe");
}

static void find_edit(struct why *w, const struct rule_set *set,
		      const struct event *ev, const struct image *img)
{
	const struct explain_cond *lacks = only_failure(w->nearest);

	if (w->verdict.answer == ANSWER_ALLOWED ||
	    w->verdict.answer == ANSWER_IGNORED) {
		w->edit = WHY_NONE;
	} else if (is_final(w)) {
		w->edit = WHY_IMPOSSIBLE;
		w->why_not = "the deny is final and takes no exception";
	} else if (!img || (img->flags & IMAGE_F_UNKNOWN) || !img->exe.path.n) {
		w->edit = WHY_IMPOSSIBLE;
		w->why_not = "the program is not known, so no rule can name it";
	} else if (w->verdict.answer == ANSWER_UNLISTED && lacks &&
		   lacks->value[0] && !w->nearest->is_shipped &&
		   !is_wide(lacks, img)) {
		w->edit = WHY_ADD_VALUE;
		(void)snprintf(w->text, sizeof(w->text), "%s = %s", lacks->key,
			       lacks->value);
	} else {
		new_rule(w, set, ev, img);
	}
}

int why_ask(struct rule_set *set, const struct event *ev,
	    const struct image *img, struct why *ret)
{
	struct collecting c = { .w = ret };
	int r;

	*ret = (struct why){ .verdict = rule_set_match(set, ev, img) };
	r = rule_set_explain(set, ev, img, keep_rule, &c);
	if (r < 0) {
		why_done(ret);
		return r;
	}
	ret->nearest = nearest_allow(ret);
	find_edit(ret, set, ev, img);
	return 0;
}
