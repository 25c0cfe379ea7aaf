/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cgroup path tells: the systemd unit and the container. Paths are
 * made by systemd, container runtimes and kubelets of many versions, and by
 * anyone with the right to make a cgroup: read as hints with fixed shapes.
 */
#pragma once

#include "base/slice.h"

struct cgroup_name {
	struct slice unit;	/* borrowed from path; empty: none */
	struct slice container;	/* id; empty: none */
	struct slice pod;	/* uid as written in the path; empty: none */
};

/* Total: any bytes give an answer, at worst an empty one. */
struct cgroup_name cgroup_name_parse(struct slice path);
