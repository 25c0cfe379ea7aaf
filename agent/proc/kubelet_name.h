/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kubelet's name of a container: it links each one's log as
 * /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log, whatever the runtime.
 * The name alone is read; where the link leads is of no concern.
 */
#pragma once

#include "base/slice.h"

#define KUBELET_NAME_MAX 256

/* The slices are in bytes: not to be copied. */
struct kubelet_name {
	struct slice pod, pod_namespace;
	struct slice container;	/* empty: it was too long for the kubelet */
	char bytes[KUBELET_NAME_MAX];
};

/*
 * file: a name of that directory. -ENOENT: of another container; -EBADMSG: of
 * this one, and nothing that a kubelet makes.
 */
int kubelet_name_parse(struct slice file, struct slice id,
		       struct kubelet_name *ret);

/*
 * root: the host's, "/proc/1/root". -ENOENT: no kubelet, or it has not linked
 * this one; -EBADMSG: two names for one container, or one that is none;
 * -EMFILE: more names than are looked at.
 */
int kubelet_name_find(const char *root, struct slice id,
		      struct kubelet_name *ret);
