// SPDX-License-Identifier: Apache-2.0
/*
 * What was done -> the member of Event that says it: one function per kind.
 * recall_act.c is the way back.
 */
#include "out/record_part.h"

#include <assert.h>
#include <netinet/in.h>

/* These are cast, not looked up. */
static_assert((int)LOAD_BPF == (int)PICKET__V1__LOAD__TYPE__BPF,
	      "loads agree with event.proto");
static_assert((int)TAMPER_FREEZE == (int)PICKET__V1__TAMPER__TYPE__FREEZE,
	      "tampering agrees with event.proto");
static_assert((int)OP_RMDIR == (int)PICKET__V1__OPERATION__OPERATION_RMDIR,
	      "operations agree with event.proto");

static ProtobufCBinaryData ip_bytes(const struct ip_addr *a)
{
	size_t n = a->family == AF_INET6 ? 16 : 4;

	return record_bytes(slice_of((const char *)a->bytes, n));
}

void record_fill_address(Picket__V1__Address *m, const struct ip_addr *a,
			 uint16_t port)
{
	picket__v1__address__init(m);
	m->ip = ip_bytes(a);
	m->port = port;
}

static void fill_exec(Picket__V1__Event *m, union record_act *a,
		      const struct event *ev)
{
	(void)ev;
	picket__v1__exec__init(&a->exec);
	m->exec = &a->exec;
}

static void fill_exit(Picket__V1__Event *m, union record_act *a,
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

static void fill_connect(Picket__V1__Event *m, union record_act *a,
			 const struct event *ev)
{
	const struct connect_info *c = &ev->connect;

	picket__v1__connect__init(&a->connect);
	if (c->peer.addr.family) {
		record_fill_address(&a->peer, &c->peer.addr, c->peer.port);
		a->connect.peer = &a->peer;
	}
	a->connect.family = family_to_tell(&c->peer);
	a->connect.vsock = fill_vsock(&a->peer_vsock, &c->peer);
	a->connect.unix_path = record_bytes(c->peer.unix_path);
	a->connect.type = c->peer.type;
	a->connect.protocol = c->peer.protocol;
	a->connect.send = c->is_send;
	a->connect.socket = c->is_socket;
	a->connect.claimed = c->is_claimed;
	a->connect.fd_claimed = c->is_fd_claimed;
	a->connect.net_ns = c->peer.net_ns;
	m->connect = &a->connect;
}

static void fill_listen(Picket__V1__Event *m, union record_act *a,
			const struct event *ev)
{
	const struct listen_info *l = &ev->listen;

	picket__v1__listen__init(&a->listen);
	if (l->local.addr.family) {
		record_fill_address(&a->local, &l->local.addr, l->local.port);
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
	a->listen.fd_claimed = l->is_fd_claimed;
	m->listen = &a->listen;
}

static void fill_load(Picket__V1__Event *m, union record_act *a,
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

static void fill_limit(Picket__V1__Tamper__Limit *m, const struct limit *l)
{
	picket__v1__tamper__limit__init(m);
	m->soft = l->soft;
	m->hard = l->hard;
}

static void fill_tamper(Picket__V1__Event *m, union record_act *a,
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
	a->tamper.code = t->code;
	if (t->op == TAMPER_LIMIT) {
		fill_limit(&a->limit, &t->limit);
		a->tamper.limit = &a->limit;
	}
	if (t->is_before_known) {
		fill_limit(&a->before, &t->before);
		a->tamper.before = &a->before;
	}
	a->tamper.cgroup = record_bytes(t->cgroup);
	a->tamper.hierarchy = t->hierarchy;
	m->tamper = &a->tamper;
}

static void fill_write(Picket__V1__Event *m, union record_act *a,
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
						union record_act *,
						const struct event *) = {
	[EVENT_EXEC] = fill_exec,	[EVENT_EXIT] = fill_exit,
	[EVENT_CONNECT] = fill_connect, [EVENT_WRITE] = fill_write,
	[EVENT_LISTEN] = fill_listen,	[EVENT_LOAD] = fill_load,
	[EVENT_TAMPER] = fill_tamper,
};

void record_fill_act(Picket__V1__Event *m, union record_act *a,
		     const struct event *ev)
{
	if (fill_act[ev->kind])
		fill_act[ev->kind](m, a, ev);
}
