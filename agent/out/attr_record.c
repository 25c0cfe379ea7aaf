/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which attributes an event, amendment or gap has. Plain members are rows of
 * tables; what is left as code is what a table cannot say.
 */
#include "out/attr_row.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "out/names.h"

/* Operations that one summary names: each at most once, with room to grow. */
#define OPS_MAX 64

/* ---- the act -------------------------------------------------------------- */

static void add_address(struct attrs *a, const char *ip_key,
			const char *port_key, const Picket__V1__Address *addr)
{
	char *text = arena_take(a->arena, INET6_ADDRSTRLEN);
	int family = addr->ip.len == 4	  ? AF_INET
		     : addr->ip.len == 16 ? AF_INET6
					  : AF_UNSPEC;

	if (text && family != AF_UNSPEC &&
	    inet_ntop(family, addr->ip.data, text, INET6_ADDRSTRLEN))
		attr_string(a, ip_key, slice_str(text));
	attr_int(a, port_key, addr->port);
}

static void add_network(struct attrs *a, const Picket__V1__Address *end,
			uint32_t family, const char *transport)
{
	const char *name = name_address_family(family);

	if (end && (end->ip.len == 4 || end->ip.len == 16))
		name = end->ip.len == 4 ? "ipv4" : "ipv6";
	if (name)
		attr_string(a, "network.type", slice_str(name));
	/* The convention's word for the transport of a unix socket. */
	if (family == AF_UNIX && !end)
		transport = "unix";
	if (transport)
		attr_string(a, "network.transport", slice_str(transport));
}

/* An abstract name's first zero is written as '@', as everyone does. */
static void add_unix_path(struct attrs *a, const char *key,
			  ProtobufCBinaryData path)
{
	char *text;

	if (!path.len)
		return;
	text = arena_take(a->arena, path.len);
	if (!text)
		return;
	memcpy(text, path.data, path.len);
	if (!text[0])
		text[0] = '@';
	attr_string(a, key, slice_of(text, path.len));
}

static void add_vsock(struct attrs *a, const char *cid_key,
		      const char *port_key, const Picket__V1__Vsock *v)
{
	char *text = v ? arena_take(a->arena, 12) : NULL;

	if (!text)
		return;
	(void)snprintf(text, 12, "%" PRIu32, v->cid);
	attr_string(a, cid_key, slice_str(text));
	attr_int(a, port_key, v->port);
}

static void add_connect(struct attrs *a, const Picket__V1__Connect *c)
{
	if (c->peer)
		add_address(a, "network.peer.address", "network.peer.port",
			    c->peer);
	add_unix_path(a, "network.peer.address", c->unix_path);
	add_vsock(a, "network.peer.address", "network.peer.port", c->vsock);
	add_network(a, c->peer, c->family, name_protocol(c->protocol, c->type));
	attr_int(a, "picket.connect.protocol", c->protocol);
	attr_int(a, "picket.connect.type", c->type);
	if (c->send)
		attr_bool(a, "picket.connect.send", true);
	if (c->socket)
		attr_bool(a, "picket.connect.socket", true);
	if (c->claimed)
		attr_bool(a, "picket.connect.claimed", true);
	if (c->fd_claimed)
		attr_bool(a, "picket.connect.fd_claimed", true);
	if (c->net_ns)
		attr_int(a, "picket.connect.net_ns", c->net_ns);
}

static void add_listen(struct attrs *a, const Picket__V1__Listen *l)
{
	if (l->local)
		add_address(a, "network.local.address", "network.local.port",
			    l->local);
	add_unix_path(a, "network.local.address", l->unix_path);
	add_vsock(a, "network.local.address", "network.local.port", l->vsock);
	add_network(a, l->local, l->family,
		    name_protocol(l->protocol, l->type));
	attr_int(a, "picket.listen.protocol", l->protocol);
	attr_int(a, "picket.listen.type", l->type);
	attr_int(a, "picket.listen.backlog", l->backlog);
	if (l->bind)
		attr_bool(a, "picket.listen.bind", true);
	if (l->fd_claimed)
		attr_bool(a, "picket.listen.fd_claimed", true);
	if (l->net_ns)
		attr_int(a, "picket.listen.net_ns", l->net_ns);
}

#define LOAD_ROW(key, type, member)                                  \
	{                                                            \
		key, type, offsetof(Picket__V1__Load, member), false \
	}

static const struct row load_rows[] = {
	LOAD_ROW("picket.load.name", ROW_BYTES, name),
	LOAD_ROW("picket.load.program_type", ROW_U32, program_type),
	LOAD_ROW("picket.load.program_id", ROW_U32, program_id),
	LOAD_ROW("picket.load.fd_claimed", ROW_BOOL, fd_claimed),
	LOAD_ROW("picket.load.mprotect", ROW_BOOL, mprotect),
};

static void add_load(struct attrs *a, const Picket__V1__Load *l)
{
	attr_string(a, "picket.op", slice_str(name_load(l->type)));
	if (l->path)
		attr_file_path(a, l->path);
	if (l->file)
		attr_file(a, l->file);
	ADD_ROWS(a, load_rows, l);
}

#define TAMPER_ROW(key, type, member)                                  \
	{                                                              \
		key, type, offsetof(Picket__V1__Tamper, member), false \
	}

static const struct row tamper_rows[] = {
	TAMPER_ROW("picket.tamper.of_picket", ROW_BOOL, of_picket),
	TAMPER_ROW("picket.tamper.claimed", ROW_BOOL, claimed),
	TAMPER_ROW("picket.tamper.target.pid", ROW_U32, target_pid),
	TAMPER_ROW("picket.tamper.target.start_ns", ROW_U64, target_start_ns),
	TAMPER_ROW("picket.tamper.target.executable", ROW_BYTES, target_exe),
	TAMPER_ROW("picket.tamper.arg", ROW_U32, arg),
	TAMPER_ROW("picket.tamper.object_id", ROW_U32, object_id),
	TAMPER_ROW("picket.tamper.cgroup", ROW_BYTES, cgroup),
	TAMPER_ROW("picket.tamper.hierarchy", ROW_U32, hierarchy),
};

/* Without one, a limit that was set is none. */
static void add_limit(struct attrs *a, const char *key, uint64_t limit)
{
	if (limit != UINT64_MAX)
		attr_int(a, key, (int64_t)limit);
}

static void add_tamper(struct attrs *a, const Picket__V1__Tamper *t)
{
	attr_string(a, "picket.op", slice_str(name_tamper(t->type)));
	ADD_ROWS(a, tamper_rows, t);
	if (t->code)
		attr_int(a, "picket.tamper.code", t->code);
	if (t->limit) {
		attr_string(a, "picket.tamper.resource",
			    slice_str(name_resource(t->arg)));
		add_limit(a, "picket.tamper.limit.soft", t->limit->soft);
		add_limit(a, "picket.tamper.limit.hard", t->limit->hard);
	}
	if (t->before) {
		add_limit(a, "picket.tamper.before.soft", t->before->soft);
		add_limit(a, "picket.tamper.before.hard", t->before->hard);
	}
}

#define WRITE_ROW(key, type, member)                                  \
	{                                                             \
		key, type, offsetof(Picket__V1__Write, member), false \
	}

static const struct row write_rows[] = {
	WRITE_ROW("file.symbolic_link.target_path", ROW_BYTES, target),
	WRITE_ROW("picket.write.created", ROW_BOOL, created),
	WRITE_ROW("picket.write.truncated", ROW_BOOL, truncated),
	WRITE_ROW("picket.write.append", ROW_BOOL, append),
	WRITE_ROW("picket.write.fd_claimed", ROW_BOOL, fd_claimed),
	WRITE_ROW("picket.write.fd_changed", ROW_BOOL, fd_changed),
	WRITE_ROW("picket.write.submitted", ROW_BOOL, submitted),
	WRITE_ROW("picket.write.exchange", ROW_BOOL, exchange),
	WRITE_ROW("picket.write.bytes", ROW_U64, bytes),
	WRITE_ROW("picket.write.arg", ROW_U32, arg),
	WRITE_ROW("picket.write.arg2", ROW_U32, arg2),
};

static void add_write(struct attrs *a, const Picket__V1__Write *w)
{
	attr_string(a, "picket.op", slice_str(name_operation(w->operation)));
	if (w->path)
		attr_file_path(a, w->path);
	if (w->new_path)
		attr_new_path(a, w->new_path);
	if (w->file)
		attr_file(a, w->file);
	ADD_ROWS(a, write_rows, w);
}

static void add_exit(struct attrs *a, const Picket__V1__Exit *e)
{
	int status = (int)e->status;

	if (WIFSIGNALED(status)) {
		attr_int(a, "picket.exit.signal", WTERMSIG(status));
		if (WCOREDUMP(status))
			attr_bool(a, "picket.exit.core", true);
		return;
	}
	attr_int(a, "process.exit.code", WEXITSTATUS(status));
}

/* "write: unlink: lsm", "write: io_uring: -: no hook", a string for each. */
static void add_coverage(struct attrs *a, const Picket__V1__Agent *agent)
{
	struct slice *rows;
	size_t i, n = agent->n_coverage;

	if (n > ATTR_ITEMS_MAX)
		return;
	rows = arena_take(a->arena, n * sizeof(*rows));
	if (!rows)
		return;
	for (i = 0; i < n; i++) {
		const Picket__V1__Coverage *c = agent->coverage[i];
		size_t room = strlen(c->family) + strlen(c->way) +
			      strlen(c->backend) + strlen(c->reason) + 8;
		char *text = arena_take(a->arena, room);

		if (!text)
			return;
		(void)snprintf(text, room, "%s: %s: %s%s%s", c->family, c->way,
			       c->active ? c->backend : "off",
			       *c->reason ? ": " : "", c->reason);
		rows[i] = slice_str(text);
	}
	attr_strings(a, "picket.coverage", rows, n);
}

static void add_agent(struct attrs *a, const Picket__V1__Agent *agent)
{
	size_t i;

	attr_string(a, "picket.agent.what", slice_str(name_what(agent->what)));
	for (i = 0; i < agent->n_facts; i++) {
		const Picket__V1__Agent__FactsEntry *f = agent->facts[i];

		attr_string_unique(
			a,
			attr_outside_key(a, "picket.fact.", slice_str(f->key)),
			slice_str(f->value));
	}
	if (agent->n_coverage)
		add_coverage(a, agent);
}

/* ---- verdict, event, amendment, gap ----------------------------------------- */

static void add_verdict(struct attrs *a, const Picket__V1__Verdict *d)
{
	if (d->answer)
		attr_string(a, "picket.verdict",
			    slice_str(name_answer(d->answer)));
	attr_bool(a, "picket.alert", d->alert);
	if (d->repeated)
		attr_bool(a, "picket.alert.repeated", true);
	if (d->severity)
		attr_string(a, "picket.severity",
			    slice_str(name_severity(d->severity)));
	if (d->rule && *d->rule)
		attr_string(a, "security_rule.name", slice_str(d->rule));
	if (d->tag && *d->tag)
		attr_string(a, "picket.tag", slice_str(d->tag));
}

static void add_event(struct attrs *a, const struct view_images *images,
		      const struct view *v)
{
	const Picket__V1__Event *e = v->event;

	attr_int(a, "picket.boot_ns", (int64_t)e->boot_ns);
	if (e->canary)
		attr_bool(a, "picket.canary", true);
	if (e->backend)
		attr_string(a, "picket.backend",
			    slice_str(name_backend(e->backend)));
	if (e->verdict)
		add_verdict(a, e->verdict);
	attr_process(a, images, v);
	if (e->exit)
		add_exit(a, e->exit);
	if (e->connect)
		add_connect(a, e->connect);
	if (e->write)
		add_write(a, e->write);
	if (e->listen)
		add_listen(a, e->listen);
	if (e->load)
		add_load(a, e->load);
	if (e->tamper)
		add_tamper(a, e->tamper);
	if (e->agent)
		add_agent(a, e->agent);
}

static void add_result(struct attrs *a, const Picket__V1__ConnectResult *r)
{
	const char *name;

	if (r->local)
		add_address(a, "network.local.address", "network.local.port",
			    r->local);
	if (r->peer)
		add_address(a, "network.peer.address", "network.peer.port",
			    r->peer);
	attr_int(a, "picket.connect.errno", r->error);
	if (!r->error || r->error > INT32_MAX)
		return;
	name = strerrorname_np((int)r->error);
	if (name)
		attr_string(a, "error.type", slice_str(name));
}

static void add_totals(struct attrs *a, const Picket__V1__WriteTotals *t)
{
	struct slice *ops;
	size_t i;

	attr_int(a, "picket.write.count", (int64_t)t->count);
	attr_int(a, "picket.write.bytes", (int64_t)t->bytes);
	attr_int(a, "picket.write.until_ns", (int64_t)t->until_ns);
	if (!t->n_operations || t->n_operations > OPS_MAX)
		return;
	ops = arena_take(a->arena, t->n_operations * sizeof(*ops));
	if (!ops)
		return;
	for (i = 0; i < t->n_operations; i++)
		ops[i] = slice_str(name_operation(t->operations[i]));
	attr_strings(a, "picket.ops", ops, t->n_operations);
}

static void add_time(struct attrs *a, const char *key, int64_t wall_ns)
{
	char *time = arena_take(a->arena, 32);

	if (time)
		attr_string(a, key, slice_str(clock_print(wall_ns, time)));
}

static void add_repeats(struct attrs *a, const struct view *v)
{
	const Picket__V1__AlertRepeats *r = v->amendment->repeats;
	char *uid = arena_take(a->arena, VIEW_UID_MAX);
	struct view last = *v;

	last.epoch = r->last_epoch;
	last.seq = r->last_seq;
	attr_int(a, "picket.alert.count", (int64_t)r->count);
	attr_int(a, "picket.alert.alerted", (int64_t)r->alerted);
	if (uid)
		attr_string(a, "picket.alert.last",
			    slice_str(view_uid(&last, uid)));
	attr_int(a, "picket.alert.since_ns", (int64_t)r->since_ns);
	if (r->until_wall_ns) {
		add_time(a, "picket.alert.since", r->since_wall_ns);
		add_time(a, "picket.alert.until", r->until_wall_ns);
	}
	if (r->severity)
		attr_string(a, "picket.severity",
			    slice_str(name_severity(r->severity)));
	if (*r->rule)
		attr_string(a, "security_rule.name", slice_str(r->rule));
	if (*r->tag)
		attr_string(a, "picket.tag", slice_str(r->tag));
}

static void add_resolution(struct attrs *a, const Picket__V1__Resolution *r)
{
	add_verdict(a, r->verdict);
	attr_findings(a, r->exe, r->script);
	if (r->timed_out)
		attr_bool(a, "picket.timed_out", true);
}

static void add_amendment(struct attrs *a, const struct view *v)
{
	const Picket__V1__Amendment *m = v->amendment;
	struct view amended = *v;
	char *uid = arena_take(a->arena, VIEW_UID_MAX);

	amended.epoch = m->epoch;
	amended.seq = m->seq;
	if (uid)
		attr_string(a, "picket.amends",
			    slice_str(view_uid(&amended, uid)));
	attr_int(a, "picket.boot_ns", (int64_t)m->boot_ns);
	/* Who did it stands in the event; this much spares a search. */
	if (v->image) {
		attr_int(a, "process.pid", v->image->pid);
		if (v->image->exe)
			attr_exe_path(a, v->image->exe);
	}
	if (m->connect)
		add_result(a, m->connect);
	if (m->write)
		add_totals(a, m->write);
	if (m->resolution)
		add_resolution(a, m->resolution);
	if (m->repeats)
		add_repeats(a, v);
}

static void add_gap(struct attrs *a, const struct view *v)
{
	const char *reason = v->gap ? v->gap->reason : NULL;

	attr_int(a, "picket.gap.first", (int64_t)v->seq);
	attr_int(a, "picket.gap.last",
		 (int64_t)(v->seq_end > v->seq ? v->seq_end - 1 : v->seq));
	if (v->missing)
		attr_bool(a, "picket.gap.missing", true);
	if (reason && *reason)
		attr_string(a, "picket.gap.reason", slice_str(reason));
}

void attrs_of_view(struct attrs *a, const struct view_images *images,
		   const struct view *v)
{
	char *uid = arena_take(a->arena, VIEW_UID_MAX);

	if (uid)
		attr_string(a, "log.record.uid", slice_str(view_uid(v, uid)));
	attr_int(a, "picket.epoch", v->epoch);
	attr_int(a, "picket.seq", (int64_t)v->seq);
	if (v->event)
		add_event(a, images, v);
	else if (v->amendment)
		add_amendment(a, v);
	else
		add_gap(a, v);
}

const char *attr_event_name(const struct view *v)
{
	static const char *const kinds[] = {
		[PICKET__V1__KIND__KIND_UNSPECIFIED] = "picket.event",
		[PICKET__V1__KIND__KIND_EXEC] = "picket.exec",
		[PICKET__V1__KIND__KIND_EXIT] = "picket.exit",
		[PICKET__V1__KIND__KIND_CONNECT] = "picket.connect",
		[PICKET__V1__KIND__KIND_WRITE] = "picket.write",
		[PICKET__V1__KIND__KIND_AGENT] = "picket.agent",
		[PICKET__V1__KIND__KIND_LISTEN] = "picket.listen",
		[PICKET__V1__KIND__KIND_LOAD] = "picket.load",
		[PICKET__V1__KIND__KIND_TAMPER] = "picket.tamper",
	};
	size_t kind;

	if (v->amendment)
		return v->amendment->connect	  ? "picket.connect.result"
		       : v->amendment->write	  ? "picket.write.totals"
		       : v->amendment->resolution ? "picket.verdict"
		       : v->amendment->repeats	  ? "picket.alert.repeats"
						  : "picket.amendment";
	if (!v->event)
		return "picket.gap";
	kind = (size_t)v->event->kind;
	return kinds[kind < ATTR_COUNT(kinds) ? kind : 0];
}

/* In the order of the schema, so a number is a level. */
static enum attr_level level_of(Picket__V1__Severity severity)
{
	size_t level = (size_t)severity;

	return level < ATTR_LEVEL_COUNT ? (enum attr_level)level
					: ATTR_CRITICAL;
}

enum attr_level attr_level(const struct view *v)
{
	const Picket__V1__Event *e = v->event;

	if (v->amendment && v->amendment->resolution)
		return v->amendment->resolution->verdict->alert
			       ? level_of(v->amendment->resolution->verdict
						  ->severity)
			       : ATTR_INFO;
	if (v->amendment)
		return v->amendment->repeats
			       ? level_of(v->amendment->repeats->severity)
			       : ATTR_INFO;
	if (!e)
		return ATTR_MEDIUM; /* a gap: something is missing */
	if (e->agent)
		return what_is_warning(e->agent->what) ? ATTR_MEDIUM
						       : ATTR_INFO;
	if (!e->verdict || !e->verdict->alert)
		return ATTR_INFO;
	return level_of(e->verdict->severity);
}
