/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which attributes an event, amendment or gap has. Plain members are rows of
 * tables; what is left as code is what a table cannot say.
 */
#include "out/attr_row.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

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

static void add_connect(struct attrs *a, const Picket__V1__Connect *c)
{
	const char *name = name_protocol(c->protocol, c->type);

	if (c->peer) {
		add_address(a, "network.peer.address", "network.peer.port",
			    c->peer);
		if (c->peer->ip.len == 4 || c->peer->ip.len == 16)
			attr_string(a, "network.type",
				    slice_str(c->peer->ip.len == 4 ? "ipv4"
								   : "ipv6"));
	}
	if (name)
		attr_string(a, "network.transport", slice_str(name));
	attr_int(a, "picket.connect.protocol", c->protocol);
	attr_int(a, "picket.connect.type", c->type);
	if (c->send)
		attr_bool(a, "picket.connect.send", true);
	if (c->net_ns)
		attr_int(a, "picket.connect.net_ns", c->net_ns);
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
}

/* ---- verdict, event, amendment, gap ----------------------------------------- */

static void add_verdict(struct attrs *a, const Picket__V1__Verdict *d)
{
	if (d->answer)
		attr_string(a, "picket.verdict",
			    slice_str(name_answer(d->answer)));
	attr_bool(a, "picket.alert", d->alert);
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
	};
	size_t kind;

	if (v->amendment)
		return v->amendment->connect ? "picket.connect.result"
		       : v->amendment->write ? "picket.write.totals"
					     : "picket.amendment";
	if (!v->event)
		return "picket.gap";
	kind = (size_t)v->event->kind;
	return kinds[kind < ATTR_COUNT(kinds) ? kind : 0];
}

enum attr_level attr_level(const struct view *v)
{
	const Picket__V1__Event *e = v->event;
	size_t severity;

	if (v->amendment)
		return ATTR_INFO;
	if (!e)
		return ATTR_MEDIUM; /* a gap: something is missing */
	if (e->agent)
		return what_is_warning(e->agent->what) ? ATTR_MEDIUM
						       : ATTR_INFO;
	if (!e->verdict || !e->verdict->alert)
		return ATTR_INFO;
	/* In the order of the schema, so a number is a level. */
	severity = (size_t)e->verdict->severity;
	return severity < ATTR_LEVEL_COUNT ? (enum attr_level)severity
					   : ATTR_CRITICAL;
}
