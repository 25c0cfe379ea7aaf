/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The systemd unit and the container, from a cgroup path. Paths are made by
 * systemd, container runtimes and kubelets of many versions, and by anyone who
 * may create a cgroup; only fixed shapes are recognised, and they are hints.
 *
 * container is the innermost one. Its id is what the runtime wrote (64 hex
 * digits for docker, containerd, CRI-O and podman; a name for LXC and
 * nspawn). A runtime's monitor (conmon, an nspawn supervisor) is not in it.
 *
 * unit is the innermost service, scope, socket, mount or swap, without
 * systemd's escaping underscore; init.scope only at the top, for PID 1; the
 * innermost slice where there is no other unit and no container. A unit
 * around a container is not the unit of what runs inside (an allowlist for
 * docker.service must not cover every container), except where a unit's own
 * container runs in split cgroups (libpod-payload). The container's own scope
 * or service is not told as unit.
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
