/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroup ids and what they are called. Ids are those of one hierarchy: every
 * mounted hierarchy has its own numbers, so the key is the pair.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "event.h"
#include "proc/cgroup_name.h"

/* Counted; lives as long as an image is named by it. */
struct container_info;
struct cgroup_node {
	uint32_t refs;
	uint8_t tries;		/* at finding info */
	uint64_t next_try_ns;	/* CLOCK_MONOTONIC */
	struct container_info *info; /* NULL: no container, or not known */
	struct slice path;
	struct cgroup_name name;	/* the pod's uid with '-' in it */
	char bytes[];
};

struct cgroups;

/* At most max names, and bytes_max of them; the longest unused goes first. */
int cgroups_new(const char *procfs, size_t max, size_t bytes_max,
		struct cgroups **ret);
void cgroups_free(struct cgroups *c);

/* Remember a name; one that is known keeps the newer path. */
int cgroups_add(struct cgroups *c, const struct cgroup_info *info);

/* Borrowed, until the next call; NULL: not known. */
struct cgroup_node *cgroups_find(struct cgroups *c, uint32_t hierarchy,
				 uint64_t id);

/*
 * The same; if the name is not known (its event was lost), read it from the
 * process tgid, which is in that cgroup, once per id.
 */
struct cgroup_node *cgroups_find_of(struct cgroups *c, uint32_t hierarchy,
				    uint64_t id, pid_t tgid);

/*
 * If n (may be NULL) belongs to a container, read its names from the runtime
 * and the kubelet. They may not have written them yet, so this is retried at
 * growing intervals for some minutes. Names that were found stay.
 */
void cgroups_describe(const struct cgroups *c, struct cgroup_node *n);

/* All that exist in mounted hierarchies, bounded in depth and number. */
int cgroups_scan(struct cgroups *c);

/* The v1 hierarchy of records; 0: none. As set, or as the scan found it. */
uint32_t cgroups_v1(const struct cgroups *c);
void cgroups_set_v1(struct cgroups *c, uint32_t hierarchy);

size_t cgroups_count(const struct cgroups *c);

struct cgroup_node *cgroup_ref(struct cgroup_node *n);
void cgroup_unref(struct cgroup_node *n);
