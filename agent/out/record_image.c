// SPDX-License-Identifier: Apache-2.0
/*
 * An image -> packed protobuf: the description that stands once per journal
 * segment, so that the events which refer to it can be small.
 *
 * Unlike an event it says everything, because nothing else in the segment
 * will. Arguments and environment are zero-terminated strings in one run of
 * bytes; the lists that point into it are on the stack, and their length is
 * what a full area of empty strings needs.
 */
#include "out/record.h"

#include "out/like.h"
#include "out/pack.h"
#include "out/record_part.h"
#include "wire.h"

/* Every byte of the area may be a string's terminating zero. */
#define STRINGS_MAX \
	(WIRE_ARGS_MAX > WIRE_ENV_MAX ? WIRE_ARGS_MAX : WIRE_ENV_MAX)

struct strings {
	size_t n;
	ProtobufCBinaryData list[STRINGS_MAX];
};

struct image_parts {
	Picket__V1__Image image;
	Picket__V1__Path exe;
	Picket__V1__File exe_file, script_file;
	Picket__V1__Finding exe_finding, script_finding;
	Picket__V1__Login login;
	Picket__V1__Capabilities capabilities;
	Picket__V1__Namespaces namespaces;
	Picket__V1__Stdio stdio[3], *stdio_list[3];
	struct strings args, env;
};

static const Picket__V1__Stdio__Type stdio_types[STDIO_KIND_COUNT] = {
	[STDIO_CLOSED] = PICKET__V1__STDIO__TYPE__CLOSED,
	[STDIO_FILE] = PICKET__V1__STDIO__TYPE__FILE,
	[STDIO_PIPE] = PICKET__V1__STDIO__TYPE__PIPE,
	[STDIO_SOCKET] = PICKET__V1__STDIO__TYPE__SOCKET,
	[STDIO_TTY] = PICKET__V1__STDIO__TYPE__TTY,
	[STDIO_NULL] = PICKET__V1__STDIO__TYPE__NULL_DEVICE,
	[STDIO_DEVICE] = PICKET__V1__STDIO__TYPE__DEVICE,
	[STDIO_OTHER] = PICKET__V1__STDIO__TYPE__OTHER,
};

/* The strings of a run; false: there were more than there is room for. */
static bool split_strings(struct strings *s, struct slice run)
{
	s->n = 0;
	while (run.n) {
		const char *end = memchr(run.p, '\0', run.n);
		size_t n = end ? (size_t)(end - run.p) : run.n;
		size_t step = end ? n + 1 : n;

		if (s->n == STRINGS_MAX)
			return false;
		s->list[s->n++] = record_bytes(slice_of(run.p, n));
		run = slice_of(run.p + step, run.n - step);
	}
	return true;
}

static void fill_flags(Picket__V1__Image *m, uint32_t flags)
{
	m->snapshot = !!(flags & IMAGE_F_SNAPSHOT);
	m->forked = !!(flags & IMAGE_F_FORKED);
	m->unknown = !!(flags & IMAGE_F_UNKNOWN);
	m->args_truncated = !!(flags & IMAGE_F_ARGS_TRUNCATED);
	m->env_truncated = !!(flags & IMAGE_F_ENV_TRUNCATED);
	m->no_new_privs = !!(flags & IMAGE_F_NO_NEW_PRIVS);
	m->secure = !!(flags & IMAGE_F_SECURE);
	m->kthread = !!(flags & IMAGE_F_KTHREAD);
}

static void fill_program(struct image_parts *p, const struct image *img)
{
	Picket__V1__Image *m = &p->image;

	if (record_fill_path(&p->exe, &img->exe))
		m->exe = &p->exe;
	if (record_fill_file(&p->exe_file, &img->exe_file, true))
		m->exe_file = &p->exe_file;
	if (record_fill_finding(&p->exe_finding, &img->exe_facts))
		m->exe_finding = &p->exe_finding;
	if (record_fill_finding(&p->script_finding, &img->script_facts))
		m->script_finding = &p->script_finding;
	m->script = record_bytes(img->script);
	if (record_fill_file(&p->script_file, &img->script_file, true))
		m->script_file = &p->script_file;
	if (!slice_eq(img->filename, img->exe.path))
		m->filename = record_bytes(img->filename);
	m->cwd = record_bytes(img->cwd);
	if (!split_strings(&p->args, img->args))
		m->args_truncated = true;
	m->n_args = p->args.n;
	m->args = p->args.list;
	m->argc = img->argc;
	m->args_bytes = img->args_bytes;
	if (!split_strings(&p->env, img->env))
		m->env_truncated = true;
	m->n_env = p->env.n;
	m->args_redacted = img->args_hidden;
	m->env_redacted = img->env_hidden;
	m->env = p->env.list;
	m->comm = record_bytes(
		slice_of(img->comm, strnlen(img->comm, sizeof(img->comm))));
}

static void fill_ids(struct image_parts *p, const struct image *img)
{
	Picket__V1__Image *m = &p->image;

	m->uid = img->uid;
	m->euid = img->euid;
	m->suid = img->suid;
	m->fsuid = img->fsuid;
	m->gid = img->gid;
	m->egid = img->egid;
	m->sgid = img->sgid;
	m->sid = img->sid;
	m->pgid = img->pgid;
	m->tty = img->tty;
	m->ns_pid = img->ns_pid;
	if (img->login_uid != UINT32_MAX) {
		picket__v1__login__init(&p->login);
		p->login.uid = img->login_uid;
		p->login.session = img->session_id;
		m->login = &p->login;
	}
}

/* Known also of an image that was never seen, by the cgroup it acts in. */
static void fill_place(Picket__V1__Image *m, const struct image *img)
{
	m->cgroup_id = img->cgroup_id;
	m->cgroup = record_bytes(img->cgroup);
	m->unit = record_bytes(img->unit);
	m->container = record_bytes(img->container);
	m->container_known = img->container_known;
	m->container_image = record_bytes(img->container_image);
	m->pod = record_bytes(img->pod);
	m->pod_namespace = record_bytes(img->pod_namespace);
	m->pod_uid = record_bytes(img->pod_uid);
	m->container_name = record_bytes(img->container_name);
	m->image_digest = record_bytes(img->image_digest);
}

static void fill_confinement(struct image_parts *p, const struct image *img)
{
	Picket__V1__Image *m = &p->image;

	picket__v1__capabilities__init(&p->capabilities);
	p->capabilities.permitted = img->cap_permitted;
	p->capabilities.effective = img->cap_effective;
	p->capabilities.inheritable = img->cap_inheritable;
	p->capabilities.bounding = img->cap_bounding;
	p->capabilities.ambient = img->cap_ambient;
	m->capabilities = &p->capabilities;
	picket__v1__namespaces__init(&p->namespaces);
	p->namespaces.mnt = img->mnt_ns;
	p->namespaces.pid = img->pid_ns;
	p->namespaces.net = img->net_ns;
	p->namespaces.user = img->user_ns;
	p->namespaces.uts = img->uts_ns;
	p->namespaces.ipc = img->ipc_ns;
	p->namespaces.cgroup = img->cgroup_ns;
	m->namespaces = &p->namespaces;
}

static void fill_stdio(struct image_parts *p, const struct image *img)
{
	for (int i = 0; i < 3; i++) {
		picket__v1__stdio__init(&p->stdio[i]);
		p->stdio[i].type = stdio_types[img->stdio[i].kind];
		p->stdio[i].inode = img->stdio[i].ino;
		p->stdio[i].device = img->stdio[i].rdev;
		p->stdio_list[i] = &p->stdio[i];
	}
	p->image.n_stdio = 3;
	p->image.stdio = p->stdio_list;
}

static void fill_image(struct image_parts *p, const struct image *img)
{
	Picket__V1__Image *m = &p->image;

	picket__v1__image__init(m);
	m->id = img->id;
	m->pid = img->proc.tgid;
	m->start_ns = img->proc.start_ns;
	m->number = img->number;
	m->parent_id = img->parent ? img->parent->id : 0;
	m->prev_id = img->prev ? img->prev->id : 0;
	m->began_ns = img->began_ns;
	fill_flags(m, img->flags);
	fill_program(p, img);
	fill_ids(p, img);
	/* Of an image never seen the rest is zero for want of knowing. */
	if (!(img->flags & IMAGE_F_UNKNOWN)) {
		fill_confinement(p, img);
		fill_stdio(p, img);
	}
	fill_place(m, img);
}

void record_pack_image(struct buf *out, const struct image *img)
{
	struct image_parts p;

	fill_image(&p, img);
	pack_message(out, &p.image.base);
}

bool record_pack_image_base(struct buf *out, const struct image *img,
			    struct like_base *ret)
{
	struct image_parts p;

	fill_image(&p, img);
	pack_message(out, &p.image.base);
	return !out->failed &&
	       like_base_set(ret, img->id, &p.image.base, out->n) == 0;
}

void record_pack_image_like(struct buf *out, const struct image *img,
			    const struct like_base *base)
{
	struct image_parts p;

	fill_image(&p, img);
	like_shorten(&p.image.base, base, out);
}
