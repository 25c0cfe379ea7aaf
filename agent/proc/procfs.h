/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading /proc: names in it, bounded reads, and the parsers of its lines.
 * The parsers take any bytes; processes choose some of them (their comm, the
 * mount points of their user namespace).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"

#define PROCFS_NAME_MAX 512

/* PROCFS/TGID/what; tgid 0: PROCFS/self/what. Returns buf. */
const char *procfs_name(char buf[static PROCFS_NAME_MAX], const char *procfs,
			pid_t tgid, const char *what);

/* At most max bytes of it, zero-terminated; more is left unread. */
int procfs_read_at(int dirfd, const char *name, size_t max, char **ret_p,
		   size_t *ret_n);
int procfs_read(const char *name, size_t max, char **ret_p, size_t *ret_n);

/* The next line without its end; false when *rest is empty. */
bool procfs_next_line(struct slice *rest, struct slice *ret_line);

/* The field after `key` and ':' in a line of status; false: another line. */
bool procfs_field(struct slice line, const char *key, struct slice *ret_value);

/* Of /proc/PID/stat. Devices in the kernel's encoding, major << 20 | minor. */
struct procfs_stat {
	struct slice comm;
	uint32_t ppid, pgid, sid, tty;
	uint64_t start_ticks;
	uint64_t flags;		/* PF_* */
};

int procfs_parse_stat(struct slice text, struct procfs_stat *ret);

/* Of /proc/PID/cgroup: hierarchy:controllers:path */
struct procfs_cgroup_line {
	uint32_t hierarchy;
	struct slice controllers, path;
};

int procfs_parse_cgroup_line(struct slice line, struct procfs_cgroup_line *ret);

/* Of /proc/PID/mountinfo. root and point are still escaped. */
struct procfs_mount {
	uint32_t id;
	uint32_t dev;		/* major << 20 | minor */
	struct slice root, point, type, super;
};

int procfs_parse_mount(struct slice line, struct procfs_mount *ret);

/* Undo \ooo in place; returns the new length. */
size_t procfs_unescape(char *p, size_t n);

/* "mnt:[4026531841]" as a namespace link says, or 0. */
uint32_t procfs_namespace(int dirfd, const char *name);

/* A device number of stat(2) as the kernel has it. */
uint32_t procfs_kernel_dev(dev_t dev);
