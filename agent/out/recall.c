// SPDX-License-Identifier: Apache-2.0
/*
 * What record.c and record_image.c do, backwards. The idea: images are made
 * once and kept as long as their descriptions mean the same; when a number
 * turns out to name another process (the agent was restarted), or there are
 * too many, all are forgotten at once, so that no line ends in one that is
 * gone.
 */
#include "out/recall_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "limits.h"
#include "out/arena.h"
#include "out/findings.h"

#define IMAGES_MAX 32768
#define BYTES_MAX  (64u << 20)

struct recall {
	struct table *images; /* Image.id -> struct image * */
	struct arena arena;
	struct findings *findings; /* borrowed; NULL: none */
	bool keeps;		   /* nothing is forgotten */
	/* Made for one event, and gone with the next. */
	struct image target;
};

int recall_new(struct recall **ret)
{
	struct recall *r = calloc(1, sizeof(*r));
	int k;

	if (!r)
		return -ENOMEM;
	r->arena.max = BYTES_MAX;
	k = table_new(IMAGES_MAX, sizeof(uint64_t), sizeof(struct image *),
		      &r->images);
	if (k < 0) {
		free(r);
		return k;
	}
	*ret = r;
	return 0;
}

void recall_free(struct recall *r)
{
	if (!r)
		return;
	table_free(r->images);
	arena_done(&r->arena);
	free(r);
}

void recall_use(struct recall *r, struct findings *f)
{
	r->findings = f;
}

void recall_keep(struct recall *r, size_t bytes)
{
	r->keeps = true;
	r->arena.max = bytes;
}

static void forget(struct recall *r)
{
	const void *key;
	uint64_t id;

	while (table_oldest(r->images, &key)) {
		memcpy(&id, key, sizeof(id));
		table_remove(r->images, &id);
	}
	arena_reset(&r->arena);
}

/* ---- images ------------------------------------------------------------- */

static struct slice copy(struct recall *r, struct slice s)
{
	char *p = s.n ? arena_take(&r->arena, s.n) : NULL;

	if (!p)
		return slice_of(NULL, 0);
	memcpy(p, s.p, s.n);
	return slice_of(p, s.n);
}

static struct file_path copy_path(struct recall *r, const Picket__V1__Path *p)
{
	struct file_path f = recall_path(p);

	f.path = copy(r, f.path);
	f.fs_path = copy(r, f.fs_path);
	f.host_path = copy(r, f.host_path);
	return f;
}

/* Strings in a row, each with its zero. */
static struct slice copy_list(struct recall *r, const ProtobufCBinaryData *list,
			      size_t n)
{
	size_t total = 0, i;
	char *p, *at;

	for (i = 0; i < n; i++)
		total += list[i].len + 1;
	p = at = total ? arena_take(&r->arena, total) : NULL;
	if (!p)
		return slice_of(NULL, 0);
	for (i = 0; i < n; i++) {
		if (list[i].len)
			memcpy(at, list[i].data, list[i].len);
		at += list[i].len;
		*at++ = '\0';
	}
	return slice_of(p, total);
}

static const struct {
	size_t at;
	uint32_t flag;
} image_flags[] = {
	{ offsetof(Picket__V1__Image, snapshot), IMAGE_F_SNAPSHOT },
	{ offsetof(Picket__V1__Image, forked), IMAGE_F_FORKED },
	{ offsetof(Picket__V1__Image, unknown), IMAGE_F_UNKNOWN },
	{ offsetof(Picket__V1__Image, args_truncated), IMAGE_F_ARGS_TRUNCATED },
	{ offsetof(Picket__V1__Image, env_truncated), IMAGE_F_ENV_TRUNCATED },
	{ offsetof(Picket__V1__Image, no_new_privs), IMAGE_F_NO_NEW_PRIVS },
	{ offsetof(Picket__V1__Image, secure), IMAGE_F_SECURE },
	{ offsetof(Picket__V1__Image, kthread), IMAGE_F_KTHREAD },
};

static const enum stdio_kind stdio_kinds[] = {
	[PICKET__V1__STDIO__TYPE__CLOSED] = STDIO_CLOSED,
	[PICKET__V1__STDIO__TYPE__FILE] = STDIO_FILE,
	[PICKET__V1__STDIO__TYPE__PIPE] = STDIO_PIPE,
	[PICKET__V1__STDIO__TYPE__SOCKET] = STDIO_SOCKET,
	[PICKET__V1__STDIO__TYPE__TTY] = STDIO_TTY,
	[PICKET__V1__STDIO__TYPE__NULL_DEVICE] = STDIO_NULL,
	[PICKET__V1__STDIO__TYPE__DEVICE] = STDIO_DEVICE,
	[PICKET__V1__STDIO__TYPE__OTHER] = STDIO_OTHER,
};

static void fill_stdio(struct image *img, const Picket__V1__Image *m)
{
	for (size_t i = 0; i < 3; i++) {
		const Picket__V1__Stdio *s =
			i < m->n_stdio ? m->stdio[i] : NULL;
		size_t type = s ? (size_t)s->type : 0;

		img->stdio[i] = (struct stdio){
			.kind = type < sizeof(stdio_kinds) /
							sizeof(*stdio_kinds)
					? stdio_kinds[type]
					: STDIO_OTHER,
			.ino = s ? s->inode : 0,
			.rdev = s ? s->device : 0,
		};
	}
}

/*
 * Of no other recall, and of no process table, which counts from one: a live
 * set judges images of both, and remembers by id.
 */
static uint64_t new_id(void)
{
	static uint64_t last_id = 1ull << 63;

	return __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
}

static void fill_image(struct recall *r, struct image *img,
		       const Picket__V1__Image *m)
{
	*img = (struct image){
		.id = new_id(),
		.proc = { m->start_ns, m->pid },
		.number = m->number,
		.began_ns = m->began_ns,
		.exe = copy_path(r, m->exe),
		.exe_file = recall_file(m->exe_file),
		.exe_facts = facts_of_finding(m->exe_finding),
		.script_facts = facts_of_finding(m->script_finding),
		.script = copy(r, recall_bytes(m->script)),
		.script_file = recall_file(m->script_file),
		.filename = copy(r, recall_bytes(m->filename)),
		.cwd = copy(r, recall_bytes(m->cwd)),
		.args = copy_list(r, m->args, m->n_args),
		.env = copy_list(r, m->env, m->n_env),
		.argc = m->argc,
		.args_bytes = m->args_bytes,
		.args_hidden = m->args_redacted,
		.env_hidden = m->env_redacted,
		.uid = m->uid,
		.euid = m->euid,
		.suid = m->suid,
		.fsuid = m->fsuid,
		.gid = m->gid,
		.egid = m->egid,
		.sgid = m->sgid,
		.login_uid = m->login ? m->login->uid : UINT32_MAX,
		.session_id = m->login ? m->login->session : UINT32_MAX,
		.sid = m->sid,
		.pgid = m->pgid,
		.tty = m->tty,
		.ns_pid = m->ns_pid,
		.mnt_ns = m->namespaces ? m->namespaces->mnt : 0,
		.cgroup_id = m->cgroup_id,
		.cgroup = copy(r, recall_bytes(m->cgroup)),
		.unit = copy(r, recall_bytes(m->unit)),
		.container = copy(r, recall_bytes(m->container)),
		.container_known = m->container_known,
		.container_image = copy(r, recall_bytes(m->container_image)),
		.pod = copy(r, recall_bytes(m->pod)),
		.pod_namespace = copy(r, recall_bytes(m->pod_namespace)),
		.pod_uid = copy(r, recall_bytes(m->pod_uid)),
		.container_name = copy(r, recall_bytes(m->container_name)),
		.image_digest = copy(r, recall_bytes(m->image_digest)),
	};
	if (r->findings && !img->exe_facts.known)
		img->exe_facts = findings_of(r->findings, &img->exe_file);
	if (r->findings && !img->script_facts.known)
		img->script_facts = findings_of(r->findings, &img->script_file);
	for (size_t i = 0; i < sizeof(image_flags) / sizeof(*image_flags); i++)
		if (*(const protobuf_c_boolean *)((const char *)m +
						  image_flags[i].at))
			img->flags |= image_flags[i].flag;
	if (m->script.len)
		img->flags |= IMAGE_F_SCRIPT;
	fill_stdio(img, m);
}

static bool is_same(const struct image *img, const Picket__V1__Image *m)
{
	return img->proc.tgid == m->pid && img->proc.start_ns == m->start_ns &&
	       img->number == m->number;
}

/* Described once more, as what its container is became known. */
static void fill_container(struct recall *r, struct image *img,
			   const Picket__V1__Image *m)
{
	img->container_image = copy(r, recall_bytes(m->container_image));
	img->pod = copy(r, recall_bytes(m->pod));
	img->pod_namespace = copy(r, recall_bytes(m->pod_namespace));
	img->container_name = copy(r, recall_bytes(m->container_name));
	img->image_digest = copy(r, recall_bytes(m->image_digest));
	img->container_known = m->container_known;
}

static bool is_container_news(const struct image *img,
			      const Picket__V1__Image *m)
{
	return !img->container_known &&
	       (m->container_known ||
		m->container_image.len != img->container_image.n ||
		m->pod.len != img->pod.n);
}

/* NULL: not described, or no memory (the arena says so). */
static struct image *make_image(struct recall *r,
				const struct view_images *images, uint64_t id,
				unsigned depth)
{
	const Picket__V1__Image *m = view_image(images, id);
	struct image **slot = m ? table_get(r->images, &id) : NULL, *img;
	int made;

	if (!m)
		return slot ? *slot : NULL;
	if (slot && is_same(*slot, m)) {
		if (is_container_news(*slot, m))
			fill_container(r, *slot, m);
		return *slot;
	}
	img = arena_take(&r->arena, sizeof(*img));
	if (!img)
		return NULL;
	fill_image(r, img, m);
	slot = table_put(r->images, &id, &made);
	*slot = img;
	if (depth < PICKET_ANCESTORS_MAX) {
		img->parent = make_image(r, images, m->parent_id, depth + 1);
		img->prev = make_image(r, images, m->prev_id, depth + 1);
	}
	if (img->args_hidden || img->env_hidden ||
	    (img->parent && (img->parent->flags & IMAGE_F_REDACTED)) ||
	    (img->prev && (img->prev->flags & IMAGE_F_REDACTED)))
		img->flags |= IMAGE_F_REDACTED;
	return img;
}

/* The number is another process's now: so may be all others. */
static bool has_changed(struct recall *r, const struct view_images *images,
			uint64_t id)
{
	const Picket__V1__Image *m = view_image(images, id);
	struct image **slot = m ? table_get(r->images, &id) : NULL;

	return slot && !is_same(*slot, m);
}

static int image_of(struct recall *r, const struct view_images *images,
		    uint64_t id, struct image **ret)
{
	*ret = NULL;
	if (!id)
		return 0;
	if (has_changed(r, images, id) ||
	    table_count(r->images) > IMAGES_MAX / 2) {
		if (r->keeps)
			return -ENOBUFS;
		forget(r);
	}
	*ret = make_image(r, images, id, 0);
	if (!r->arena.failed)
		return 0;
	if (r->keeps)
		return -ENOBUFS;
	forget(r);
	*ret = make_image(r, images, id, 0);
	return r->arena.failed ? -ENOMEM : 0;
}

/* As of the act where that was recorded, else as of the image. */
static void fill_actor(struct event *ev, const Picket__V1__Event *e,
		       const struct image *img)
{
	struct actor *a = &ev->actor;

	a->none = !img && !e->actor;
	if (img) {
		*a = (struct actor){
			.proc = img->proc,
			.image_number = img->number,
			.tid = e->tid ? e->tid : img->proc.tgid,
			.uid = img->uid,
			.euid = img->euid,
			.gid = img->gid,
			.mnt_ns = img->mnt_ns,
			.cgroup_id = img->cgroup_id,
			.kthread = img->flags & IMAGE_F_KTHREAD,
		};
	}
	if (e->actor) {
		a->uid = e->actor->uid;
		a->euid = e->actor->euid;
		a->gid = e->actor->gid;
		a->mnt_ns = e->actor->mnt_ns;
		a->cgroup_id = e->actor->cgroup_id;
	}
}

int recall_event(struct recall *r, const struct view_images *images,
		 const struct view *v, struct event *ret,
		 const struct image **ret_img)
{
	const Picket__V1__Event *e = v->event;
	struct event ev;
	struct image *img;
	int k;

	if (!e)
		return 0;
	ev = (struct event){
		.backend = (uint8_t)e->backend,
		.cpu = (uint16_t)e->cpu,
		.canary = e->canary,
		.time_ns = e->boot_ns,
	};
	k = recall_act(&r->target, &ev, e);
	if (k <= 0)
		return k;
	k = image_of(r, images, e->image, &img);
	if (k < 0)
		return k;
	fill_actor(&ev, e, img);
	*ret = ev;
	*ret_img = img;
	return 1;
}
