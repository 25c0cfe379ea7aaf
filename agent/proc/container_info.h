/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image and the pod of a container. Sources are the state of the runtime
 * (containerd as used by the kubelet, k3s and microk8s; CRI-O, docker, and
 * podman of root), and for pods also the kubelet's names of logs. The state of
 * rootless containers can be changed by their users, so it is not read.
 */
#pragma once

#include "base/slice.h"

/* Counted with the cgroup that it belongs to; one piece of memory. */
struct container_info {
	struct container_info *older;	/* said less; still pointed to */
	bool told;		/* by the runtime: what is empty is not there */
	struct slice image;	/* docker.io/library/nginx:1.25 */
	struct slice digest;	/* of its manifest: sha256:…; empty: not told */
	struct slice name;	/* the container's, within its pod */
	struct slice pod, pod_namespace;
	char bytes[];
};

/* Longer than any name: what is longer is cut. */
#define CONTAINER_NAME_MAX 512

/*
 * root: the host's, "/proc/1/root". -ENOENT: nobody knows the id, or it has no
 * shape of one; -EBADMSG, -ENOMEM. Free it with container_info_free().
 */
int container_info_read(const char *root, struct slice id,
			struct container_info **ret);

/* With all that are older; or NULL. */
void container_info_free(struct container_info *info);
