// SPDX-License-Identifier: Apache-2.0
/*
 * Events and amendments -> packed protobuf, the payload of journal frames.
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
#include <netinet/in.h>

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
static_assert((int)LOAD_BPF == (int)PICKET__V1__LOAD__TYPE__BPF,
	      "loads agree with event.proto");
static_assert((int)TAMPER_BPF == (int)PICKET__V1__TAMPER__TYPE__BPF,
	      "tampering agrees with event.proto");
static_assert((int)OP_RMDIR == (int)PICKET__V1__OPERATION__OPERATION_RMDIR,
	      "operations agree with event.proto");

static_assert((int)TRUST_UNPROVED == (int)PICKET__V1__TRUST__TRUST_UNPROVED &&
		      (int)HASH_FAILED == (int)PICKET__V1__HASH__HASH_FAILED,
	      "findings agree with event.proto");

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

static ProtobufCBinaryData ip_bytes(const struct ip_addr *a)
{
	size_t n = a->family == AF_INET6 ? 16 : 4;

	return record_bytes(slice_of((const char *)a->bytes, n));
}

static void fill_address(Picket__V1__Address *m, const struct ip_addr *a,
			 uint16_t port)
{
	picket__v1__address__init(m);
	m->ip = ip_bytes(a);
	m->port = port;
}

/* ---- what was done ------------------------------------------------------ */

/* One of these for every kind: the member of Event and all below it. */
union act {
	Picket__V1__Exec exec;
	Picket__V1__Exit exit;
	struct {
		Picket__V1__Connect connect;
		Picket__V1__Address peer;
		Picket__V1__Vsock peer_vsock;
	};
	struct {
		Picket__V1__Listen listen;
		Picket__V1__Address local;
		Picket__V1__Vsock local_vsock;
	};
	struct {
		Picket__V1__Write write;
		Picket__V1__Path path, new_path;
		Picket__V1__File file;
	};
	struct {
		Picket__V1__Load load;
		Picket__V1__Path load_path;
		Picket__V1__File load_file;
	};
	Picket__V1__Tamper tamper;
};

static void fill_exec(Picket__V1__Event *m, union act *a,
		      const struct event *ev)
{
	(void)ev;
	picket__v1__exec__init(&a->exec);
	m->exec = &a->exec;
}

static void fill_exit(Picket__V1__Event *m, union act *a,
		      const struct event *ev)
{
	picket__v1__exit__init(&a->exit);
	a->exit.status = ev->exit.status;
	m->exit = &a->exit;
}

/* NULL: of another family, or not known. */
static Picket__V1__Vsock *fill_vsock(Picket__V1__Vsock *m,
				     const struct endpoint *e)
{
	if (!e->vsock.known)
		return NULL;
	picket__v1__vsock__init(m);
	m->cid = e->vsock.cid;
	m->port = e->vsock.port;
	return m;
}

/* Left out where the address says it, which is nearly always. */
static uint32_t family_to_tell(const struct endpoint *e)
{
	return e->addr.family ? 0 : e->family;
}

static void fill_connect(Picket__V1__Event *m, union act *a,
			 const struct event *ev)
{
	const struct connect_info *c = &ev->connect;

	picket__v1__connect__init(&a->connect);
	if (c->peer.addr.family) {
		fill_address(&a->peer, &c->peer.addr, c->peer.port);
		a->connect.peer = &a->peer;
	}
	a->connect.family = family_to_tell(&c->peer);
	a->connect.vsock = fill_vsock(&a->peer_vsock, &c->peer);
	a->connect.unix_path = record_bytes(c->peer.unix_path);
	a->connect.type = c->peer.type;
	a->connect.protocol = c->peer.protocol;
	a->connect.send = c->is_send;
	a->connect.socket = c->is_socket;
	a->connect.net_ns = c->peer.net_ns;
	m->connect = &a->connect;
}

static void fill_listen(Picket__V1__Event *m, union act *a,
			const struct event *ev)
{
	const struct listen_info *l = &ev->listen;

	picket__v1__listen__init(&a->listen);
	if (l->local.addr.family) {
		fill_address(&a->local, &l->local.addr, l->local.port);
		a->listen.local = &a->local;
	}
	a->listen.family = family_to_tell(&l->local);
	a->listen.vsock = fill_vsock(&a->local_vsock, &l->local);
	a->listen.unix_path = record_bytes(l->local.unix_path);
	a->listen.type = l->local.type;
	a->listen.protocol = l->local.protocol;
	a->listen.net_ns = l->local.net_ns;
	a->listen.backlog = l->backlog;
	a->listen.bind = l->is_bind;
	m->listen = &a->listen;
}

static void fill_load(Picket__V1__Event *m, union act *a,
		      const struct event *ev)
{
	const struct load_info *l = &ev->load;

	picket__v1__load__init(&a->load);
	a->load.type = (Picket__V1__Load__Type)l->op;
	if (record_fill_path(&a->load_path, &l->path))
		a->load.path = &a->load_path;
	if (record_fill_file(&a->load_file, &l->file, true))
		a->load.file = &a->load_file;
	a->load.name = record_bytes(l->name);
	a->load.program_type = l->arg;
	a->load.program_id = l->id;
	a->load.fd_claimed = !!(l->flags & LOAD_F_FD_CLAIMED);
	a->load.mprotect = !!(l->flags & LOAD_F_MPROTECT);
	m->load = &a->load;
}

static void fill_tamper(Picket__V1__Event *m, union act *a,
			const struct event *ev)
{
	const struct tamper_info *t = &ev->tamper;

	picket__v1__tamper__init(&a->tamper);
	a->tamper.type = (Picket__V1__Tamper__Type)t->op;
	a->tamper.of_picket = t->of_picket;
	a->tamper.claimed = t->claimed;
	a->tamper.target_pid = t->target.tgid;
	a->tamper.target_start_ns = t->target.start_ns;
	if (t->target_img)
		a->tamper.target_exe = record_bytes(t->target_img->exe.path);
	a->tamper.arg = t->arg;
	a->tamper.object_id = t->id;
	m->tamper = &a->tamper;
}

static void fill_write(Picket__V1__Event *m, union act *a,
		       const struct event *ev)
{
	const struct write_info *w = &ev->write;

	picket__v1__write__init(&a->write);
	a->write.operation = (Picket__V1__Operation)w->op;
	/* Always there, even when empty: a write without a path is none. */
	if (!record_fill_path(&a->path, &w->path))
		picket__v1__path__init(&a->path);
	a->write.path = &a->path;
	if (record_fill_path(&a->new_path, &w->new_path))
		a->write.new_path = &a->new_path;
	if (record_fill_file(&a->file, &w->file, false))
		a->write.file = &a->file;
	a->write.target = record_bytes(w->target);
	a->write.created = !!(w->flags & WRITE_F_CREATED);
	a->write.truncated = !!(w->flags & WRITE_F_TRUNC);
	a->write.append = !!(w->flags & WRITE_F_APPEND);
	a->write.fd_claimed = !!(w->flags & WRITE_F_FD_CLAIMED);
	a->write.fd_changed = !!(w->flags & WRITE_F_FD_CHANGED);
	a->write.submitted = !!(w->flags & WRITE_F_SUBMITTED);
	a->write.exchange = !!(w->flags & WRITE_F_EXCHANGE);
	a->write.bytes = w->bytes;
	a->write.arg = w->arg;
	a->write.arg2 = w->arg2;
	m->write = &a->write;
}

static void (*const fill_act[EVENT_KIND_COUNT])(Picket__V1__Event *,
						union act *,
						const struct event *) = {
	[EVENT_EXEC] = fill_exec,	[EVENT_EXIT] = fill_exit,
	[EVENT_CONNECT] = fill_connect, [EVENT_WRITE] = fill_write,
	[EVENT_LISTEN] = fill_listen,	[EVENT_LOAD] = fill_load,
	[EVENT_TAMPER] = fill_tamper,
};

/* ---- the event round it ------------------------------------------------- */

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
	union act act;

	picket__v1__event__init(&m);
	m.boot_ns = ev->time_ns;
	m.wall_ns = wall_ns;
	m.kind = kinds[ev->kind];
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
	if (fill_act[ev->kind])
		fill_act[ev->kind](&m, &act, ev);
	pack_message(out, &m.base);
}

void record_pack_agent(struct buf *out, int what, const char *text,
		       const struct record_fact *facts, uint64_t boot_ns,
		       int64_t wall_ns)
{
	Picket__V1__Agent__FactsEntry entries[FACTS_MAX], *list[FACTS_MAX];
	struct mended line, keys[FACTS_MAX], values[FACTS_MAX];
	Picket__V1__Event m;
	Picket__V1__Agent a;
	size_t n;

	picket__v1__agent__init(&a);
	a.what = (Picket__V1__Agent__What)what;
	a.text = record_string(text, &line);
	for (n = 0; facts && facts[n].key && n < FACTS_MAX; n++) {
		picket__v1__agent__facts_entry__init(&entries[n]);
		entries[n].key = record_string(facts[n].key, &keys[n]);
		entries[n].value = record_string(facts[n].value, &values[n]);
		list[n] = &entries[n];
	}
	a.n_facts = n;
	a.facts = list;
	picket__v1__event__init(&m);
	m.boot_ns = boot_ns;
	m.wall_ns = wall_ns;
	m.kind = PICKET__V1__KIND__KIND_AGENT;
	m.agent = &a;
	pack_message(out, &m.base);
}

void record_pack_coverage(struct buf *out, const char *text,
			  const struct record_coverage_table *table,
			  uint64_t boot_ns, int64_t wall_ns)
{
	Picket__V1__Coverage rows[RECORD_COVERAGE_MAX];
	Picket__V1__Coverage *list[RECORD_COVERAGE_MAX];
	Picket__V1__Event m;
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
	picket__v1__event__init(&m);
	m.boot_ns = boot_ns;
	m.wall_ns = wall_ns;
	m.kind = PICKET__V1__KIND__KIND_AGENT;
	m.agent = &a;
	pack_message(out, &m.base);
}

/* ---- amendments --------------------------------------------------------- */

void record_pack_connect_result(struct buf *out, uint32_t epoch, uint64_t seq,
				const struct event *ev, int64_t wall_ns)
{
	const struct connect_result_info *r = &ev->result;
	Picket__V1__Amendment m;
	Picket__V1__ConnectResult result;
	Picket__V1__Address local, peer;

	picket__v1__connect_result__init(&result);
	fill_address(&local, &r->local, r->local_port);
	fill_address(&peer, &r->peer, r->peer_port);
	result.local = &local;
	result.peer = &peer;
	result.error = r->error;
	picket__v1__amendment__init(&m);
	m.epoch = epoch;
	m.seq = seq;
	m.boot_ns = ev->time_ns;
	m.wall_ns = wall_ns;
	m.connect = &result;
	pack_message(out, &m.base);
}

void record_pack_write_totals(struct buf *out, uint32_t epoch, uint64_t seq,
			      const struct write_totals *t, uint64_t boot_ns,
			      int64_t wall_ns)
{
	Picket__V1__Operation ops[OP_COUNT];
	Picket__V1__WriteTotals totals;
	Picket__V1__Amendment m;

	picket__v1__write_totals__init(&totals);
	totals.count = t->count;
	totals.bytes = t->bytes;
	totals.until_ns = t->until_ns;
	totals.operations = ops;
	for (int op = OP_NONE + 1; op < OP_COUNT; op++)
		if (t->ops & 1u << op)
			ops[totals.n_operations++] = (Picket__V1__Operation)op;
	picket__v1__amendment__init(&m);
	m.epoch = epoch;
	m.seq = seq;
	m.boot_ns = boot_ns;
	m.wall_ns = wall_ns;
	m.write = &totals;
	pack_message(out, &m.base);
}

void record_pack_alert_repeats(struct buf *out, uint32_t epoch, uint64_t seq,
			       const struct alert_repeats *t, uint64_t boot_ns,
			       int64_t wall_ns)
{
	Picket__V1__AlertRepeats repeats;
	Picket__V1__Amendment m;
	struct mended rule, tag;

	picket__v1__alert_repeats__init(&repeats);
	repeats.count = t->count;
	repeats.alerted = t->alerted;
	repeats.last_epoch = t->last_epoch;
	repeats.last_seq = t->last_seq;
	repeats.since_ns = t->since_ns;
	repeats.since_wall_ns = t->since_wall_ns;
	repeats.until_wall_ns = t->until_wall_ns;
	repeats.kind = kinds[t->kind];
	repeats.severity = (Picket__V1__Severity)t->severity;
	repeats.rule = record_string(t->rule, &rule);
	repeats.tag = record_string(t->tag, &tag);
	picket__v1__amendment__init(&m);
	m.epoch = epoch;
	m.seq = seq;
	m.boot_ns = boot_ns;
	m.wall_ns = wall_ns;
	m.repeats = &repeats;
	pack_message(out, &m.base);
}
