/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who acted, as attributes. Ids are always there, since 0 means root; other
 * numbers and names only if they were seen. They are told as of the act: the
 * event's actor, where it has one, goes before the image's ids.
 */
#include "out/attr_row.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "limits.h"
#include "out/names.h"

#define IMAGE_ROW(key, type, member)                                  \
	{                                                             \
		key, type, offsetof(Picket__V1__Image, member), false \
	}
#define IMAGE_ID(key, member)                                           \
	{                                                               \
		key, ROW_U32, offsetof(Picket__V1__Image, member), true \
	}

static const struct row image_rows[] = {
	IMAGE_ID("process.pid", pid),
	IMAGE_ID("picket.process.image", number),
	IMAGE_ROW("picket.process.start_ns", ROW_U64, start_ns),
	IMAGE_ROW("picket.process.began_ns", ROW_U64, began_ns),
	IMAGE_ROW("picket.process.snapshot", ROW_BOOL, snapshot),
	IMAGE_ROW("picket.process.forked", ROW_BOOL, forked),
	IMAGE_ROW("picket.process.unknown", ROW_BOOL, unknown),
	IMAGE_ROW("picket.process.kthread", ROW_BOOL, kthread),
};

/* What an image that was never seen cannot have. */
static const struct row known_rows[] = {
	IMAGE_ROW("process.vpid", ROW_U32, ns_pid),
	IMAGE_ROW("process.working_directory", ROW_BYTES, cwd),
	IMAGE_ROW("process.args_count", ROW_U32, argc),
	IMAGE_ROW("process.group_leader.pid", ROW_U32, pgid),
	IMAGE_ROW("process.session_leader.pid", ROW_U32, sid),
	IMAGE_ROW("process.linux.cgroup", ROW_BYTES, cgroup),
	IMAGE_ID("process.saved_user.id", suid),
	IMAGE_ID("picket.process.egid", egid),
	IMAGE_ID("picket.process.sgid", sgid),
	IMAGE_ID("picket.process.fsuid", fsuid),
	IMAGE_ROW("picket.process.comm", ROW_BYTES, comm),
	IMAGE_ROW("picket.process.script", ROW_BYTES, script),
	IMAGE_ROW("picket.process.filename", ROW_BYTES, filename),
	IMAGE_ROW("picket.process.args_truncated", ROW_BOOL, args_truncated),
	IMAGE_ROW("picket.process.env_truncated", ROW_BOOL, env_truncated),
	IMAGE_ROW("picket.process.no_new_privs", ROW_BOOL, no_new_privs),
	IMAGE_ROW("picket.process.secure", ROW_BOOL, secure),
	IMAGE_ROW("picket.systemd.unit", ROW_BYTES, unit),
	IMAGE_ROW("container.id", ROW_BYTES, container),
	IMAGE_ROW("container.image.name", ROW_BYTES, container_image),
	IMAGE_ROW("oci.manifest.digest", ROW_BYTES, image_digest),
	IMAGE_ROW("k8s.pod.uid", ROW_BYTES, pod_uid),
	IMAGE_ROW("k8s.pod.name", ROW_BYTES, pod),
	IMAGE_ROW("k8s.namespace.name", ROW_BYTES, pod_namespace),
};

static void add_env(struct attrs *a, const Picket__V1__Image *img)
{
	size_t i;

	for (i = 0; i < img->n_env; i++) {
		struct slice s = attr_bytes(img->env[i]);
		const char *eq = s.n ? memchr(s.p, '=', s.n) : NULL;
		size_t n = eq ? (size_t)(eq - s.p) : s.n;
		struct slice value = slice_of("", 0);

		if (eq)
			value = slice_of(eq + 1, s.n - n - 1);
		attr_string_unique(
			a,
			attr_outside_key(a, "process.environment_variable.",
					 slice_of(s.p, n)),
			value);
	}
}

static void add_stdio(struct attrs *a, const Picket__V1__Image *img)
{
	struct slice *items;
	size_t i;

	if (!img->n_stdio || img->n_stdio > 3)
		return;
	items = arena_take(a->arena, 3 * sizeof(*items));
	if (!items)
		return;
	for (i = 0; i < img->n_stdio; i++)
		items[i] = slice_str(name_stdio(img->stdio[i]->type));
	attr_strings(a, "picket.process.stdio", items, img->n_stdio);
}

/*
 * The line of parents, nearest first: "/usr/bin/bash[4711]". An id that leads
 * back to the line (a forged or damaged journal) ends at the cap.
 */
static void add_ancestry(struct attrs *a, const struct view_images *images,
			 const Picket__V1__Image *img)
{
	const Picket__V1__Image *up = view_image(images, img->parent_id);
	struct slice *items;
	size_t n = 0;

	if (!up)
		return;
	attr_int(a, "process.parent_pid", up->pid);
	items = arena_take(a->arena, PICKET_ANCESTORS_MAX * sizeof(*items));
	if (!items)
		return;
	for (; up && n < PICKET_ANCESTORS_MAX;
	     up = view_image(images, up->parent_id)) {
		struct slice exe = up->exe ? attr_bytes(up->exe->path)
					   : attr_bytes(up->comm);
		char pid[16];
		char *p;

		(void)snprintf(pid, sizeof(pid), "[%u]", up->pid);
		p = arena_take(a->arena, exe.n + strlen(pid) + 1);
		if (!p)
			return;
		if (exe.n)
			memcpy(p, exe.p, exe.n);
		memcpy(p + exe.n, pid, strlen(pid));
		items[n++] = slice_of(p, exe.n + strlen(pid));
		if (!up->parent_id)
			break;
	}
	attr_strings(a, "picket.ancestry", items, n);
}

static const struct row capability_rows[] = {
	{ "picket.process.cap.permitted", ROW_HEX,
	  offsetof(Picket__V1__Capabilities, permitted), true },
	{ "picket.process.cap.effective", ROW_HEX,
	  offsetof(Picket__V1__Capabilities, effective), true },
	{ "picket.process.cap.inheritable", ROW_HEX,
	  offsetof(Picket__V1__Capabilities, inheritable), true },
	{ "picket.process.cap.bounding", ROW_HEX,
	  offsetof(Picket__V1__Capabilities, bounding), true },
	{ "picket.process.cap.ambient", ROW_HEX,
	  offsetof(Picket__V1__Capabilities, ambient), true },
};

#define NS_ROW(name)                                                  \
	{                                                             \
		"picket.ns." #name, ROW_U32,                          \
			offsetof(Picket__V1__Namespaces, name), false \
	}

static const struct row ns_rows[] = {
	NS_ROW(mnt), NS_ROW(pid), NS_ROW(net),	  NS_ROW(user),
	NS_ROW(uts), NS_ROW(ipc), NS_ROW(cgroup),
};

/*
 * Sent with the exec and left out of what the process does later: there the
 * image's exec record has it, under the same picket.process keys.
 */
static void add_exec_only(struct attrs *a, const Picket__V1__Image *img)
{
	add_env(a, img);
	add_stdio(a, img);
	if (img->capabilities)
		ADD_ROWS(a, capability_rows, img->capabilities);
	if (img->namespaces)
		ADD_ROWS(a, ns_rows, img->namespaces);
}

/* An image's name without its tag, and without a digest that pins it. */
static struct slice repository_of(struct slice name)
{
	const char *end = memchr(name.p, '@', name.n);
	size_t i;

	if (end)
		name.n = (size_t)(end - name.p);
	/* A colon before a slash is a registry's port. */
	for (i = name.n; i && name.p[i - 1] != '/'; i--)
		if (name.p[i - 1] == ':')
			return slice_of(name.p, i - 1);
	return name;
}

static void add_repo_digest(struct attrs *a, const Picket__V1__Image *img)
{
	struct slice digest = attr_bytes(img->image_digest);
	struct slice repo = attr_bytes(img->container_image), *item;
	char *text;

	if (!digest.n || !repo.n)
		return;
	repo = repository_of(repo);
	item = arena_take(a->arena, sizeof(*item));
	text = arena_take(a->arena, repo.n + 1 + digest.n);
	if (!item || !text)
		return;
	memcpy(text, repo.p, repo.n);
	text[repo.n] = '@';
	memcpy(text + repo.n + 1, digest.p, digest.n);
	*item = slice_of(text, repo.n + 1 + digest.n);
	attr_strings(a, "container.image.repo_digests", item, 1);
}

/* In a pod the kubelet's name, else the runtime's. */
static void add_container(struct attrs *a, const Picket__V1__Image *img)
{
	if (img->container_name.len)
		attr_string(a,
			    img->pod.len || img->pod_uid.len
				    ? "k8s.container.name"
				    : "container.name",
			    attr_bytes(img->container_name));
	add_repo_digest(a, img);
}

static void add_known(struct attrs *a, const struct view_images *images,
		      const Picket__V1__Image *img)
{
	ADD_ROWS(a, known_rows, img);
	add_container(a, img);
	if (img->exe)
		attr_exe_path(a, img->exe);
	if (img->exe_file)
		attr_exe(a, img->exe_file);
	attr_findings(a, img->exe_finding, img->script_finding);
	attr_list(a, "process.command_args", img->args, img->n_args);
	attr_bool(a, "process.interactive", img->tty != 0);
	if (img->args_redacted)
		attr_bool(a, "picket.process.args_redacted", true);
	if (img->login) {
		attr_int(a, "picket.login.uid", img->login->uid);
		attr_int(a, "picket.login.session", img->login->session);
	}
	add_ancestry(a, images, img);
}

void attr_process(struct attrs *a, const struct view_images *images,
		  const struct view *v)
{
	const Picket__V1__Actor *actor = v->event->actor;
	const Picket__V1__Image *img = v->image;

	if (v->event->tid)
		attr_int(a, "picket.process.tid", v->event->tid);
	if (img) {
		ADD_ROWS(a, image_rows, img);
		if (!img->unknown)
			add_known(a, images, img);
		if (v->event->kind == PICKET__V1__KIND__KIND_EXEC)
			add_exec_only(a, img);
		if (v->event->wall_ns && v->event->boot_ns >= img->start_ns) {
			char *text = arena_take(a->arena, 32);
			uint64_t age = v->event->boot_ns - img->start_ns;

			if (text && age <= INT64_MAX)
				attr_string(a, "process.creation.time",
					    slice_str(clock_print(
						    v->event->wall_ns -
							    (int64_t)age,
						    text)));
		}
	}
	if (!actor && !img)
		return;
	attr_int(a, "process.user.id", actor ? actor->euid : img->euid);
	attr_int(a, "process.real_user.id", actor ? actor->uid : img->uid);
	attr_int(a, "picket.process.gid", actor ? actor->gid : img->gid);
	if (actor)
		attr_int(a, "picket.act.mnt_ns", actor->mnt_ns);
}
