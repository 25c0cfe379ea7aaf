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
#include "proc/second_look.h"

/* Longest host path; a longer one is unknown. */
#define MOUNTS_PATH_MAX (3 * 4096)

struct mounts;

/* A file as an event has it, path apart. */
struct mounts_file {
	uint32_t mnt_ns;
	uint32_t dev;
	uint32_t fs_magic; /* 0: not known */
	/* Who named it: whose mounts to look at. NULL: nobody known. */
	const struct image *actor;
	bool follows; /* a link that the name ends with was followed */
};

/* Where the names are put. */
struct mounts_room {
	char host_path[MOUNTS_PATH_MAX];
	char fs_path[MOUNTS_PATH_MAX];
	char real[SECOND_LOOK_MAX];
};

/* procfs is borrowed. The mounts are read when first needed. */
int mounts_new(const char *procfs, struct mounts **ret);
void mounts_free(struct mounts *m);

/*
 * Set path->host_path to the host's name of a file; empty where it is the
 * same as path->path or the file is not on the host. What the kernel itself
 * shows below /proc, /sys and their like is the same whoever mounts it: it has
 * that name where no mount of the host shows it. (A process has the number that
 * it has for who mounted it.)
 *
 * fs_path of a claimed name is put right where the name leads through a mount;
 * where it leads through links, in the agent's own namespace, both are what it
 * leads to now. Neither where the directory that it began in is not in the
 * namespace's tree.
 */
void mounts_host_path(struct mounts *m, const struct mounts_file *file,
		      struct file_path *path, struct mounts_room *room);
