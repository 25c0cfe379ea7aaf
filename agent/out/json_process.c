// SPDX-License-Identifier: Apache-2.0
/*
 * The process of a record as a JSON object: all that its image says, so that
 * one line can be understood without any other.
 */
#include "out/json_part.h"

#include "limits.h"
#include "out/names.h"

static struct slice bytes(ProtobufCBinaryData b)
{
	return slice_of((const char *)b.data, b.len);
}

static void add_program(struct buf *out, const Picket__V1__Image *i)
{
	json_path(out, "exe", i->exe);
	json_file(out, "exe_file", i->exe_file);
	json_finding(out, "exe_finding", i->exe_finding);
	json_bytes(out, "script", bytes(i->script));
	json_file(out, "script_file", i->script_file);
	json_finding(out, "script_finding", i->script_finding);
	json_bytes(out, "filename", bytes(i->filename));
	json_bytes(out, "cwd", bytes(i->cwd));
	json_bytes(out, "comm", bytes(i->comm));
	json_byte_list(out, "args", i->args, i->n_args);
	if (!i->unknown) {
		json_u64(out, "argc", i->argc);
		json_u64(out, "args_bytes", i->args_bytes);
	}
	json_true(out, "args_truncated", i->args_truncated);
	json_true(out, "args_redacted", !!i->args_redacted);
	json_byte_list(out, "env", i->env, i->n_env);
	json_true(out, "env_truncated", i->env_truncated);
	json_true(out, "env_redacted", !!i->env_redacted);
}

static void add_id(struct buf *out, const char *name, uint32_t id)
{
	if (id != UINT32_MAX) /* not known */
		json_u64(out, name, id);
}

static void add_ids(struct buf *out, const Picket__V1__Image *i)
{
	add_id(out, "uid", i->uid);
	add_id(out, "euid", i->euid);
	add_id(out, "suid", i->suid);
	add_id(out, "fsuid", i->fsuid);
	add_id(out, "gid", i->gid);
	add_id(out, "egid", i->egid);
	add_id(out, "sgid", i->sgid);
	if (i->login) {
		add_id(out, "login_uid", i->login->uid);
		add_id(out, "session_id", i->login->session);
	}
	if (i->unknown)
		return;
	json_u64(out, "sid", i->sid);
	json_u64(out, "pgid", i->pgid);
	json_u64(out, "ns_pid", i->ns_pid);
	if (i->tty)
		json_device(out, "tty", i->tty);
}

static void add_capabilities(struct buf *out, const Picket__V1__Capabilities *c)
{
	if (!c)
		return;
	json_open(out, "capabilities", '{');
	json_hex(out, "permitted", c->permitted);
	json_hex(out, "effective", c->effective);
	json_hex(out, "inheritable", c->inheritable);
	json_hex(out, "bounding", c->bounding);
	json_hex(out, "ambient", c->ambient);
	json_close(out, '}');
}

static void add_namespaces(struct buf *out, const Picket__V1__Namespaces *n)
{
	if (!n)
		return;
	json_open(out, "namespaces", '{');
	json_u64(out, "mnt", n->mnt);
	json_u64(out, "pid", n->pid);
	json_u64(out, "net", n->net);
	json_u64(out, "user", n->user);
	json_u64(out, "uts", n->uts);
	json_u64(out, "ipc", n->ipc);
	json_u64(out, "cgroup", n->cgroup);
	json_close(out, '}');
}

static void add_stdio(struct buf *out, const Picket__V1__Image *img)
{
	if (!img->n_stdio)
		return;
	json_open(out, "stdio", '[');
	for (size_t i = 0; i < img->n_stdio; i++) {
		const Picket__V1__Stdio *s = img->stdio[i];

		json_open(out, NULL, '{');
		json_str(out, "type", name_stdio(s->type));
		if (s->inode)
			json_u64(out, "inode", s->inode);
		if (s->device)
			json_device(out, "device", s->device);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void add_parents(struct buf *out, const struct view_images *images,
			const Picket__V1__Image *img)
{
	const Picket__V1__Image *up = view_image(images, img->parent_id);

	if (!up)
		return;
	json_open(out, "parents", '[');
	/* The bound also ends a line that leads back to itself. */
	for (int n = 0; up && n < PICKET_ANCESTORS_MAX; n++) {
		json_open(out, NULL, '{');
		json_u64(out, "pid", up->pid);
		json_u64(out, "start_ns", up->start_ns);
		if (up->exe)
			json_bytes(out, "exe", bytes(up->exe->path));
		json_close(out, '}');
		up = view_image(images, up->parent_id);
	}
	json_close(out, ']');
}

void json_process(struct buf *out, const struct view_images *images,
		  const Picket__V1__Image *img)
{
	const Picket__V1__Image *prev;

	if (!img)
		return;
	prev = view_image(images, img->prev_id);
	json_open(out, "process", '{');
	json_u64(out, "pid", img->pid);
	json_u64(out, "start_ns", img->start_ns);
	json_u64(out, "image", img->number);
	add_program(out, img);
	add_ids(out, img);
	add_capabilities(out, img->capabilities);
	add_namespaces(out, img->namespaces);
	add_stdio(out, img);
	if (img->cgroup_id)
		json_u64(out, "cgroup_id", img->cgroup_id);
	json_bytes(out, "cgroup", bytes(img->cgroup));
	json_bytes(out, "unit", bytes(img->unit));
	json_bytes(out, "container", bytes(img->container));
	json_bytes(out, "container_name", bytes(img->container_name));
	json_bytes(out, "container_image", bytes(img->container_image));
	json_bytes(out, "image_digest", bytes(img->image_digest));
	json_bytes(out, "pod", bytes(img->pod));
	json_bytes(out, "pod_namespace", bytes(img->pod_namespace));
	json_bytes(out, "pod_uid", bytes(img->pod_uid));
	if (img->began_ns)
		json_u64(out, "began_ns", img->began_ns);
	json_true(out, "snapshot", img->snapshot);
	json_true(out, "forked", img->forked);
	json_true(out, "unknown", img->unknown);
	json_true(out, "no_new_privs", img->no_new_privs);
	json_true(out, "secure", img->secure);
	json_true(out, "kthread", img->kthread);
	if (prev && prev->exe)
		json_bytes(out, "previous", bytes(prev->exe->path));
	add_parents(out, images, img);
	json_close(out, '}');
}
