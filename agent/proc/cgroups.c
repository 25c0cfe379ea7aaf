/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of cgroup names: what events and the scan told, and for a name
 * that was missed one look at the process that is in the cgroup.
 *
 * Ids are never reused while the machine runs, so a name can be kept after
 * its cgroup is gone; nothing tells when one goes. Bounded by number and by
 * bytes, because whoever may make cgroups may choose long names.
 */
#include "proc/cgroups_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proc/container_ask.h"
#include "proc/container_info.h"
#include "proc/procfs.h"

/* Longest path kept: beyond it only the front, which says who made it. */
#define PATH_KEPT    2048
/*
 * At once, and then after a time that doubles: a runtime or a kubelet that has
 * said nothing after three minutes does not know the container.
 */
#define TRIES_MAX    12
#define TRY_AGAIN_NS 100000000ull
/* A pod's uid, which gets the dashes back that a slice's name cannot have. */
#define UID_MAX	     36

struct node_key {
	uint64_t id;
	uint64_t hierarchy;
};

struct node_slot {
	struct cgroup_node *node; /* NULL: asked for, and not found */
};

struct cgroup_node *cgroup_ref(struct cgroup_node *n)
{
	if (n)
		n->refs++;
	return n;
}

void cgroup_unref(struct cgroup_node *n)
{
	if (!n || --n->refs)
		return;
	container_info_free(n->info);
	free(n);
}

static size_t node_size(const struct cgroup_node *n)
{
	return n ? sizeof(*n) + n->path.n + UID_MAX : 0;
}

static void release(void *arg, const void *key, void *value)
{
	struct cgroups *c = arg;
	struct node_slot *slot = value;

	(void)key;
	c->bytes -= node_size(slot->node);
	cgroup_unref(slot->node);
	slot->node = NULL;
}

int cgroups_new(const char *procfs, size_t max, size_t bytes_max,
		struct cgroups **ret)
{
	struct cgroups *c = calloc(1, sizeof(*c));
	char root[PATH_KEPT];
	int r;

	if (!c)
		return -ENOMEM;
	(void)snprintf(root, sizeof(root), "%s/1/root", procfs);
	r = container_ask_new(root, container_info_read, &c->ask);
	if (r < 0) {
		free(c);
		return r;
	}
	c->bytes_max = bytes_max;
	c->max = max;
	c->procfs = procfs;
	r = table_new(max, sizeof(struct node_key), sizeof(struct node_slot),
		      &c->nodes);
	if (r < 0) {
		container_ask_free(c->ask);
		free(c);
		return r;
	}
	table_on_evict(c->nodes, release, c);
	*ret = c;
	return 0;
}

static void drop_oldest(struct cgroups *c)
{
	const void *at;
	struct node_slot *slot = table_oldest(c->nodes, &at);
	struct node_key key;

	if (!slot)
		return;
	memcpy(&key, at, sizeof(key));
	release(c, &key, slot);
	table_remove(c->nodes, &key);
}

void cgroups_free(struct cgroups *c)
{
	if (!c)
		return;
	while (table_count(c->nodes))
		drop_oldest(c);
	table_free(c->nodes);
	cgroups_forget_mounts(c);
	container_ask_free(c->ask);
	free(c);
}

static struct slice plain_uid(char *to, struct slice uid)
{
	if (uid.n > UID_MAX)
		uid.n = 0;
	for (size_t i = 0; i < uid.n; i++)
		to[i] = uid.p[i] == '_' ? '-' : uid.p[i];
	return slice_of(to, uid.n);
}

static struct cgroup_node *new_node(struct slice path)
{
	struct cgroup_node *n;

	if (path.n > PATH_KEPT)
		path.n = PATH_KEPT;
	n = malloc(sizeof(*n) + path.n + UID_MAX);
	if (!n)
		return NULL;
	n->refs = 1;
	n->tries = 0;
	n->next_try_ns = 0;
	n->info = NULL;
	if (path.n)
		memcpy(n->bytes, path.p, path.n);
	n->path = slice_of(n->bytes, path.n);
	n->name = cgroup_name_parse(n->path);
	n->name.pod = plain_uid(n->bytes + path.n, n->name.pod);
	return n;
}

int cgroups_add(struct cgroups *c, const struct cgroup_info *info)
{
	struct node_key key = { info->id, info->hierarchy };
	struct node_slot *slot;
	struct cgroup_node *n;
	int made;

	slot = table_get(c->nodes, &key);
	if (slot && slot->node && slice_eq(slot->node->path, info->path))
		return 0;
	n = new_node(info->path);
	if (!n)
		return -ENOMEM;
	while (c->bytes + node_size(n) > c->bytes_max && table_count(c->nodes))
		drop_oldest(c);
	slot = table_put(c->nodes, &key, &made);
	if (!made)
		release(c, &key, slot);
	slot->node = n;
	c->bytes += node_size(n);
	return 0;
}

struct cgroup_node *cgroups_find(struct cgroups *c, uint32_t hierarchy,
				 uint64_t id)
{
	struct node_key key = { id, hierarchy };
	struct node_slot *slot = table_get(c->nodes, &key);

	return slot ? slot->node : NULL;
}

/* Of a pod, only with the pod's name. */
static bool is_described(const struct cgroup_node *n)
{
	return n->info && (n->info->pod.n || !n->name.pod.n);
}

void cgroups_describe(const struct cgroups *c, struct cgroup_node *n)
{
	struct container_info *info;
	uint64_t now;
	int r;

	if (!n || !n->name.container.n || n->tries == TRIES_MAX ||
	    is_described(n))
		return;
	now = clock_mono_ns();
	if (now < n->next_try_ns)
		return;
	r = container_ask(c->ask, n->name.container, &info);
	/* No answer yet is no try. */
	n->next_try_ns = now + (TRY_AGAIN_NS << n->tries);
	if (r == -EAGAIN || r == -EBUSY) {
		n->next_try_ns = now + TRY_AGAIN_NS;
		return;
	}
	n->tries++;
	if (r < 0)
		return;
	if (n->info && !info->pod.n) {
		container_info_free(info);
		return;
	}
	info->older = n->info;
	n->info = info;
}

size_t cgroups_count(const struct cgroups *c)
{
	return table_count(c->nodes);
}

/* ---- a name that was missed --------------------------------------------- */

/* N:controllers:/path, of the hierarchy that is asked for. */
static bool line_of(struct slice line, uint32_t hierarchy,
		    struct slice *ret_path)
{
	struct procfs_cgroup_line l;

	if (procfs_parse_cgroup_line(line, &l) < 0 || l.hierarchy != hierarchy)
		return false;
	*ret_path = l.path;
	return true;
}

/* The process may have moved on: only the directory proves the name. */
static bool is_directory(const struct cgroups *c, uint32_t hierarchy,
			 uint64_t id, struct slice path)
{
	char name[PATH_KEPT + 256];
	struct stat st;

	for (size_t i = 0; i < c->mount_count; i++) {
		const struct cgroup_mount *m = &c->mounts[i];
		int n;

		if (m->hierarchy != hierarchy)
			continue;
		n = snprintf(name, sizeof(name), "%s%.*s", m->point,
			     (int)path.n, path.p);
		return n > 0 && (size_t)n < sizeof(name) &&
		       lstat(name, &st) == 0 && st.st_ino == id;
	}
	return false;
}

static void ask_process(struct cgroups *c, struct node_key key, pid_t tgid)
{
	cleanup_free char *text = NULL;
	struct slice rest, line, path;
	char name[PROCFS_NAME_MAX];

	if (procfs_read(procfs_name(name, c->procfs, tgid, "cgroup"), 64 << 10,
			&text, &rest.n) < 0)
		return;
	rest.p = text;
	while (procfs_next_line(&rest, &line)) {
		struct cgroup_info info = { .id = key.id,
					    .hierarchy =
						    (uint32_t)key.hierarchy };

		if (!line_of(line, info.hierarchy, &path))
			continue;
		if (is_directory(c, info.hierarchy, key.id, path)) {
			info.path = path;
			(void)cgroups_add(c, &info);
		}
		return;
	}
}

struct cgroup_node *cgroups_find_of(struct cgroups *c, uint32_t hierarchy,
				    uint64_t id, pid_t tgid)
{
	struct node_key key = { id, hierarchy };
	struct node_slot *slot;
	int made;

	if (!id)
		return NULL;
	slot = table_get(c->nodes, &key);
	if (slot)
		return slot->node;
	/* Entered first, so that a second event does not ask again. */
	(void)table_put(c->nodes, &key, &made);
	ask_process(c, key, tgid);
	return cgroups_find(c, hierarchy, id);
}
