/* SPDX-License-Identifier: Apache-2.0 */
/* What cgroups.c and cgroup_scan.c share, and nobody else looks at. */
#pragma once

#include "base/table.h"
#include "proc/cgroups.h"

/* One mounted hierarchy. v1 mounts every controller set on its own. */
struct cgroup_mount {
	char *point;
	uint32_t hierarchy;	/* 0: unified */
	unsigned rank;		/* of v1: the lowest tells most */
};

struct container_ask;

struct cgroups {
	struct table *nodes;	/* struct node_key -> struct node_slot */
	size_t max, bytes, bytes_max;
	const char *procfs;	/* the table's */
	struct container_ask *ask;
	struct cgroup_mount *mounts;
	size_t mount_count;
	uint32_t v1;
	bool v1_set;		/* told, not found */
};

void cgroups_forget_mounts(struct cgroups *c);
