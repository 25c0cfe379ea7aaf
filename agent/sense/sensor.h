/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side as the agent sees it: programs attached by the probe
 * table, one ring, counters. With ring.c and attach.c the only user of libbpf.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct sensor;

struct sensor_settings {
	uint64_t ring_bytes;	/* power of two, at least 256 KiB */
	uint64_t window_ms;	/* repeats of one write are summed this long */
	bool unix_sockets;
	/* Names of environment variables to keep, NULL-terminated. */
	const char *const *env_names;
	/*
	 * The agent's own tgid in the initial PID namespace: the calling
	 * process, which is not watched. 0: it is watched like any other.
	 */
	uint32_t self_tgid;
	/* 0: any; else enum wire_backend that this family must use. */
	uint8_t force[WIRE_FAM_COUNT];
};

/* One row of the coverage table: what a hook is for, and whether it runs. */
struct sensor_row {
	const char *family;	/* exec, exit, fork, connect, write, cgroup */
	const char *hook;	/* what it sees: "open, creat, openat2 …" */
	const char *backend;	/* tp_btf, cgroup …; "-" where none attached */
	bool active;
	char reason[200];	/* why not active, or what it cannot see */
};

#define SENSOR_ROWS_MAX 96

/*
 * Load and attach. -EPERM: not privileged; -ENOTSUP: no BTF, or a family
 * without any usable hook; other -errno as met. what: one line for the
 * operator, filled in on failure.
 */
int sensor_open(const struct sensor_settings *s, struct sensor **ret,
		char what[static 256]);
/* Detach; records still in the ring can be read until sensor_close. */
void sensor_stop(struct sensor *s);
void sensor_close(struct sensor *s);

/* Readable when the ring has records. Owned by the sensor. */
int sensor_fd(const struct sensor *s);

/*
 * Hand the records that are there, at most `max`, to fn in ring order.
 * data is in the ring: gone when fn returns. Returns how many, or -errno.
 */
typedef int (*sensor_fn)(void *arg, const void *data, size_t size);
int sensor_read(struct sensor *s, sensor_fn fn, void *arg, size_t max);

/*
 * Look after what is attached: hooks that somebody else detached or replaced
 * are off in the coverage table from now on. How many, newly found.
 */
int sensor_check(struct sensor *s);

/* Rows filled; the table changes only with sensor_check. */
size_t sensor_coverage(const struct sensor *s,
		       struct sensor_row rows[static SENSOR_ROWS_MAX]);

/* Counters of one CPU and family; -ENOENT past the last CPU. */
int sensor_counters(const struct sensor *s, unsigned cpu,
		    enum wire_family family, struct wire_counters *ret);
unsigned sensor_cpus(const struct sensor *s);

/* Bytes waiting in the ring, and its size. */
void sensor_fill(const struct sensor *s, uint64_t *ret_used,
		 uint64_t *ret_size);

/* What runs now: every thread group leader, by iterator. fn < 0 ends it. */
typedef int (*sensor_task_fn)(void *arg, const struct wire_task *task);
int sensor_tasks(struct sensor *s, sensor_task_fn fn, void *arg);

/* hierarchy_id whose cgroup ids records carry as v1; 0: none is mounted. */
uint32_t sensor_cgroup_v1(const struct sensor *s);

/*
 * Take the totals of one image and file out of the kernel (the next
 * operation is a first one again). -ENOENT: none there.
 */
int sensor_take_written(struct sensor *s, const struct wire_written_key *key,
			struct wire_written *ret);
