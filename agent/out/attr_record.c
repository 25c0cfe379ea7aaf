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

static const struct {
	uint32_t protocol;
	const char *name;
} transports[] = {
	{ IPPROTO_TCP, "tcp" },		{ IPPROTO_UDP, "udp" },
	{ IPPROTO_SCTP, "sctp" },	{ IPPROTO_DCCP, "dccp" },
	{ IPPROTO_UDPLITE, "udplite" }, { IPPROTO_ICMP, "icmp" },
	{ IPPROTO_ICMPV6, "icmpv6" },	{ IPPROTO_MPTCP, "mptcp" },
	{ IPPROTO_RAW, "raw" },
};

static const char *transport(const Picket__V1__Connect *c)
{
	size_t i;

	for (i = 0; i < ATTR_COUNT(transports); i++) {
		if (transports[i].protocol == c->protocol)
			return transports[i].name;
	}
	if (!c->protocol && c->type == SOCK_STREAM)
		return "tcp";
	if (!c->protocol && c->type == SOCK_DGRAM)
		return "udp";
	return NULL;
}

static void add_connect(struct attrs *a, const Picket__V1__Connect *c)
{
	const char *name = transport(c);

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

static const char *const op_names[] = {
	"",	  "open",   "write", "truncate", "mmap",
	"rename", "unlink", "link",  "symlink",	 "chmod",
	"chown",  "xattr",  "mknod", "mkdir",	 "rmdir",
};

static struct slice op_name(int op)
{
	return slice_str(op > 0 && (size_t)op < ATTR_COUNT(op_names)
				 ? op_names[op]
				 : "unknown");
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
	attr_string(a, "picket.op", op_name((int)w->operation));
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

static const struct {
	const char *name;
	enum attr_level level;
} agent_whats[] = {
	[PICKET__V1__AGENT__WHAT__WHAT_UNSPECIFIED] = { "unknown", ATTR_INFO },
	[PICKET__V1__AGENT__WHAT__STARTED] = { "started", ATTR_INFO },
	[PICKET__V1__AGENT__WHAT__STOPPED] = { "stopped", ATTR_INFO },
	[PICKET__V1__AGENT__WHAT__LOSS] = { "loss", ATTR_MEDIUM },
	[PICKET__V1__AGENT__WHAT__CUT] = { "cut", ATTR_MEDIUM },
	[PICKET__V1__AGENT__WHAT__UNCLEAN] = { "unclean", ATTR_LOW },
	[PICKET__V1__AGENT__WHAT__POLICY] = { "policy", ATTR_INFO },
	[PICKET__V1__AGENT__WHAT__CLOCK] = { "clock", ATTR_LOW },
	[PICKET__V1__AGENT__WHAT__TRIMMED] = { "trimmed", ATTR_MEDIUM },
	[PICKET__V1__AGENT__WHAT__JOURNAL_ERROR] = { "journal_error",
						     ATTR_MEDIUM },
	[PICKET__V1__AGENT__WHAT__JOURNAL_BACK] = { "journal_back", ATTR_INFO },
	[PICKET__V1__AGENT__WHAT__COVERAGE] = { "coverage", ATTR_INFO },
};

static size_t agent_what(const Picket__V1__Agent *agent)
{
	size_t what = (size_t)agent->what;

	return what < ATTR_COUNT(agent_whats) ? what : 0;
}

static void add_agent(struct attrs *a, const Picket__V1__Agent *agent)
{
	size_t i;

	attr_string(a, "picket.agent.what",
		    slice_str(agent_whats[agent_what(agent)].name));
	for (i = 0; i < agent->n_facts; i++) {
		const Picket__V1__Agent__FactsEntry *f = agent->facts[i];

		attr_string_unique(
			a,
			attr_outside_key(a, "picket.fact.", slice_str(f->key)),
			slice_str(f->value));
	}
}

/* ---- verdict, event, amendment, gap ----------------------------------------- */

static const char *const answer_names[] = {
	[PICKET__V1__ANSWER__ANSWER_NONE] = "none",
	[PICKET__V1__ANSWER__ANSWER_ALLOWED] = "allowed",
	[PICKET__V1__ANSWER__ANSWER_DENIED] = "denied",
	[PICKET__V1__ANSWER__ANSWER_UNLISTED] = "unlisted",
	[PICKET__V1__ANSWER__ANSWER_PENDING] = "pending",
};

static const char *const severity_names[] = {
	[PICKET__V1__SEVERITY__SEVERITY_NONE] = "none",
	[PICKET__V1__SEVERITY__SEVERITY_LOW] = "low",
	[PICKET__V1__SEVERITY__SEVERITY_MEDIUM] = "medium",
	[PICKET__V1__SEVERITY__SEVERITY_HIGH] = "high",
	[PICKET__V1__SEVERITY__SEVERITY_CRITICAL] = "critical",
};

static void add_verdict(struct attrs *a, const Picket__V1__Verdict *d)
{
	size_t answer = (size_t)d->answer, severity = (size_t)d->severity;

	if (answer && answer < ATTR_COUNT(answer_names))
		attr_string(a, "picket.verdict",
			    slice_str(answer_names[answer]));
	attr_bool(a, "picket.alert", d->alert);
	if (severity && severity < ATTR_COUNT(severity_names))
		attr_string(a, "picket.severity",
			    slice_str(severity_names[severity]));
	if (d->rule && *d->rule)
		attr_string(a, "security_rule.name", slice_str(d->rule));
	if (d->tag && *d->tag)
		attr_string(a, "picket.tag", slice_str(d->tag));
}

static const char *const backend_names[] = {
	NULL, "lsm", "fentry", "kprobe", "tp_btf", "raw_tp", "cgroup", "iter",
};

static void add_event(struct attrs *a, const struct view_images *images,
		      const struct view *v)
{
	const Picket__V1__Event *e = v->event;

	attr_int(a, "picket.boot_ns", (int64_t)e->boot_ns);
	if (e->backend && e->backend < ATTR_COUNT(backend_names))
		attr_string(a, "picket.backend",
			    slice_str(backend_names[e->backend]));
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
	if (!t->n_operations || t->n_operations > ATTR_COUNT(op_names))
		return;
	ops = arena_take(a->arena, t->n_operations * sizeof(*ops));
	if (!ops)
		return;
	for (i = 0; i < t->n_operations; i++)
		ops[i] = op_name((int)t->operations[i]);
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
	char *uid = arena_take(a->arena, ATTR_UID_MAX);

	if (uid)
		attr_string(a, "log.record.uid", slice_str(attr_uid(v, uid)));
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
		return agent_whats[agent_what(e->agent)].level;
	if (!e->verdict || !e->verdict->alert)
		return ATTR_INFO;
	/* In the order of the schema, so a number is a level. */
	severity = (size_t)e->verdict->severity;
	return severity < ATTR_LEVEL_COUNT ? (enum attr_level)severity
					   : ATTR_CRITICAL;
}

const char *attr_uid(const struct view *v, char buf[static ATTR_UID_MAX])
{
	size_t n;

	(void)view_uid(v, buf);
	if (!v->missing)
		return buf;
	n = strlen(buf);
	(void)snprintf(buf + n, ATTR_UID_MAX - n, "-%" PRIu64,
		       v->seq_end > v->seq ? v->seq_end - 1 : v->seq);
	return buf;
}
