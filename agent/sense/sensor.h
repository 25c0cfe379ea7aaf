/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side as the agent sees it: attached programs, one ring buffer and
 * counters. Nothing outside sense/ uses libbpf.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct sensor;

/* In sensor_settings.force. */
#define SENSOR_OFF 0xff
/* The reason in the coverage table then. */
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
	 * Other processes of picket, in the same namespace (0: none). They are
	 * watched like any other, and tampering with them is tampering with
	 * picket.
	 */
	uint32_t mates[WIRE_MATES_MAX];
	/*
	 * Directory of the pins that let the kernel side outlive the agent;
	 * NULL or empty: none. holder: a name for this agent, which others see
	 * that find the directory taken.
	 */
	const char *pin_dir;
	const char *holder;
	/*
	 * 0: any; SENSOR_OFF: this family is not watched; else the enum
	 * wire_backend that it must use.
	 */
	uint8_t force[WIRE_FAM_COUNT];
	/*
	 * Loading can take seconds inside the kernel, and may be interrupted if
	 * no records of an earlier agent are waiting: breakable(true) is called
	 * before it and breakable(false) after it, and loading is given up once
	 * is_broken returns true. NULL: it cannot be interrupted.
	 */
	void (*breakable)(bool is);
	bool (*is_broken)(void);
	/*
	 * Called in a start that takes nothing over, at the moment when it is
	 * told who makes and runs what, and not yet what anybody does: sensor_tasks
	 * and sensor_cgroup_v1 may be asked. NULL: nobody wants to.
	 */
	void (*begun)(void *arg, struct sensor *s);
	void *begun_arg;
};

/* One row of the coverage table: a hook, and what watches it. */
struct sensor_row {
	const char *family;	/* exec, exit, fork, connect, write, cgroup */
	const char *hook;	/* what it sees: "open, creat, openat2 …" */
	const char *backend;	/* tp_btf, cgroup …; "-" where none attached */
	bool active;
	char reason[200];	/* why not active, or what it cannot see */
};

#define SENSOR_ROWS_MAX 96

/*
 * Load and attach the programs, or adopt those that are pinned. -EPERM: not
 * privileged; -ENOTSUP: no BTF, or a family without any usable hook;
 * -EWOULDBLOCK: another agent holds the pins; -ECANCELED: interrupted, and
 * everything was removed; other -errno: a call failed. what: on failure, one
 * line for the operator.
 */
int sensor_open(const struct sensor_settings *s, struct sensor **ret,
		char what[static 256]);
/*
 * Detach and unpin. Records in the ring can still be read until sensor_close.
 */
void sensor_stop(struct sensor *s);
/* Let what is pinned run on after sensor_close. False: nothing is pinned. */
bool sensor_keep(struct sensor *s);
/* Without sensor_stop, what is pinned runs on. */
void sensor_close(struct sensor *s);

/* Replace settings.mates. -errno. */
int sensor_set_mates(struct sensor *s,
		     const uint32_t mates[static WIRE_MATES_MAX]);

/* Readable when the ring has records. Owned by the sensor. */
int sensor_fd(const struct sensor *s);

/*
 * Pass at most `max` records to fn, in ring order. data is in the ring and only
 * valid until fn returns. Returns how many, or -errno.
 */
typedef int (*sensor_fn)(void *arg, const void *data, size_t size);
int sensor_read(struct sensor *s, sensor_fn fn, void *arg, size_t max);

/* What somebody else did to picket's objects in the kernel. */
struct sensor_harm {
	unsigned hooks;	  /* programs newly found detached or replaced */
	unsigned pins;	  /* removed or replaced, and restored */
	bool pins_astray; /* new: pins cannot be restored, see pin_trouble */
	bool control;	  /* settings of the programs changed, and restored */
};

/*
 * Check what is attached. Hooks that somebody else detached are off in the
 * coverage table from now on. Returns whether *ret reports anything.
 */
bool sensor_check(struct sensor *s, struct sensor_harm *ret);

/*
 * Attach detached hooks again when they are due: at once the first time, then
 * after ever longer pauses. Returns how many were attached.
 */
unsigned sensor_mend(struct sensor *s);

/* Returns the number of rows. Only sensor_check and sensor_mend change them. */
size_t sensor_coverage(const struct sensor *s,
		       struct sensor_row rows[static SENSOR_ROWS_MAX]);

/* Counters of one CPU and family; -ENOENT past the last CPU. */
int sensor_counters(const struct sensor *s, unsigned cpu,
		    enum wire_family family, struct wire_counters *ret);
unsigned sensor_cpus(const struct sensor *s);

/* Bytes waiting in the ring, and its size. */
void sensor_fill(const struct sensor *s, uint64_t *ret_used,
		 uint64_t *ret_size);

/* Pass every running process (thread group leader) to fn; fn < 0 ends it. */
typedef int (*sensor_task_fn)(void *arg, const struct wire_task *task);
int sensor_tasks(struct sensor *s, sensor_task_fn fn, void *arg);

/* The hierarchy_id of the v1 cgroup ids in records; 0: none is mounted. */
uint32_t sensor_cgroup_v1(const struct sensor *s);

/*
 * Whether the totals of this image and file may have been added to since then
 * (CLOCK_BOOTTIME). False is certain, and costs no system call.
 */
bool sensor_has_written(const struct sensor *s,
			const struct wire_written_key *key, uint64_t since_ns);

/*
 * Take the totals of one image and file out of the kernel, so that its next
 * operation is an event again. -ENOENT: there are none.
 */
int sensor_take_written(struct sensor *s, const struct wire_written_key *key,
			struct wire_written *ret);

/*
 * What totals say and no record told. A sum may give way and begin anew between an
 * operation and its record, which it then has alone: never less than nothing.
 */
struct sensor_untold {
	uint64_t count, bytes;
};
static inline struct sensor_untold
sensor_untold(const struct wire_written *w)
{
	return (struct sensor_untold){
		w->count > w->told_count ? w->count - w->told_count : 0,
		w->bytes > w->told_bytes ? w->bytes - w->told_bytes : 0,
	};
}

/* ---- over restarts ---------------------------------------------------- */

/* Why nothing is pinned although pin_dir is set; "" if it is. */
const char *sensor_pin_trouble(const struct sensor *s);

/* What an earlier agent left. */
struct sensor_past {
	bool is_adopted;	/* our programs were running already */
	bool was_watched;	/* all hooks stayed attached until now */
	unsigned hooks_gone;	/* hooks that somebody detached meanwhile */
	unsigned formers;	/* replaced other builds; their rings go first */
	uint64_t missing;	/* lost journal frames that cannot be remade */
	uint64_t unreadable;	/* records in a layout that is not ours */
};

/*
 * Memory for the agent that lasts as long as what is pinned, whatever ends the
 * agent. NULL: there is none.
 */
void *sensor_memory(const struct sensor *s, size_t *ret_size);
/* What earlier agents left in theirs; fn < 0 ends it and is returned. */
typedef int (*sensor_memory_fn)(void *arg, const void *memory, size_t size);
int sensor_past_memory(const struct sensor *s, sensor_memory_fn fn, void *arg);

/* A record that the journal has and the ring still holds. */
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
 * Call it before the first sensor_read. Records that an earlier agent read and
 * did not journal are read again.
 */
void sensor_resume(struct sensor *s, const struct sensor_journal *j,
		   struct sensor_past *ret);

/* To be called in a sensor_fn: the event that this record became. */
void sensor_kept(struct sensor *s, uint32_t epoch, uint64_t seq);

/* Are there still records from before sensor_open to be read? */
bool sensor_has_past(const struct sensor *s);
/* All records of replaced rings are durable in the journal: free the rings. */
void sensor_forget_formers(struct sensor *s);

/* Records read from the ring since it was created, by any agent. */
uint64_t sensor_received(const struct sensor *s, enum wire_family family);

/*
 * Losses of one CPU and family that were reported by events, and the number of
 * the last such event. Do not report more until that event is durable.
 */
uint64_t sensor_told(const struct sensor *s, unsigned cpu,
		     enum wire_family family, uint64_t *ret_seq);
void sensor_tell(struct sensor *s, unsigned cpu, enum wire_family family,
		 uint64_t lost, uint64_t seq);
/*
 * Runs of a family's programs that the kernel skipped because one was already
 * running on that CPU: what they would have seen is unknown. Counted since the
 * programs were loaded; 0 also on kernels that do not count them (before 5.12).
 * told and tell are as for losses.
 */
uint64_t sensor_missed(const struct sensor *s, enum wire_family family);
uint64_t sensor_told_missed(const struct sensor *s, enum wire_family family,
			    uint64_t *ret_seq);
void sensor_tell_missed(struct sensor *s, enum wire_family family,
			uint64_t missed, uint64_t seq);

/*
 * Set the time of the last check for losses; returns the one before. Boottime.
 */
uint64_t sensor_checked(struct sensor *s, uint64_t now_ns);

/* Unreported losses of replaced rings, over all CPUs; and their report. */
uint64_t sensor_former_untold(struct sensor *s, enum wire_family family);
void sensor_former_tell(struct sensor *s, enum wire_family family,
			uint64_t seq);

/*
 * Pass the sums of writes that earlier agents left in the kernel to fn, if they say
 * what no record told. Those for which it returns true are deleted.
 */
#define SENSOR_WRITTEN_MAX 65536
typedef bool (*sensor_written_fn)(void *arg,
				  const struct wire_written_key *key,
				  const struct wire_written *value);
void sensor_former_written(struct sensor *s, sensor_written_fn fn, void *arg);
