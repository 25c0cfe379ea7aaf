/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ring bytes -> struct event.
 *
 * The idea: one bounds check in one place (get_str), one table row per record
 * type, and names that need joining are written to the scratch once. After
 * decode_record no later stage has to look at an offset again.
 *
 * A record is refused as a whole or taken as a whole: half of an event would
 * be a wrong event.
 */
#include "sense/decode.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/path.h"
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
_Static_assert(PATH_F_TRUNCATED == WIRE_PATH_TRUNCATED, "flags");
_Static_assert(PATH_F_UNRESOLVED == WIRE_PATH_UNRESOLVED, "flags");
_Static_assert(PATH_F_DELETED == WIRE_PATH_DELETED, "flags");

#define PATH_FLAGS \
	(WIRE_PATH_TRUNCATED | WIRE_PATH_UNRESOLVED | WIRE_PATH_DELETED)

/*
 * The most that one record needs: a write's two names, and for each the name
 * joined to its base as seen, the base from the file system's root (prefix
 * and tail), and the name joined to that.
 */
#define ROOM_SEEN    (2 * WIRE_NAME_MAX + 2)
#define ROOM_FS_BASE (2 * WIRE_NAME_MAX + 2)
#define ROOM_FS	     (ROOM_FS_BASE + WIRE_NAME_MAX + 2)
_Static_assert(2 * (ROOM_SEEN + ROOM_FS_BASE + ROOM_FS) <=
		       sizeof(((struct decode_scratch *)0)->bytes),
	       "the scratch holds every name of one record");

struct reader {
	const char *data;
	size_t size; /* hdr.size, checked */
	size_t body; /* fixed part; strings start after it */
	struct decode_scratch *scratch;
	const char *why; /* set once something was wrong */
};

static int refuse(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return -EBADMSG;
}

/* ---- bytes -------------------------------------------------------------- */

static struct slice get_str(struct reader *r, struct wire_str s, size_t max)
{
	if (!s.len)
		return (struct slice){ NULL, 0 };
	if (s.off < r->body || s.off > r->size || s.len > r->size - s.off) {
		(void)refuse(r, "string outside the record");
		return (struct slice){ NULL, 0 };
	}
	if (s.len > max) {
		(void)refuse(r, "string longer than its kind may be");
		return (struct slice){ NULL, 0 };
	}
	return slice_of(r->data + s.off, s.len);
}

/* A name read as a C string: what follows a zero is not part of it. */
static struct slice get_name(struct reader *r, struct wire_str s)
{
	struct slice name = get_str(r, s, WIRE_NAME_MAX);
	const char *zero = name.n ? memchr(name.p, 0, name.n) : NULL;

	if (zero)
		name.n = (size_t)(zero - name.p);
	return name.n ? name : (struct slice){ NULL, 0 };
}

static char *scratch_room(struct reader *r, size_t n)
{
	struct decode_scratch *s = r->scratch;

	if (n > sizeof(s->bytes) - s->used) {
		(void)refuse(r, "names longer than the scratch");
		return NULL;
	}
	return s->bytes + s->used;
}

static struct slice scratch_take(struct reader *r, size_t n)
{
	struct slice s = slice_of(r->scratch->bytes + r->scratch->used, n);

	r->scratch->used += n;
	return s;
}

/* ---- paths -------------------------------------------------------------- */

/* A path with what is needed to go on below it. */
struct base_path {
	struct file_path path;
	size_t fs_floor; /* of fs_path: what the mount does not show */
	bool on_root;	 /* on the mount that is everything's root */
};

static struct slice join(struct reader *r, struct path_join *j)
{
	char *out = scratch_room(r, path_join_room(j));

	return out ? scratch_take(r, path_join(j, out))
		   : (struct slice){ NULL, 0 };
}

/*
 * prefix + the last `tail` bytes of path. Where the front was cut it cannot
 * be told whose front it was: then unknown, because a wrong name from the
 * file system's root would become a wrong name on the host.
 */
static struct slice get_fs_path(struct reader *r, const struct wire_path *w,
				struct slice path, struct slice prefix)
{
	struct slice tail;
	struct path_join j;

	if (w->tail > path.n) {
		(void)refuse(r, "tail longer than its path");
		return (struct slice){ NULL, 0 };
	}
	if (w->flags & WIRE_PATH_TRUNCATED && (prefix.n || w->tail == path.n))
		return (struct slice){ NULL, 0 };
	if (!path.n || (prefix.n && prefix.p[0] != '/'))
		return (struct slice){ NULL, 0 };
	tail = slice_of(path.p + path.n - w->tail, w->tail);
	if (!prefix.n && tail.n && tail.p[0] == '/')
		return tail;
	j = (struct path_join){ .base = prefix, .name = tail };
	/* Kernel names are normal, so this only puts the slashes right. */
	return join(r, &j);
}

static struct base_path get_base(struct reader *r, const struct wire_path *w)
{
	struct base_path b = { 0 };
	struct slice prefix = get_str(r, w->prefix, WIRE_NAME_MAX);

	b.path.path = get_str(r, w->path, WIRE_NAME_MAX);
	b.path.flags = (uint8_t)(w->flags & PATH_FLAGS);
	b.path.fs_path = get_fs_path(r, w, b.path.path, prefix);
	b.fs_floor = prefix.n == 1 ? 0 : prefix.n;
	b.on_root = b.path.path.n == 1 || w->tail == b.path.path.n;
	return b;
}

static struct file_path get_path(struct reader *r, const struct wire_path *w)
{
	return get_base(r, w).path;
}

/*
 * A name below a base the kernel named. An absolute name starts at the
 * caller's root, and ".." does not lead out of that; a relative one cannot
 * leave the root of everything. Where ".." leads out of the mount, what the
 * name means on this file system is unknown.
 */
static struct file_path get_below(struct reader *r, const struct wire_path *w,
				  struct slice name)
{
	struct base_path b = get_base(r, w);
	struct path_join j = { .base = b.path.path, .name = name };
	struct path_join fs = { .base = b.path.fs_path, .name = name };

	if (!name.n)
		return b.path;
	if (name.p[0] == '/' && b.path.path.n > 1)
		j.floor = b.path.path.n;
	if (!b.path.path.n)
		b.path.flags |= PATH_F_UNRESOLVED;
	b.path.path = join(r, &j);
	if (b.path.fs_path.n) {
		fs.floor = name.p[0] == '/' && fs.base.n > 1 ? fs.base.n
							     : b.fs_floor;
		b.path.fs_path = join(r, &fs);
		if (fs.hit_floor && name.p[0] != '/' && !b.on_root)
			b.path.fs_path = (struct slice){ NULL, 0 };
	}
	b.path.flags &= (uint8_t)~PATH_F_DELETED;
	return b.path;
}

static struct file_id get_file(const struct wire_file *w)
{
	return (struct file_id){
		.ino = w->ino,
		.size = w->size,
		.mtime_ns = w->mtime_ns,
		.ctime_ns = w->ctime_ns,
		.dev = w->dev,
		.generation = w->generation,
		.uid = w->uid,
		.gid = w->gid,
		.nlink = w->nlink,
		.mode = w->mode,
		.known = w->ino || w->dev || w->mode,
		.memfd = w->flags & WIRE_FILE_MEMFD,
		.overlay_upper = w->flags & WIRE_FILE_OVERLAY_UPPER,
		.overlay_lower = w->flags & WIRE_FILE_OVERLAY_LOWER,
	};
}

/* ---- one function per record type --------------------------------------- */

static int get_fork(struct reader *r, struct event *ev)
{
	const struct wire_fork *w = (const void *)r->data;

	ev->fork.parent =
		(struct proc_key){ w->parent_start_ns, w->parent_tgid };
	ev->fork.parent_image = w->parent_image;
	return 0;
}

static int get_exec(struct reader *r, struct event *ev)
{
	const struct wire_exec *w = (const void *)r->data;

	ev->exec = (struct exec_info){
		.parent = { w->parent_start_ns, w->parent_tgid },
		.parent_image = w->parent_image,
		.old_tid = w->old_tid,
		.wire = w,
		.exe = get_path(r, &w->exe),
		.cwd = get_path(r, &w->cwd),
		.file = get_file(&w->file),
		.filename = get_name(r, w->filename),
		.interp = get_name(r, w->interp),
		.args = get_str(r, w->args, WIRE_ARGS_MAX),
		.env = get_str(r, w->env, WIRE_ENV_MAX),
	};
	return 0;
}

static int get_exit(struct reader *r, struct event *ev)
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

static int get_connect(struct reader *r, struct event *ev)
{
	const struct wire_connect *w = (const void *)r->data;

	if (w->op != WIRE_CONNECT_CONNECT && w->op != WIRE_CONNECT_SEND)
		return refuse(r, "unknown connect operation");
	if (get_addr(w->addr, w->family, &ev->connect.addr) < 0)
		return refuse(r, "unknown address family");
	ev->connect.sock = w->sock;
	ev->connect.port = w->port;
	ev->connect.type = w->type;
	ev->connect.protocol = w->protocol;
	ev->connect.is_send = w->op == WIRE_CONNECT_SEND;
	ev->connect.net_ns = w->net_ns;
	return 0;
}

static int get_connect_result(struct reader *r, struct event *ev)
{
	const struct wire_connect_result *w = (const void *)r->data;

	if (get_addr(w->local_addr, w->family, &ev->result.local) < 0 ||
	    get_addr(w->peer_addr, w->family, &ev->result.peer) < 0)
		return refuse(r, "unknown address family");
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
};

static int get_write(struct reader *r, struct event *ev)
{
	const struct wire_write *w = (const void *)r->data;
	struct write_info *i = &ev->write;
	struct slice name = get_name(r, w->name);
	struct slice name2 = get_name(r, w->name2);
	uint8_t claimed = 0;

	if (w->op <= WIRE_OP_NONE || w->op >= WIRE_OP_COUNT)
		return refuse(r, "unknown write operation");
	if (w->flags & WIRE_WRITE_NAME_CLAIMED)
		claimed |= PATH_F_CLAIMED;
	if (w->flags & WIRE_WRITE_NAME_CUT)
		claimed |= PATH_F_TRUNCATED;
	*i = (struct write_info){
		.op = (enum write_op)w->op,
		.path = get_below(r, &w->path, name),
		.file = get_file(&w->file),
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
		i->new_path = get_below(r, &w->path2, name2);
		i->new_path.flags |= claimed;
	}
	return 0;
}

static int get_cgroup(struct reader *r, struct event *ev)
{
	const struct wire_cgroup *w = (const void *)r->data;

	ev->cgroup.id = w->id;
	ev->cgroup.hierarchy = w->hierarchy;
	ev->cgroup.path = get_name(r, w->path);
	return 0;
}

static const struct kind {
	size_t body;
	enum event_kind event;
	enum wire_family family;
	int (*get)(struct reader *r, struct event *ev);
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
	struct reader r = { .data = data, .scratch = scratch };
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
