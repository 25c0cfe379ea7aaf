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

/* In sensor_settings.force. */
#define SENSOR_OFF 0xff
/* Why a way in is not watched, then. */
#define SENSOR_OFF_REASON "switched off by the settings"

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
	/*
	 * Processes beside it, numbered likewise (0: none): watched like any
	 * other, and what is done to them counts as done to picket.
	 */
	uint32_t mates[WIRE_MATES_MAX];
	/*
	 * Directory of the pins that let everything outlive the agent; NULL or
	 * empty: none. holder: who we are, for those who find it taken.
	 */
	const char *pin_dir;
	const char *holder;
	/*
	 * 0: any; SENSOR_OFF: this family is not watched; else the enum
	 * wire_backend that it must use.
	 */
	uint8_t force[WIRE_FAM_COUNT];
	/*
	 * Loading may take seconds, all of them inside the kernel. Where nothing
	 * of an earlier agent waits to be read it may be broken off:
	 * breakable(true) before it, breakable(false) after it, and is_broken
	 * tells whether it is to be. NULL: it may not.
	 */
	void (*breakable)(bool is);
	bool (*is_broken)(void);
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
 * Load and attach, or take over what runs from the pins. -EPERM: not
 * privileged; -ENOTSUP: no BTF, or a family without any usable hook;
 * -EWOULDBLOCK: another agent holds the pins; -ECANCELED: broken off, and
 * nothing is left of it; other -errno as met. what: one line for the operator,
 * filled in on failure.
 */
int sensor_open(const struct sensor_settings *s, struct sensor **ret,
		char what[static 256]);
/*
 * Detach and unpin; records still in the ring can be read until sensor_close.
 * Without this, and after sensor_keep, what is pinned runs on; false: nothing
 * is, so nothing will.
 */
void sensor_stop(struct sensor *s);
bool sensor_keep(struct sensor *s);
void sensor_close(struct sensor *s);

/* Those beside the agent are others now, as in the settings. -errno. */
int sensor_set_mates(struct sensor *s,
		     const uint32_t mates[static WIRE_MATES_MAX]);

/* Readable when the ring has records. Owned by the sensor. */
int sensor_fd(const struct sensor *s);

/*
 * Hand the records that are there, at most `max`, to fn in ring order.
 * data is in the ring: gone when fn returns. Returns how many, or -errno.
 */
typedef int (*sensor_fn)(void *arg, const void *data, size_t size);
int sensor_read(struct sensor *s, sensor_fn fn, void *arg, size_t max);

/* What somebody else did to picket's own in the kernel. */
struct sensor_harm {
	unsigned hooks;	  /* programs detached or replaced: newly found */
	unsigned pins;	  /* taken away or replaced, and put back */
	bool pins_astray; /* newly found: they cannot be, see pin_trouble */
	bool control;	  /* who picket is was changed, and set right */
};

/*
 * Look after what is attached: hooks that somebody else put out are off in the
 * coverage table from now on. Whether there is any harm.
 */
bool sensor_check(struct sensor *s, struct sensor_harm *ret);

/*
 * Attach again what was put out, where its time has come: at once the first
 * time, then ever later. How many are back.
 */
unsigned sensor_mend(struct sensor *s);

/* Rows filled; the table changes only with sensor_check and sensor_mend. */
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

/* ---- over restarts ---------------------------------------------------- */

/* Why nothing is pinned though it was asked for; else empty. */
const char *sensor_pin_trouble(const struct sensor *s);

/* What an earlier agent left. */
struct sensor_past {
	bool is_adopted;	/* our programs were running already */
	bool was_watched;	/* all hooks went on until now */
	unsigned hooks_gone;	/* that somebody put out before we came */
	unsigned formers;	/* other builds, replaced: read first */
	uint64_t missing;	/* journal frames that cannot be made again */
	uint64_t unreadable;	/* records in a layout that is not ours */
};

/* A record that the journal has, as long as the ring still holds it. */
struct sensor_seen {
	const void *data;
	size_t size;
	uint64_t seq;	/* of its event; 0: it is none, or not known */
	uint32_t epoch;
};

/* The journal that records go to. */
struct sensor_journal {
	uint8_t id[16];
	uint64_t last_seq; /* of its last frame */
	/* Called for what it has already, in order; may be NULL. */
	void (*seen)(void *arg, const struct sensor_seen *seen);
	void *arg;
};

/*
 * Before the first sensor_read. Records that were read and that the journal
 * does not have are read again.
 */
void sensor_resume(struct sensor *s, const struct sensor_journal *j,
		   struct sensor_past *ret);

/* In a sensor_fn: the number of the event that this record became. */
void sensor_kept(struct sensor *s, uint32_t epoch, uint64_t seq);

/* Whether records of before sensor_open are still to be read. */
bool sensor_has_past(const struct sensor *s);
/* The journal has all of the rings that were replaced on the disk. */
void sensor_forget_formers(struct sensor *s);

/* Records handed out since the ring was made, whoever read them. */
uint64_t sensor_received(const struct sensor *s, enum wire_family family);

/*
 * Losses of one CPU and family that events have told, and the number of the
 * last such event: while that is not durable, no other one may tell more.
 */
uint64_t sensor_told(const struct sensor *s, unsigned cpu,
		     enum wire_family family, uint64_t *ret_seq);
void sensor_tell(struct sensor *s, unsigned cpu, enum wire_family family,
		 uint64_t lost, uint64_t seq);
/*
 * Runs of a family's programs that the kernel left out, because one was under
 * way on that CPU: not records lost, but sight. Since the programs were loaded;
 * 0 also where the kernel does not count them (before 5.12). told and tell as
 * for losses.
 */
uint64_t sensor_missed(const struct sensor *s, enum wire_family family);
uint64_t sensor_told_missed(const struct sensor *s, enum wire_family family,
			    uint64_t *ret_seq);
void sensor_tell_missed(struct sensor *s, enum wire_family family,
			uint64_t missed, uint64_t seq);

/* When losses were last looked for, which is now. Boottime. */
uint64_t sensor_checked(struct sensor *s, uint64_t now_ns);

/* The same for the rings that were replaced, over all CPUs. */
uint64_t sensor_former_untold(struct sensor *s, enum wire_family family);
void sensor_former_tell(struct sensor *s, enum wire_family family,
			uint64_t seq);

/*
 * Sums of writes that earlier agents left in the kernel; fn returns whether
 * it has taken one (it is deleted).
 */
#define SENSOR_WRITTEN_MAX 65536
typedef bool (*sensor_written_fn)(void *arg,
				  const struct wire_written_key *key,
				  const struct wire_written *value);
void sensor_former_written(struct sensor *s, sensor_written_fn fn, void *arg);
