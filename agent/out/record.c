// SPDX-License-Identifier: Apache-2.0
/*
 * Events -> packed protobuf, the payload of journal frames. What was done is
 * in record_act.c, images and amendments in files of their own.
 *
 * The idea: the message tree of one event stands on the stack and borrows
 * every byte from the event, so packing costs one growth of `out` and no
 * other allocation. What equals a default, or what the image already says,
 * is left out: a host writes many millions of these.
 *
 * Strings (not bytes) must be UTF-8, or a strict decoder refuses the whole
 * message; rule names and the like come from files, so they are checked.
 */
#include "out/record.h"

#include <assert.h>

#include "base/escape.h"
#include "out/pack.h"
#include "out/record_part.h"

#define FACTS_MAX 32

static const Picket__V1__Kind kinds[EVENT_KIND_COUNT] = {
	[EVENT_EXEC] = PICKET__V1__KIND__KIND_EXEC,
	[EVENT_EXIT] = PICKET__V1__KIND__KIND_EXIT,
	[EVENT_CONNECT] = PICKET__V1__KIND__KIND_CONNECT,
	[EVENT_WRITE] = PICKET__V1__KIND__KIND_WRITE,
	[EVENT_AGENT] = PICKET__V1__KIND__KIND_AGENT,
	[EVENT_LISTEN] = PICKET__V1__KIND__KIND_LISTEN,
	[EVENT_LOAD] = PICKET__V1__KIND__KIND_LOAD,
	[EVENT_TAMPER] = PICKET__V1__KIND__KIND_TAMPER,
};

static const Picket__V1__Answer answers[ANSWER_COUNT] = {
	[ANSWER_ALLOWED] = PICKET__V1__ANSWER__ANSWER_ALLOWED,
	[ANSWER_DENIED] = PICKET__V1__ANSWER__ANSWER_DENIED,
	[ANSWER_UNLISTED] = PICKET__V1__ANSWER__ANSWER_UNLISTED,
	[ANSWER_PENDING] = PICKET__V1__ANSWER__ANSWER_PENDING,
	[ANSWER_IGNORED] = PICKET__V1__ANSWER__ANSWER_IGNORED,
};

/* These are cast, not looked up. */
static_assert((int)SEVERITY_CRITICAL ==
		      (int)PICKET__V1__SEVERITY__SEVERITY_CRITICAL,
	      "severities agree with event.proto");
static_assert((int)TRUST_UNPROVED == (int)PICKET__V1__TRUST__TRUST_UNPROVED &&
		      (int)HASH_FAILED == (int)PICKET__V1__HASH__HASH_FAILED,
	      "findings agree with event.proto");

Picket__V1__Kind record_kind(enum event_kind kind)
{
	return kinds[kind];
}

void record_fill_verdict(Picket__V1__Verdict *m, const struct verdict *v,
			 struct mended *rule, struct mended *tag)
{
	picket__v1__verdict__init(m);
	m->answer = answers[v->answer];
	m->alert = v->alert;
	m->repeated = v->repeated;
	m->severity = (Picket__V1__Severity)v->severity;
	m->rule = record_string(v->rule, rule);
	m->tag = record_string(v->tag, tag);
}

bool record_fill_path(Picket__V1__Path *m, const struct file_path *p)
{
	if (!p->path.n && !p->flags)
		return false;
	picket__v1__path__init(m);
	m->path = record_bytes(p->path);
	if (!slice_eq(p->fs_path, p->path))
		m->fs_path = record_bytes(p->fs_path);
	if (!slice_eq(p->host_path, p->path))
		m->host_path = record_bytes(p->host_path);
	m->truncated = !!(p->flags & PATH_F_TRUNCATED);
	m->unresolved = !!(p->flags & PATH_F_UNRESOLVED);
	m->deleted = !!(p->flags & PATH_F_DELETED);
	m->claimed = !!(p->flags & PATH_F_CLAIMED);
	m->foreign = !!(p->flags & PATH_F_FOREIGN);
	m->fs_path_unknown = !p->fs_path.n;
	return true;
}

bool record_fill_file(Picket__V1__File *m, const struct file_id *f,
		      bool with_times)
{
	if (!f->known)
		return false;
	picket__v1__file__init(m);
	m->inode = f->ino;
	m->device = f->dev;
	m->generation = f->generation;
	m->mode = f->mode;
	m->uid = f->uid;
	m->gid = f->gid;
	m->links = f->nlink;
	m->size = f->size;
	if (with_times) {
		m->mtime_ns = f->mtime_ns;
		m->ctime_ns = f->ctime_ns;
	}
	m->memfd = f->memfd;
	m->overlay_upper = f->overlay_upper;
	m->overlay_lower = f->overlay_lower;
	return true;
}

char *record_string(const char *s, struct mended *m)
{
	struct slice in = slice_str(s);
	size_t n = 0;

	if (!s)
		return NULL;
	if (utf8_valid(in))
		return (char *)(uintptr_t)s;
	while (in.n) {
		size_t len = utf8_next(in, NULL);
		size_t step = len ? len : 1;

		if (n + step >= sizeof(m->s))
			break;
		if (len)
			memcpy(m->s + n, in.p, len);
		else
			m->s[n] = '?';
		n += step;
		in = slice_of(in.p + step, in.n - step);
	}
	m->s[n] = '\0';
	return m->s;
}

static bool actor_differs(const struct actor *a, const struct image *img)
{
	if (a->none)
		return false;
	return !img || a->uid != img->uid || a->euid != img->euid ||
	       a->gid != img->gid || a->mnt_ns != img->mnt_ns ||
	       (a->cgroup_id && a->cgroup_id != img->cgroup_id);
}

static void fill_actor(Picket__V1__Actor *m, const struct actor *a)
{
	picket__v1__actor__init(m);
	m->uid = a->uid;
	m->euid = a->euid;
	m->gid = a->gid;
	m->mnt_ns = a->mnt_ns;
	m->cgroup_id = a->cgroup_id;
}

void record_pack_event(struct buf *out, const struct event *ev,
		       const struct image *img, const struct verdict *v,
		       int64_t wall_ns)
{
	Picket__V1__Event m;
	Picket__V1__Verdict verdict;
	Picket__V1__Actor actor;
	struct mended rule, tag;
	union record_act act;

	picket__v1__event__init(&m);
	m.boot_ns = ev->time_ns;
	m.wall_ns = wall_ns;
	m.kind = record_kind(ev->kind);
	m.backend = ev->backend;
	m.cpu = ev->cpu;
	m.canary = ev->canary;
	m.image = img ? img->id : 0;
	if (!ev->actor.none && ev->actor.tid != ev->actor.proc.tgid)
		m.tid = ev->actor.tid;
	if (actor_differs(&ev->actor, img)) {
		fill_actor(&actor, &ev->actor);
		m.actor = &actor;
	}
	if (v && v->answer != ANSWER_NONE) {
		record_fill_verdict(&verdict, v, &rule, &tag);
		m.verdict = &verdict;
	}
	record_fill_act(&m, &act, ev);
	pack_message(out, &m.base);
}

static void pack_agent(struct buf *out, Picket__V1__Agent *agent,
		       struct record_time at)
{
	Picket__V1__Event m;

	picket__v1__event__init(&m);
	m.boot_ns = at.boot_ns;
	m.wall_ns = at.wall_ns;
	m.kind = PICKET__V1__KIND__KIND_AGENT;
	m.agent = agent;
	pack_message(out, &m.base);
}

void record_pack_agent(struct buf *out, const struct record_agent *agent,
		       struct record_time at)
{
	const struct record_fact *facts = agent->facts;
	Picket__V1__Agent__FactsEntry entries[FACTS_MAX], *list[FACTS_MAX];
	struct mended line, keys[FACTS_MAX], values[FACTS_MAX];
	Picket__V1__Agent a;
	size_t n;

	picket__v1__agent__init(&a);
	a.what = (Picket__V1__Agent__What)agent->what;
	a.text = record_string(agent->text, &line);
	for (n = 0; facts && facts[n].key && n < FACTS_MAX; n++) {
		picket__v1__agent__facts_entry__init(&entries[n]);
		entries[n].key = record_string(facts[n].key, &keys[n]);
		entries[n].value = record_string(facts[n].value, &values[n]);
		list[n] = &entries[n];
	}
	a.n_facts = n;
	a.facts = list;
	pack_agent(out, &a, at);
}

void record_pack_coverage(struct buf *out, const char *text,
			  const struct record_coverage_table *table,
			  struct record_time at)
{
	Picket__V1__Coverage rows[RECORD_COVERAGE_MAX];
	Picket__V1__Coverage *list[RECORD_COVERAGE_MAX];
	Picket__V1__Agent a;
	struct mended line, reasons[RECORD_COVERAGE_MAX];
	size_t n;

	picket__v1__agent__init(&a);
	a.what = PICKET__V1__AGENT__WHAT__COVERAGE;
	a.text = record_string(text, &line);
	for (n = 0; n < table->n && n < RECORD_COVERAGE_MAX; n++) {
		const struct record_coverage *c = &table->rows[n];

		picket__v1__coverage__init(&rows[n]);
		rows[n].family = (char *)(uintptr_t)c->family;
		rows[n].way = (char *)(uintptr_t)c->way;
		rows[n].backend = (char *)(uintptr_t)c->backend;
		/* The kernel's own words are in it. */
		rows[n].reason = record_string(c->reason, &reasons[n]);
		rows[n].active = c->active;
		list[n] = &rows[n];
	}
	a.n_coverage = n;
	a.coverage = list;
	pack_agent(out, &a, at);
}
