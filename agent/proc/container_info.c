/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of root's, but with what the container's owner and the maker of its
 * image wanted in them: read with a bound, and only what the runtime itself
 * sets. Labels are not believed (an image brings its own), nor annotations
 * where podman wrote them down, which takes over the image's.
 */
#include "proc/container_info.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json_members.h"
#include "proc/kubelet_name.h"

#define BUNDLE_MAX (1u << 20)
#define LIST_MAX   (4u << 20) /* of all containers of podman's */
#define ID_MAX	   128u
#define DIGEST_HEX 64u

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

enum { IMAGE, IMAGE_REF, DIGEST, NAME, POD, POD_NAMESPACE, MANAGER, NAMES };

/* A string of a file, and what it is. */
struct row {
	const char *parent, *key;
	int name;
};

static const struct row oci_rows[] = {
	{ "annotations", "io.kubernetes.cri.image-name", IMAGE },
	{ "annotations", "io.kubernetes.cri.container-name", NAME },
	{ "annotations", "io.kubernetes.cri.sandbox-name", POD },
	{ "annotations", "io.kubernetes.cri.sandbox-namespace", POD_NAMESPACE },
	{ "annotations", "io.kubernetes.cri-o.ImageName", IMAGE },
	{ "annotations", "io.kubernetes.cri-o.ImageRef", IMAGE_REF },
	{ "annotations", "io.kubernetes.container.name", NAME },
	{ "annotations", "io.kubernetes.pod.name", POD },
	{ "annotations", "io.kubernetes.pod.namespace", POD_NAMESPACE },
	{ "annotations", "io.container.manager", MANAGER },
};

static const struct row docker_rows[] = {
	{ "Config", "Image", IMAGE },
	{ "ImageManifest", "digest", DIGEST },
	{ "", "Name", NAME },
};

static const struct row podman_rows[] = {
	{ "", "image-name", IMAGE },
	{ "", "name", NAME },
};

/* Where a container has a file of its own. */
static const struct place {
	const char *before, *behind;
	const struct row *rows;
	size_t row_count;
} places[] = {
	{ "/run/containerd/io.containerd.runtime.v2.task/k8s.io/",
	  "/config.json", oci_rows, COUNT(oci_rows) },
	{ "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/",
	  "/config.json", oci_rows, COUNT(oci_rows) },
	{ "/var/snap/microk8s/common/run/containerd/"
	  "io.containerd.runtime.v2.task/k8s.io/",
	  "/config.json", oci_rows, COUNT(oci_rows) },
	{ "/run/containers/storage/overlay-containers/",
	  "/userdata/config.json", oci_rows, COUNT(oci_rows) },
	{ "/var/lib/docker/containers/", "/config.v2.json", docker_rows,
	  COUNT(docker_rows) },
	{ "/var/snap/docker/common/var-lib-docker/containers/",
	  "/config.v2.json", docker_rows, COUNT(docker_rows) },
};

/* Where podman has them all; the second: those that do not outlive a boot. */
static const char *const lists[] = {
	"/var/lib/containers/storage/overlay-containers/containers.json",
	"/var/lib/containers/storage/overlay-containers/"
	"volatile-containers.json",
};

struct found {
	struct slice names[NAMES];
	const struct row *rows;
	size_t row_count;
	/* What the names are in. */
	char *texts[2];
	struct kubelet_name kubelet;
};

static void drop_texts(struct found *f)
{
	free(f->texts[0]);
	free(f->texts[1]);
}

static int take(void *arg, struct slice parent, struct slice key,
		struct slice value)
{
	struct found *f = arg;
	size_t i;

	for (i = 0; i < f->row_count; i++) {
		if (!slice_eq(parent, slice_str(f->rows[i].parent)) ||
		    !slice_eq(key, slice_str(f->rows[i].key)))
			continue;
		if (value.n > CONTAINER_NAME_MAX)
			value.n = CONTAINER_NAME_MAX;
		f->names[f->rows[i].name] = value;
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

static int read_bundle(const char *root, struct slice id, struct found *f)
{
	char path[512];
	size_t i, n = 0;
	int r = -ENOENT;

	for (i = 0; r == -ENOENT && i < COUNT(places); i++) {
		(void)snprintf(path, sizeof(path), "%s%s%.*s%s", root,
			       places[i].before, (int)id.n, id.p,
			       places[i].behind);
		r = fs_read_foreign(AT_FDCWD, path, BUNDLE_MAX, &f->texts[0],
				    &n);
		f->rows = places[i].rows;
		f->row_count = places[i].row_count;
	}
	return r < 0 ? r : json_members(f->texts[0], n, take, f);
}

/* ---- podman -------------------------------------------------------------- */

struct entry {
	struct slice id; /* that is looked for */
	bool is_it;	 /* the object that is being read */
	struct slice metadata;
};

/* In an object of the list the id comes first. */
static int take_entry(void *arg, struct slice parent, struct slice key,
		      struct slice value)
{
	struct entry *e = arg;

	if (parent.n)
		return 0;
	if (slice_eq(key, slice_str("id")))
		e->is_it = slice_eq(value, e->id);
	if (!e->is_it || !slice_eq(key, slice_str("metadata")))
		return 0;
	e->metadata = value;
	return -ECANCELED;
}

static int read_list(const char *path, struct slice id, struct found *f)
{
	struct entry e = { .id = id };
	char *text;
	size_t n = 0;
	int r;

	r = fs_read_foreign(AT_FDCWD, path, LIST_MAX, &f->texts[1], &n);
	if (r < 0)
		return r;
	text = f->texts[1];
	r = json_members(text, n, take_entry, &e);
	if (r != -ECANCELED)
		return r < 0 ? r : -ENOENT;
	/* A text within the text. */
	f->rows = podman_rows;
	f->row_count = COUNT(podman_rows);
	return json_members(text + (e.metadata.p - text), e.metadata.n, take,
			    f);
}

static int read_podman(const char *root, struct slice id, struct found *f)
{
	char path[512];
	size_t i;
	int r = -ENOENT;

	for (i = 0; r == -ENOENT && i < COUNT(lists); i++) {
		free(f->texts[1]);
		f->texts[1] = NULL;
		(void)snprintf(path, sizeof(path), "%s%s", root, lists[i]);
		r = read_list(path, id, f);
	}
	return r;
}

static int read_runtime(const char *root, struct slice id, struct found *f)
{
	int r = read_bundle(root, id, f);

	if (r == -ENOENT)
		return read_podman(root, id, f);
	if (r < 0 || !slice_eq(f->names[MANAGER], slice_str("libpod")))
		return r;
	memset(f->names, 0, sizeof(f->names));
	return read_podman(root, id, f);
}

/* ---- what it comes to ---------------------------------------------------- */

/* sha256:<64 hex>, at the end of NAME@sha256:…, or alone. */
static struct slice digest_of(struct slice s, const char *mark)
{
	const size_t n = strlen("sha256:") + DIGEST_HEX;
	const size_t before = strlen(mark) - strlen("sha256:");
	size_t i;

	if (s.n < n + before ||
	    memcmp(s.p + s.n - n - before, mark, strlen(mark)) ||
	    (!before && s.n != n))
		return slice_of("", 0);
	for (i = s.n - DIGEST_HEX; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		      (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return slice_of("", 0);
	return slice_of(s.p + s.n - n, n);
}

/* An id of an image is no manifest's digest: only what says so. */
static void find_digest(struct found *f)
{
	static const int pinned[] = { IMAGE_REF, IMAGE };
	struct slice *digest = &f->names[DIGEST];
	size_t i;

	*digest = digest_of(*digest, "sha256:");
	for (i = 0; !digest->n && i < COUNT(pinned); i++)
		*digest = digest_of(f->names[pinned[i]], "@sha256:");
}

static void ask_kubelet(const char *root, struct slice id, struct found *f)
{
	if (f->names[POD].n || kubelet_name_find(root, id, &f->kubelet) < 0)
		return;
	f->names[POD] = f->kubelet.pod;
	f->names[POD_NAMESPACE] = f->kubelet.pod_namespace;
	f->names[NAME] = f->kubelet.container;
}

static struct slice keep(char **to, struct slice s)
{
	char *at = *to;

	if (s.n)
		memcpy(at, s.p, s.n);
	*to += s.n;
	return slice_of(at, s.n);
}

static int make_info(const struct found *f, struct container_info **ret)
{
	struct container_info *info;
	size_t room = 0, i;
	char *to;

	for (i = 0; i < NAMES; i++)
		room += f->names[i].n;
	info = malloc(sizeof(*info) + room);
	if (!info)
		return -ENOMEM;
	to = info->bytes;
	*info = (struct container_info){
		.image = keep(&to, f->names[IMAGE]),
		.digest = keep(&to, f->names[DIGEST]),
		.name = keep(&to, f->names[NAME]),
		.pod = keep(&to, f->names[POD]),
		.pod_namespace = keep(&to, f->names[POD_NAMESPACE]),
	};
	*ret = info;
	return 0;
}

int container_info_read(const char *root, struct slice id,
			struct container_info **ret)
{
	struct found f = { 0 };
	struct slice *name = &f.names[NAME];
	int told, r;

	if (!is_id(id))
		return -ENOENT;
	told = read_runtime(root, id, &f);
	/* Of a file that breaks off nothing is kept. */
	if (told < 0)
		memset(f.names, 0, sizeof(f.names));
	if (name->n && name->p[0] == '/')
		*name = slice_of(name->p + 1, name->n - 1);
	find_digest(&f);
	ask_kubelet(root, id, &f);
	r = told < 0 && !f.names[POD].n ? told : make_info(&f, ret);
	if (r == 0)
		(*ret)->told = told == 0;
	drop_texts(&f);
	return r;
}

void container_info_free(struct container_info *info)
{
	while (info) {
		struct container_info *older = info->older;

		free(info);
		info = older;
	}
}
