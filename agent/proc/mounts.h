/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is called on the host: by its superblock's device and its path
 * from the file system's root, through PID 1's mounts.
 *
 * Several mounts may show a file. The one that was mounted first names it:
 * that is the name the host's administrator knows. A later bind mount of
 * /etc somewhere else, made by whoever wants a rule on /etc not to match (or
 * by a kubelet for a subPath volume), must not become the file's name.
 */
#pragma once

#include <stddef.h>

#include "event.h"

/* Longest host path; a longer one is unknown. */
#define MOUNTS_PATH_MAX (3 * 4096)

struct mounts;

/* procfs is borrowed. The mounts are read when first needed. */
int mounts_new(const char *procfs, struct mounts **ret);
void mounts_free(struct mounts *m);

/*
 * The host's name of a file seen as path in mount namespace mnt_ns, written
 * to out; empty where it is the same as path->path or is not on the host.
 */
struct slice mounts_host_path(struct mounts *m, uint32_t mnt_ns, uint32_t dev,
			      const struct file_path *path,
			      char out[static MOUNTS_PATH_MAX]);
