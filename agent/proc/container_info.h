/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's runtime says of it: its image's name, and the pod that
 * it is of. Read from the bundle that the runtime keeps in /run, in memory:
 * containerd's as the kubelet uses it (also k3s' and microk8s') and CRI-O's.
 * Plain docker and podman keep an image's name on the disk, which nobody here
 * waits for: there nothing is known.
 */
#pragma once

#include "base/slice.h"

/* Counted with the cgroup that it belongs to; one piece of memory. */
struct container_info {
	struct slice image;	/* docker.io/library/nginx:1.25 */
	struct slice pod, pod_namespace;
	char bytes[];
};

/* Longer than any name: what is longer is cut. */
#define CONTAINER_NAME_MAX 512

/*
 * root: the host's, "/proc/1/root". -ENOENT: no runtime knows the id, or it
 * has no shape of one; -EBADMSG, -ENOMEM. Free it with free().
 */
int container_info_read(const char *root, struct slice id,
			struct container_info **ret);
