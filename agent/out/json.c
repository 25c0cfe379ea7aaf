// SPDX-License-Identifier: Apache-2.0
/*
 * A record as one JSON object on one line; json.h has the names. Everything
 * that needs no other line is in it, the process included, since a line is
 * what people grep for, cut out, and paste into a ticket.
 */
#include "out/json.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/escape.h"
#include "out/json_part.h"
#include "out/names.h"

static void add_ip(struct buf *out, const char *name,
		   const Picket__V1__Address *a)
{
	char ip[INET6_ADDRSTRLEN];

	if (inet_ntop(a->ip.len == 16 ? AF_INET6 : AF_INET, a->ip.data, ip,
		      sizeof(ip)))
		json_str(out, name, ip);
}

static void add_vsock(struct buf *out, const Picket__V1__Vsock *v)
{
	if (!v)
		return;
	json_u64(out, "cid", v->cid);
	json_u64(out, "port", v->port);
}

/* A socket's end: "ip" and "port", or "family" and what that has. */
static void add_end(struct buf *out, const Picket__V1__Address *address,
		    uint32_t family, ProtobufCBinaryData unix_path)
{
	const char *name = name_address_family(family);

	if (address) {
		add_ip(out, "ip", address);
		json_u64(out, "port", address->port);
		return;
	}
	if (name)
		json_str(out, "family", name);
	else
		json_u64(out, "family_number", family);
	json_bytes(out, "unix_path",
		   slice_of((const char *)unix_path.data, unix_path.len));
}

static void add_protocol(struct buf *out, uint32_t protocol, uint32_t type)
{
	const char *name = name_protocol(protocol, type);
	char number[16];

	(void)snprintf(number, sizeof(number), "%" PRIu32, protocol);
	json_str(out, "protocol", name ? name : number);
	json_u64(out, "type", type);
}

static void add_connect(struct buf *out, const Picket__V1__Connect *c)
{
	json_open(out, "connect", '{');
	add_end(out, c->peer, c->family, c->unix_path);
	add_vsock(out, c->vsock);
	add_protocol(out, c->protocol, c->type);
	json_true(out, "send", c->send);
	json_true(out, "socket", c->socket);
	json_true(out, "claimed", c->claimed);
	json_true(out, "fd_claimed", c->fd_claimed);
	json_u64(out, "net_ns", c->net_ns);
	json_close(out, '}');
}

static void add_listen(struct buf *out, const Picket__V1__Listen *l)
{
	json_open(out, "listen", '{');
	add_end(out, l->local, l->family, l->unix_path);
	add_vsock(out, l->vsock);
	add_protocol(out, l->protocol, l->type);
	json_true(out, "bind", l->bind);
	json_true(out, "fd_claimed", l->fd_claimed);
	json_u64(out, "backlog", l->backlog);
	json_u64(out, "net_ns", l->net_ns);
	json_close(out, '}');
}

static void add_load(struct buf *out, const Picket__V1__Load *l)
{
	json_open(out, "load", '{');
	json_str(out, "type", name_load(l->type));
	json_path(out, "path", l->path);
	json_file(out, "file", l->file);
	json_bytes(out, "name",
		   slice_of((const char *)l->name.data, l->name.len));
	if (l->type == PICKET__V1__LOAD__TYPE__BPF)
		json_u64(out, "program_type", l->program_type);
	if (l->program_id)
		json_u64(out, "program_id", l->program_id);
	json_true(out, "fd_claimed", l->fd_claimed);
	json_true(out, "mprotect", l->mprotect);
	json_close(out, '}');
}

/* What is not limited is left out. */
static void add_limit(struct buf *out, const char *name,
		      const Picket__V1__Tamper__Limit *l)
{
	if (!l)
		return;
	json_open(out, name, '{');
	if (l->soft != UINT64_MAX)
		json_u64(out, "soft", l->soft);
	if (l->hard != UINT64_MAX)
		json_u64(out, "hard", l->hard);
	json_close(out, '}');
}

static void add_tamper(struct buf *out, const Picket__V1__Tamper *t)
{
	json_open(out, "tamper", '{');
	json_str(out, "type", name_tamper(t->type));
	json_true(out, "of_picket", t->of_picket);
	json_true(out, "claimed", t->claimed);
	if (t->target_pid) {
		json_u64(out, "target_pid", t->target_pid);
		json_u64(out, "target_start_ns", t->target_start_ns);
	}
	json_bytes(
		out, "target_exe",
		slice_of((const char *)t->target_exe.data, t->target_exe.len));
	json_u64(out, "arg", t->arg);
	if (t->object_id)
		json_u64(out, "object_id", t->object_id);
	if (t->code)
		json_i64(out, "code", t->code);
	if (t->limit)
		json_str(out, "resource", name_resource(t->arg));
	add_limit(out, "limit", t->limit);
	add_limit(out, "before", t->before);
	json_bytes(out, "cgroup",
		   slice_of((const char *)t->cgroup.data, t->cgroup.len));
	if (t->hierarchy)
		json_u64(out, "hierarchy", t->hierarchy);
	json_close(out, '}');
}

static void add_write(struct buf *out, const Picket__V1__Write *w)
{
	json_open(out, "write", '{');
	json_str(out, "operation", name_operation(w->operation));
	json_path(out, "path", w->path);
	json_path(out, "new_path", w->new_path);
	json_bytes(out, "target",
		   slice_of((const char *)w->target.data, w->target.len));
	json_file(out, "file", w->file);
	json_true(out, "created", w->created);
	json_true(out, "truncated", w->truncated);
	json_true(out, "append", w->append);
	json_true(out, "fd_claimed", w->fd_claimed);
	json_true(out, "fd_changed", w->fd_changed);
	json_true(out, "submitted", w->submitted);
	json_true(out, "exchange", w->exchange);
	if (w->bytes)
		json_u64(out, "bytes", w->bytes);
	json_u64(out, "arg", w->arg);
	if (w->operation == PICKET__V1__OPERATION__OPERATION_CHOWN)
		json_u64(out, "arg2", w->arg2);
	json_close(out, '}');
}

static void add_exit(struct buf *out, const Picket__V1__Exit *e)
{
	int status = (int)e->status;
	char name[16];

	json_open(out, "exit", '{');
	if (WIFEXITED(status)) {
		json_u64(out, "code", (uint64_t)WEXITSTATUS(status));
	} else {
		uint32_t signo = (uint32_t)WTERMSIG(status);

		json_u64(out, "signal", signo);
		if (name_signal(signo, name))
			json_str(out, "signal_name", name);
		json_true(out, "core", WCOREDUMP(status));
	}
	json_close(out, '}');
}

static void add_coverage(struct buf *out, const Picket__V1__Agent *a)
{
	json_open(out, "coverage", '[');
	for (size_t i = 0; i < a->n_coverage; i++) {
		const Picket__V1__Coverage *c = a->coverage[i];

		json_open(out, NULL, '{');
		json_bytes(out, "family", slice_str(c->family));
		json_bytes(out, "way", slice_str(c->way));
		json_bytes(out, "backend", slice_str(c->backend));
		json_true(out, "active", c->active);
		json_bytes(out, "reason", slice_str(c->reason));
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void add_agent(struct buf *out, const Picket__V1__Agent *a)
{
	json_open(out, "agent", '{');
	json_str(out, "what", name_what(a->what));
	json_bytes(out, "text", slice_str(a->text));
	if (a->n_facts) {
		json_open(out, "facts", '{');
		for (size_t i = 0; i < a->n_facts; i++) {
			/* Keys come from the journal too: escaped as values are. */
			json_str(out, NULL, a->facts[i]->key);
			buf_add_char(out, ':');
			escape_json(out, slice_str(a->facts[i]->value), NULL);
		}
		json_close(out, '}');
	}
	if (a->n_coverage)
		add_coverage(out, a);
	json_close(out, '}');
}

static void add_actor(struct buf *out, const Picket__V1__Actor *a)
{
	json_open(out, "actor", '{');
	json_u64(out, "uid", a->uid);
	json_u64(out, "euid", a->euid);
	json_u64(out, "gid", a->gid);
	json_u64(out, "mnt_ns", a->mnt_ns);
	if (a->cgroup_id)
		json_u64(out, "cgroup_id", a->cgroup_id);
	json_close(out, '}');
}

static void add_verdict(struct buf *out, const Picket__V1__Verdict *d)
{
	json_open(out, "verdict", '{');
	json_str(out, "answer", name_answer(d->answer));
	json_true(out, "alert", d->alert);
	json_true(out, "repeated", d->repeated);
	if (d->severity)
		json_str(out, "severity", name_severity(d->severity));
	json_bytes(out, "rule", slice_str(d->rule));
	json_bytes(out, "tag", slice_str(d->tag));
	json_close(out, '}');
}

static void add_refusal(struct buf *out, const Picket__V1__Refusal *r)
{
	struct view of = { .epoch = r->epoch, .seq = r->seq };
	char uid[VIEW_UID_MAX], time[32];

	json_open(out, "refusal", '{');
	if (r->journal.len == sizeof(of.journal)) {
		memcpy(of.journal, r->journal.data, sizeof(of.journal));
		json_str(out, "uid", view_uid(&of, uid));
	}
	json_str(out, "time", clock_print(r->wall_ns, time));
	json_u64(out, "status", r->status);
	json_bytes(out, "answer", slice_str(r->answer));
	json_bytes(out, "destination", slice_str(r->destination));
	json_bytes(out, "url", slice_str(r->url));
	json_bytes(out, "format", slice_str(r->format));
	json_base64(out, "record_b64", r->record);
	json_close(out, '}');
}

static void add_event(struct buf *out, const struct view_images *images,
		      const struct view *v)
{
	const Picket__V1__Event *e = v->event;

	json_str(out, "kind", name_kind(e->kind));
	json_u64(out, "boot_ns", e->boot_ns);
	if (e->kind != PICKET__V1__KIND__KIND_AGENT) {
		json_str(out, "backend", name_backend(e->backend));
		json_u64(out, "cpu", e->cpu);
	}
	json_true(out, "canary", e->canary);
	if (e->tid)
		json_u64(out, "tid", e->tid);
	if (e->actor)
		add_actor(out, e->actor);
	json_process(out, images, v->image);
	if (e->connect && e->kind == PICKET__V1__KIND__KIND_CONNECT)
		add_connect(out, e->connect);
	if (e->write && e->kind == PICKET__V1__KIND__KIND_WRITE)
		add_write(out, e->write);
	if (e->exit && e->kind == PICKET__V1__KIND__KIND_EXIT)
		add_exit(out, e->exit);
	if (e->listen && e->kind == PICKET__V1__KIND__KIND_LISTEN)
		add_listen(out, e->listen);
	if (e->load && e->kind == PICKET__V1__KIND__KIND_LOAD)
		add_load(out, e->load);
	if (e->tamper && e->kind == PICKET__V1__KIND__KIND_TAMPER)
		add_tamper(out, e->tamper);
	if (e->agent && e->kind == PICKET__V1__KIND__KIND_AGENT)
		add_agent(out, e->agent);
	if (e->verdict)
		add_verdict(out, e->verdict);
	if (e->refusal)
		add_refusal(out, e->refusal);
}

static void add_result(struct buf *out, const Picket__V1__ConnectResult *c)
{
	const char *outcome = name_outcome(c->error);

	json_open(out, "connect", '{');
	json_u64(out, "error", c->error);
	json_str(out, "outcome", outcome ? outcome : "failed");
	add_ip(out, "local_ip", c->local);
	json_u64(out, "local_port", c->local->port);
	add_ip(out, "peer_ip", c->peer);
	json_u64(out, "peer_port", c->peer->port);
	json_close(out, '}');
}

static void add_totals(struct buf *out, const Picket__V1__WriteTotals *t)
{
	json_open(out, "write", '{');
	json_u64(out, "count", t->count);
	json_u64(out, "bytes", t->bytes);
	json_u64(out, "until_ns", t->until_ns);
	json_open(out, "operations", '[');
	for (size_t i = 0; i < t->n_operations; i++)
		json_str(out, NULL, name_operation(t->operations[i]));
	json_close(out, ']');
	json_close(out, '}');
}

static void add_resolution(struct buf *out, const Picket__V1__Resolution *r)
{
	json_open(out, "resolution", '{');
	add_verdict(out, r->verdict);
	json_finding(out, "exe", r->exe);
	json_finding(out, "script", r->script);
	json_true(out, "timed_out", r->timed_out);
	json_close(out, '}');
}

static void add_repeats(struct buf *out, const struct view *v)
{
	const Picket__V1__AlertRepeats *r = v->amendment->repeats;
	struct view last = *v;
	char uid[VIEW_UID_MAX], time[32];

	last.epoch = r->last_epoch;
	last.seq = r->last_seq;
	json_open(out, "repeats", '{');
	json_u64(out, "count", r->count);
	json_u64(out, "alerted", r->alerted);
	json_str(out, "last", view_uid(&last, uid));
	json_u64(out, "since_ns", r->since_ns);
	if (r->until_wall_ns) {
		json_str(out, "since", clock_print(r->since_wall_ns, time));
		json_str(out, "until", clock_print(r->until_wall_ns, time));
	}
	json_str(out, "kind", name_kind(r->kind));
	if (r->severity)
		json_str(out, "severity", name_severity(r->severity));
	json_bytes(out, "rule", slice_str(r->rule));
	json_bytes(out, "tag", slice_str(r->tag));
	json_close(out, '}');
}

static void add_amendment(struct buf *out, const struct view_images *images,
			  const struct view *v)
{
	const Picket__V1__Amendment *a = v->amendment;
	struct view event = *v;
	char uid[VIEW_UID_MAX];

	event.epoch = a->epoch;
	event.seq = a->seq;
	json_str(out, "kind", "amendment");
	json_u64(out, "boot_ns", a->boot_ns);
	json_process(out, images, v->image);
	json_open(out, "amendment", '{');
	json_str(out, "of", view_uid(&event, uid));
	json_u64(out, "epoch", a->epoch);
	json_u64(out, "seq", a->seq);
	if (a->connect)
		add_result(out, a->connect);
	if (a->write)
		add_totals(out, a->write);
	if (a->resolution)
		add_resolution(out, a->resolution);
	if (a->repeats)
		add_repeats(out, v);
	if (!v->amended.path_cut)
		json_bytes(out, "path", v->amended.path);
	json_close(out, '}');
}

static void add_gap(struct buf *out, const struct view *v)
{
	const Picket__V1__Gap *g = v->gap;

	json_str(out, "kind", "gap");
	json_open(out, "gap", '{');
	json_u64(out, "first_seq", g->first_seq);
	json_u64(out, "last_seq", g->first_seq + g->count - 1);
	json_u64(out, "count", g->count);
	json_bytes(out, "reason", slice_str(g->reason));
	json_true(out, "missing", v->missing);
	json_close(out, '}');
}

void json_line(struct buf *out, const struct view_images *images,
	       const struct view *v)
{
	char uid[VIEW_UID_MAX], time[32];

	buf_add_char(out, '{');
	json_str(out, "uid", view_uid(v, uid));
	json_u64(out, "epoch", v->epoch);
	json_u64(out, "seq", v->seq);
	if (v->wall_ns)
		json_str(out, "time", clock_print(v->wall_ns, time));
	if (v->gap)
		add_gap(out, v);
	else if (v->amendment)
		add_amendment(out, images, v);
	else
		add_event(out, images, v);
	json_close(out, '}');
}
