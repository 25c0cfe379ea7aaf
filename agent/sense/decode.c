/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ring bytes -> struct event.
 *
 * The idea: one table row per record type; bytes and names are taken by
 * decode_name.c alone, where every offset is checked. After decode_record no
 * later stage has to look at an offset again.
 *
 * A record is refused as a whole or taken as a whole: half of an event would
 * be a wrong event.
 */
#include "sense/decode.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "sense/decode_part.h"
#include "wire.h"

#define SAME_OP(name) \
	_Static_assert((int)OP_##name == (int)WIRE_OP_##name, #name)
SAME_OP(NONE);
SAME_OP(OPEN);
SAME_OP(WRITE);
SAME_OP(TRUNCATE);
SAME_OP(MMAP);
SAME_OP(RENAME);
SAME_OP(UNLINK);
SAME_OP(LINK);
SAME_OP(SYMLINK);
SAME_OP(CHMOD);
SAME_OP(CHOWN);
SAME_OP(XATTR);
SAME_OP(MKNOD);
SAME_OP(MKDIR);
SAME_OP(RMDIR);
SAME_OP(COUNT);
_Static_assert((int)LOAD_MMAP == (int)WIRE_LOAD_MMAP, "operations");
_Static_assert((int)LOAD_COUNT == (int)WIRE_LOAD_COUNT, "operations");
_Static_assert((int)TAMPER_SIGNAL == (int)WIRE_TAMPER_SIGNAL, "operations");
_Static_assert((int)TAMPER_COUNT == (int)WIRE_TAMPER_COUNT, "operations");

/* ---- one function per record type --------------------------------------- */

static int get_fork(struct decode_reader *r, struct event *ev)
{
	const struct wire_fork *w = (const void *)r->data;

	ev->fork.parent =
		(struct proc_key){ w->parent_start_ns, w->parent_tgid };
	ev->fork.parent_image = w->parent_image;
	return 0;
}

static int get_exec(struct decode_reader *r, struct event *ev)
{
	const struct wire_exec *w = (const void *)r->data;

	ev->exec = (struct exec_info){
		.parent = { w->parent_start_ns, w->parent_tgid },
		.parent_image = w->parent_image,
		.old_tid = w->old_tid,
		.wire = w,
		.exe = decode_path(r, &w->exe),
		.cwd = decode_path(r, &w->cwd),
		.file = decode_file(&w->file),
		.filename = decode_name(r, w->filename),
		.interp = decode_name(r, w->interp),
		.args = decode_str(r, w->args, WIRE_ARGS_MAX),
		.env = decode_str(r, w->env, WIRE_ENV_MAX),
	};
	return 0;
}

static int get_exit(struct decode_reader *r, struct event *ev)
{
	const struct wire_exit *w = (const void *)r->data;

	ev->exit.status = w->status;
	return 0;
}

static const unsigned char v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static int get_addr(const unsigned char bytes[static 16], unsigned family,
		    struct ip_addr *ret)
{
	*ret = (struct ip_addr){ .family = (uint8_t)family };
	switch (family) {
	case AF_INET:
		memcpy(ret->bytes, bytes, 4);
		return 0;
	case AF_INET6:
		if (memcmp(bytes, v4_mapped, sizeof(v4_mapped)) != 0) {
			memcpy(ret->bytes, bytes, 16);
			return 0;
		}
		ret->family = AF_INET;
		memcpy(ret->bytes, bytes + sizeof(v4_mapped), 4);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

/* The fields that both ends of a socket are told by, as a record has them. */
struct wire_end {
	const unsigned char *addr;
	uint16_t port, family, type, protocol;
	uint32_t net_ns;
	struct wire_str unix_path;
};

static void get_endpoint(struct decode_reader *r, const struct wire_end *w,
			 struct endpoint *ret)
{
	*ret = (struct endpoint){
		.port = w->port,
		.family = w->family,
		.type = w->type,
		.protocol = w->protocol,
		.net_ns = w->net_ns,
		.unix_path = decode_str(r, w->unix_path, WIRE_NAME_MAX),
	};
	/* Of other families there is no address that we know to show. */
	if (w->family == AF_INET || w->family == AF_INET6)
		(void)get_addr(w->addr, w->family, &ret->addr);
	if (w->family != AF_VSOCK)
		return;
	memcpy(&ret->vsock.cid, w->addr, 4);
	memcpy(&ret->vsock.port, w->addr + 4, 4);
	ret->vsock.known = true;
}

static int get_connect(struct decode_reader *r, struct event *ev)
{
	const struct wire_connect *w = (const void *)r->data;
	const struct wire_end end = { w->addr,	   w->port,	w->family,
				      w->type,	   w->protocol, w->net_ns,
				      w->unix_path };

	if (w->op < WIRE_CONNECT_CONNECT || w->op > WIRE_CONNECT_SOCKET)
		return decode_refuse(r, "unknown connect operation");
	if (!w->family)
		return decode_refuse(r, "no address family");
	get_endpoint(r, &end, &ev->connect.peer);
	ev->connect.sock = w->sock;
	ev->connect.is_send = w->op == WIRE_CONNECT_SEND;
	ev->connect.is_socket = w->op == WIRE_CONNECT_SOCKET;
	ev->connect.is_claimed = w->flags & WIRE_CONNECT_CLAIMED;
	ev->connect.is_fd_claimed = w->flags & WIRE_CONNECT_FD_CLAIMED;
	/* A socket has been made and nothing more: zeros are no peer. */
	if (ev->connect.is_socket)
		ev->connect.peer.addr = (struct ip_addr){ 0 };
	if (ev->connect.is_socket)
		ev->connect.peer.vsock.known = false;
	return 0;
}

static int get_listen(struct decode_reader *r, struct event *ev)
{
	const struct wire_listen *w = (const void *)r->data;
	const struct wire_end end = { w->addr,	   w->port,	w->family,
				      w->type,	   w->protocol, w->net_ns,
				      w->unix_path };

	if (w->op != WIRE_LISTEN_LISTEN && w->op != WIRE_LISTEN_BIND)
		return decode_refuse(r, "unknown listen operation");
	if (!w->family)
		return decode_refuse(r, "no address family");
	get_endpoint(r, &end, &ev->listen.local);
	ev->listen.sock = w->sock;
	ev->listen.backlog = w->backlog;
	ev->listen.is_bind = w->op == WIRE_LISTEN_BIND;
	ev->listen.is_fd_claimed = w->flags & WIRE_LISTEN_FD_CLAIMED;
	return 0;
}

static int get_connect_result(struct decode_reader *r, struct event *ev)
{
	const struct wire_connect_result *w = (const void *)r->data;

	if (get_addr(w->local_addr, w->family, &ev->result.local) < 0 ||
	    get_addr(w->peer_addr, w->family, &ev->result.peer) < 0)
		return decode_refuse(r, "unknown address family");
	ev->result.sock = w->sock;
	ev->result.local_port = w->local_port;
	ev->result.peer_port = w->peer_port;
	ev->result.error = w->error;
	return 0;
}

static const struct {
	uint16_t wire;
	uint32_t event;
} write_flags[] = {
	{ WIRE_WRITE_CREATED, WRITE_F_CREATED },
	{ WIRE_WRITE_TRUNC, WRITE_F_TRUNC },
	{ WIRE_WRITE_APPEND, WRITE_F_APPEND },
	{ WIRE_WRITE_FD_CLAIMED, WRITE_F_FD_CLAIMED },
	{ WIRE_WRITE_FD_CHANGED, WRITE_F_FD_CHANGED },
	{ WIRE_WRITE_EXCHANGE, WRITE_F_EXCHANGE },
	{ WIRE_WRITE_SUBMITTED, WRITE_F_SUBMITTED },
};

/*
 * Operations whose name may end with a link and mean what that leads to. Their
 * rare forms that do not (lchown, lsetxattr) are not told from the others.
 */
static const uint32_t following = 1u << WIRE_OP_OPEN | 1u << WIRE_OP_TRUNCATE |
				  1u << WIRE_OP_CHMOD | 1u << WIRE_OP_CHOWN |
				  1u << WIRE_OP_XATTR | 1u << WIRE_OP_UTIME;

static int get_write(struct decode_reader *r, struct event *ev)
{
	const struct wire_write *w = (const void *)r->data;
	struct write_info *i = &ev->write;
	struct slice name = decode_name(r, w->name);
	struct slice name2 = decode_name(r, w->name2);
	uint8_t claimed = 0;

	if (w->op <= WIRE_OP_NONE || w->op >= WIRE_OP_COUNT)
		return decode_refuse(r, "unknown write operation");
	if (w->flags & WIRE_WRITE_NAME_CLAIMED)
		claimed |= PATH_F_CLAIMED;
	if (claimed && (following & 1u << w->op))
		claimed |= PATH_F_FOLLOWS;
	if (w->flags & WIRE_WRITE_NAME_CUT)
		claimed |= PATH_F_TRUNCATED;
	*i = (struct write_info){
		.op = (enum write_op)w->op,
		.path = decode_below(r, &w->path, name),
		.file = decode_file(&w->file),
		.bytes = w->bytes,
		.arg = w->arg,
		.arg2 = w->arg2,
		.syscall = w->syscall,
	};
	i->path.flags |= claimed;
	for (size_t k = 0; k < sizeof(write_flags) / sizeof(*write_flags); k++)
		if (w->flags & write_flags[k].wire)
			i->flags |= write_flags[k].event;
	if (i->op == OP_SYMLINK) {
		i->target = name2;
	} else if (i->op == OP_RENAME || i->op == OP_LINK) {
		i->new_path = decode_below(r, &w->path2, name2);
		i->new_path.flags |= claimed;
	}
	return 0;
}

static int get_cgroup(struct decode_reader *r, struct event *ev)
{
	const struct wire_cgroup *w = (const void *)r->data;

	ev->cgroup.id = w->id;
	ev->cgroup.hierarchy = w->hierarchy;
	ev->cgroup.path = decode_name(r, w->path);
	return 0;
}

static int get_script(struct decode_reader *r, struct event *ev)
{
	const struct wire_script *w = (const void *)r->data;

	ev->script.path = decode_path(r, &w->path);
	ev->script.file = decode_file(&w->file);
	return 0;
}

static int get_load(struct decode_reader *r, struct event *ev)
{
	const struct wire_load *w = (const void *)r->data;

	if (w->op <= LOAD_NONE || w->op >= WIRE_LOAD_COUNT)
		return decode_refuse(r, "unknown load operation");
	ev->load = (struct load_info){
		.op = (enum load_op)w->op,
		.path = decode_path(r, &w->path),
		.file = decode_file(&w->file),
		.name = decode_name(r, w->name),
		.arg = w->arg,
		.id = w->id,
	};
	if (w->flags & WIRE_LOAD_FD_CLAIMED)
		ev->load.flags |= LOAD_F_FD_CLAIMED;
	if (w->flags & WIRE_LOAD_MPROTECT)
		ev->load.flags |= LOAD_F_MPROTECT;
	return 0;
}

static int get_tamper(struct decode_reader *r, struct event *ev)
{
	const struct wire_tamper *w = (const void *)r->data;

	if (w->op <= TAMPER_NONE || w->op >= WIRE_TAMPER_COUNT)
		return decode_refuse(r, "unknown tamper operation");
	ev->tamper = (struct tamper_info){
		.op = (enum tamper_op)w->op,
		.of_picket = w->flags & WIRE_TAMPER_SELF,
		.claimed = w->flags & WIRE_TAMPER_CLAIMED,
		.target = { w->target_start_ns, w->target_tgid },
		.target_image = w->target_image,
		.arg = w->arg,
		.id = w->id,
		.code = w->code,
		.limit = { w->limit.soft, w->limit.hard },
		.before = { w->before.soft, w->before.hard },
		.is_before_known = w->flags & WIRE_TAMPER_BEFORE,
		.cgroup = decode_name(r, w->cgroup),
		.hierarchy = w->hierarchy,
	};
	return 0;
}

static const struct kind {
	size_t body;
	enum event_kind event;
	enum wire_family family;
	int (*get)(struct decode_reader *r, struct event *ev);
} kinds[] = {
	[WIRE_FORK] = { sizeof(struct wire_fork), EVENT_FORK, WIRE_FAM_FORK,
			get_fork },
	[WIRE_EXEC] = { sizeof(struct wire_exec), EVENT_EXEC, WIRE_FAM_EXEC,
			get_exec },
	[WIRE_EXIT] = { sizeof(struct wire_exit), EVENT_EXIT, WIRE_FAM_EXIT,
			get_exit },
	[WIRE_CONNECT] = { sizeof(struct wire_connect), EVENT_CONNECT,
			   WIRE_FAM_CONNECT, get_connect },
	[WIRE_CONNECT_RESULT] = { sizeof(struct wire_connect_result),
				  EVENT_CONNECT_RESULT, WIRE_FAM_CONNECT,
				  get_connect_result },
	[WIRE_WRITE] = { sizeof(struct wire_write), EVENT_WRITE, WIRE_FAM_WRITE,
			 get_write },
	[WIRE_CGROUP] = { sizeof(struct wire_cgroup), EVENT_CGROUP,
			  WIRE_FAM_CGROUP, get_cgroup },
	[WIRE_SCRIPT] = { sizeof(struct wire_script), EVENT_SCRIPT,
			  WIRE_FAM_EXEC, get_script },
	[WIRE_LISTEN] = { sizeof(struct wire_listen), EVENT_LISTEN,
			  WIRE_FAM_LISTEN, get_listen },
	[WIRE_LOAD] = { sizeof(struct wire_load), EVENT_LOAD, WIRE_FAM_LOAD,
			get_load },
	[WIRE_TAMPER] = { sizeof(struct wire_tamper), EVENT_TAMPER,
			  WIRE_FAM_TAMPER, get_tamper },
};
_Static_assert(sizeof(kinds) / sizeof(*kinds) == WIRE_TYPE_COUNT,
	       "a row per record type");

/* ---- the record as a whole ---------------------------------------------- */

static const struct kind *kind_of(const struct wire_hdr *hdr)
{
	const struct kind *k;

	if (hdr->type >= WIRE_TYPE_COUNT)
		return NULL;
	k = &kinds[hdr->type];
	return k->get ? k : NULL;
}

static const char *check_header(const void *data, size_t size,
				const struct kind **ret_kind)
{
	const struct wire_hdr *hdr = data;
	const struct kind *k;

	if ((uintptr_t)data % _Alignof(struct wire_hdr))
		return "record is not aligned";
	if (size < sizeof(*hdr))
		return "shorter than a header";
	if (hdr->size > size || hdr->size > WIRE_RECORD_MAX)
		return "says it is longer than it is";
	k = kind_of(hdr);
	if (!k)
		return "unknown record type";
	if (hdr->size < k->body)
		return "shorter than its type";
	if (hdr->backend >= WIRE_BACKEND_COUNT)
		return "unknown backend";
	*ret_kind = k;
	return NULL;
}

static struct actor get_actor(const struct wire_hdr *hdr)
{
	return (struct actor){
		.proc = { hdr->start_ns, hdr->tgid },
		.image_number = hdr->image,
		.tid = hdr->tid,
		.uid = hdr->uid,
		.euid = hdr->euid,
		.gid = hdr->gid,
		.mnt_ns = hdr->mnt_ns,
		.cgroup_id = hdr->cgroup_id,
		.cgroup_v1_id = hdr->cgroup_v1_id,
		.kthread = hdr->flags & WIRE_F_KTHREAD,
		.none = hdr->flags & WIRE_F_NO_TASK,
	};
}

int decode_record(const void *data, size_t size, struct decode_scratch *scratch,
		  struct event *ret, const char **ret_why)
{
	const struct wire_hdr *hdr = data;
	const struct kind *kind = NULL;
	const char *why = check_header(data, size, &kind);
	struct decode_reader r = { .data = data, .scratch = scratch };
	struct event ev = { 0 };

	scratch->used = 0;
	if (why) {
		*ret_why = why;
		return -EBADMSG;
	}
	r.size = hdr->size;
	r.body = kind->body;
	ev.kind = kind->event;
	ev.backend = hdr->backend;
	ev.cpu = (uint16_t)hdr->cpu;
	ev.time_ns = hdr->time_ns;
	ev.actor = get_actor(hdr);
	(void)kind->get(&r, &ev);
	if (r.why) {
		*ret_why = r.why;
		return -EBADMSG;
	}
	*ret = ev;
	return 0;
}

int decode_family(const void *data, size_t size)
{
	struct wire_hdr hdr;
	const struct kind *k;

	if (size < sizeof(hdr))
		return -1;
	memcpy(&hdr, data, sizeof(hdr));
	k = kind_of(&hdr);
	return k ? (int)k->family : -1;
}
