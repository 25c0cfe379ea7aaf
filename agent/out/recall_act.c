// SPDX-License-Identifier: Apache-2.0
/*
 * What was done, out of a record: record.c's fill functions backwards. What
 * view_take has checked is not checked again; enum values may be a newer
 * picket's, and become none.
 */
#include "out/recall_part.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct slice recall_bytes(ProtobufCBinaryData b)
{
	return slice_of(b.len ? (const char *)b.data : NULL, b.len);
}

struct file_path recall_path(const Picket__V1__Path *p)
{
	struct file_path f = { 0 };

	if (!p)
		return f;
	f.path = recall_bytes(p->path);
	if (p->fs_path.len)
		f.fs_path = recall_bytes(p->fs_path);
	else if (!p->fs_path_unknown)
		f.fs_path = f.path;
	f.host_path = recall_bytes(p->host_path);
	f.flags = (p->truncated ? PATH_F_TRUNCATED : 0) |
		  (p->unresolved ? PATH_F_UNRESOLVED : 0) |
		  (p->deleted ? PATH_F_DELETED : 0) |
		  (p->claimed ? PATH_F_CLAIMED : 0) |
		  (p->foreign ? PATH_F_FOREIGN : 0);
	return f;
}

struct file_id recall_file(const Picket__V1__File *f)
{
	if (!f)
		return (struct file_id){ 0 };
	return (struct file_id){
		.ino = f->inode,
		.size = f->size,
		.mtime_ns = f->mtime_ns,
		.ctime_ns = f->ctime_ns,
		.dev = f->device,
		.generation = f->generation,
		.uid = f->uid,
		.gid = f->gid,
		.nlink = f->links,
		.mode = (uint16_t)f->mode,
		.known = true,
		.memfd = f->memfd,
		.overlay_upper = f->overlay_upper,
		.overlay_lower = f->overlay_lower,
	};
}

static struct ip_addr addr_of(const Picket__V1__Address *a)
{
	struct ip_addr ip = { 0 };

	if (!a)
		return ip;
	ip.family = a->ip.len == 16 ? AF_INET6 : AF_INET;
	memcpy(ip.bytes, a->ip.data, a->ip.len == 16 ? 16 : 4);
	return ip;
}

static void fill_connect(struct image *target, struct event *ev,
			 const Picket__V1__Event *e)
{
	const Picket__V1__Connect *c = e->connect;

	(void)target;
	ev->connect = (struct connect_info){
		.peer = { .addr = addr_of(c->peer),
			  .port = c->peer ? (uint16_t)c->peer->port : 0,
			  .type = (uint16_t)c->type,
			  .protocol = (uint16_t)c->protocol,
			  .net_ns = c->net_ns,
			  .unix_path = recall_bytes(c->unix_path),
			  .vsock = { c->vsock ? c->vsock->cid : 0,
				     c->vsock ? c->vsock->port : 0,
				     c->vsock } },
		.is_send = c->send,
		.is_socket = c->socket,
		.is_claimed = c->claimed,
		.is_fd_claimed = c->fd_claimed,
	};
	ev->connect.peer.family =
		c->peer ? ev->connect.peer.addr.family : (uint16_t)c->family;
}

static void fill_listen(struct image *target, struct event *ev,
			const Picket__V1__Event *e)
{
	const Picket__V1__Listen *l = e->listen;

	(void)target;
	ev->listen = (struct listen_info){
		.local = { .addr = addr_of(l->local),
			   .port = l->local ? (uint16_t)l->local->port : 0,
			   .type = (uint16_t)l->type,
			   .protocol = (uint16_t)l->protocol,
			   .net_ns = l->net_ns,
			   .unix_path = recall_bytes(l->unix_path),
			   .vsock = { l->vsock ? l->vsock->cid : 0,
				      l->vsock ? l->vsock->port : 0,
				      l->vsock } },
		.backlog = l->backlog,
		.is_bind = l->bind,
		.is_fd_claimed = l->fd_claimed,
	};
	ev->listen.local.family =
		l->local ? ev->listen.local.addr.family : (uint16_t)l->family;
}

static void fill_write(struct image *target, struct event *ev,
		       const Picket__V1__Event *e)
{
	const Picket__V1__Write *w = e->write;

	(void)target;
	ev->write = (struct write_info){
		.op = (enum write_op)w->operation,
		.flags = (w->created ? WRITE_F_CREATED : 0u) |
			 (w->truncated ? WRITE_F_TRUNC : 0u) |
			 (w->append ? WRITE_F_APPEND : 0u) |
			 (w->fd_claimed ? WRITE_F_FD_CLAIMED : 0u) |
			 (w->fd_changed ? WRITE_F_FD_CHANGED : 0u) |
			 (w->exchange ? WRITE_F_EXCHANGE : 0u) |
			 (w->submitted ? WRITE_F_SUBMITTED : 0u),
		.path = recall_path(w->path),
		.new_path = recall_path(w->new_path),
		.target = recall_bytes(w->target),
		.file = recall_file(w->file),
		.bytes = w->bytes,
		.arg = w->arg,
		.arg2 = w->arg2,
	};
	/* Of a newer picket: none of the operations that rules can name. */
	if (ev->write.op >= OP_COUNT)
		ev->write.op = OP_NONE;
}

static void fill_load(struct image *target, struct event *ev,
		      const Picket__V1__Event *e)
{
	const Picket__V1__Load *l = e->load;

	(void)target;
	ev->load = (struct load_info){
		.op = l->type < (int)LOAD_COUNT ? (enum load_op)l->type
						: LOAD_NONE,
		.flags = (l->fd_claimed ? LOAD_F_FD_CLAIMED : 0u) |
			 (l->mprotect ? LOAD_F_MPROTECT : 0u),
		.path = recall_path(l->path),
		.file = recall_file(l->file),
		.name = recall_bytes(l->name),
		.arg = l->program_type,
		.id = l->program_id,
	};
}

static struct limit recall_limit(const Picket__V1__Tamper__Limit *l)
{
	struct limit none = { 0 };

	return l ? (struct limit){ l->soft, l->hard } : none;
}

/* Of the target only what it ran is recorded, and that is all rules ask. */
static void fill_tamper(struct image *target, struct event *ev,
			const Picket__V1__Event *e)
{
	const Picket__V1__Tamper *t = e->tamper;

	ev->tamper = (struct tamper_info){
		.op = t->type < (int)TAMPER_COUNT ? (enum tamper_op)t->type
						  : TAMPER_NONE,
		.of_picket = t->of_picket,
		.claimed = t->claimed,
		.target = { t->target_start_ns, t->target_pid },
		.arg = t->arg,
		.id = t->object_id,
		.code = t->code,
		.limit = recall_limit(t->limit),
		.before = recall_limit(t->before),
		.is_before_known = t->before,
		.cgroup = recall_bytes(t->cgroup),
		.hierarchy = t->hierarchy,
	};
	if (!t->target_exe.len)
		return;
	*target = (struct image){ .proc = ev->tamper.target };
	target->exe.path = recall_bytes(t->target_exe);
	ev->tamper.target_img = target;
}

static void fill_nothing(struct image *target, struct event *ev,
			 const Picket__V1__Event *e)
{
	(void)target;
	ev->exit.status = e->exit ? e->exit->status : 0;
}

static const struct {
	enum event_kind kind;
	void (*fill)(struct image *target, struct event *ev,
		     const Picket__V1__Event *e);
} acts[] = {
	[PICKET__V1__KIND__KIND_EXEC] = { EVENT_EXEC, fill_nothing },
	[PICKET__V1__KIND__KIND_EXIT] = { EVENT_EXIT, fill_nothing },
	[PICKET__V1__KIND__KIND_CONNECT] = { EVENT_CONNECT, fill_connect },
	[PICKET__V1__KIND__KIND_WRITE] = { EVENT_WRITE, fill_write },
	[PICKET__V1__KIND__KIND_LISTEN] = { EVENT_LISTEN, fill_listen },
	[PICKET__V1__KIND__KIND_LOAD] = { EVENT_LOAD, fill_load },
	[PICKET__V1__KIND__KIND_TAMPER] = { EVENT_TAMPER, fill_tamper },
};

int recall_act(struct image *target, struct event *ev,
	       const Picket__V1__Event *e)
{
	size_t kind = (size_t)e->kind;

	if (kind >= sizeof(acts) / sizeof(*acts) || !acts[kind].fill)
		return 0;
	ev->kind = acts[kind].kind;
	acts[kind].fill(target, ev, e);
	return 1;
}
