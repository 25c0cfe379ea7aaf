/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file a container, of root's, but with what its owner wanted in it:
 * read with a bound, and only the annotations that the runtime itself sets.
 */
#include "proc/container_info.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json_members.h"

#define BUNDLE_MAX (1u << 20)
#define ID_MAX	   128u

static const struct {
	const char *before, *behind;
} places[] = {
	{ "/run/containerd/io.containerd.runtime.v2.task/k8s.io/",
	  "/config.json" },
	{ "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/",
	  "/config.json" },
	{ "/var/snap/microk8s/common/run/containerd/"
	  "io.containerd.runtime.v2.task/k8s.io/",
	  "/config.json" },
	{ "/run/containers/storage/overlay-containers/",
	  "/userdata/config.json" },
};

enum { IMAGE, POD, POD_NAMESPACE, NAMES };

static const struct {
	const char *key;
	int name;
} annotations[] = {
	{ "io.kubernetes.cri.image-name", IMAGE },
	{ "io.kubernetes.cri.sandbox-name", POD },
	{ "io.kubernetes.cri.sandbox-namespace", POD_NAMESPACE },
	{ "io.kubernetes.cri-o.ImageName", IMAGE },
	{ "io.kubernetes.pod.name", POD },
	{ "io.kubernetes.pod.namespace", POD_NAMESPACE },
};

struct found {
	struct slice names[NAMES];
};

static int take(void *arg, struct slice parent, struct slice key,
		struct slice value)
{
	struct found *f = arg;
	size_t i;

	if (!slice_eq(parent, slice_str("annotations")))
		return 0;
	for (i = 0; i < sizeof(annotations) / sizeof(annotations[0]); i++) {
		if (!slice_eq(key, slice_str(annotations[i].key)))
			continue;
		if (value.n > CONTAINER_NAME_MAX)
			value.n = CONTAINER_NAME_MAX;
		f->names[annotations[i].name] = value;
	}
	return 0;
}

/* No name of another file: letters and digits, and what names of them hold. */
static bool is_id(struct slice id)
{
	size_t i;

	for (i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		      (c >= 'A' && c <= 'Z') || c == '-' || c == '_'))
			return false;
	}
	return id.n && id.n <= ID_MAX;
}

static int read_bundle(const char *root, struct slice id, char **ret_text,
		       size_t *ret_n)
{
	char path[512];
	size_t i;
	int r = -ENOENT;

	for (i = 0; r == -ENOENT && i < sizeof(places) / sizeof(*places); i++) {
		(void)snprintf(path, sizeof(path), "%s%s%.*s%s", root,
			       places[i].before, (int)id.n, id.p,
			       places[i].behind);
		r = fs_read_foreign(AT_FDCWD, path, BUNDLE_MAX, ret_text,
				    ret_n);
	}
	return r;
}

static struct slice keep(char **to, struct slice s)
{
	char *at = *to;

	if (s.n)
		memcpy(at, s.p, s.n);
	*to += s.n;
	return slice_of(at, s.n);
}

int container_info_read(const char *root, struct slice id,
			struct container_info **ret)
{
	cleanup_free char *text = NULL;
	struct container_info *info;
	struct found f = { 0 };
	size_t n = 0, room = 0, i;
	char *to;
	int r;

	if (!is_id(id))
		return -ENOENT;
	r = read_bundle(root, id, &text, &n);
	if (r == 0)
		r = json_members(text, n, take, &f);
	if (r < 0)
		return r;
	for (i = 0; i < NAMES; i++)
		room += f.names[i].n;
	info = malloc(sizeof(*info) + room);
	if (!info)
		return -ENOMEM;
	to = info->bytes;
	info->image = keep(&to, f.names[IMAGE]);
	info->pod = keep(&to, f.names[POD]);
	info->pod_namespace = keep(&to, f.names[POD_NAMESPACE]);
	*ret = info;
	return 0;
}
