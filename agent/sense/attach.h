/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing, loading and attaching the programs. Inside sense/ only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sense/mending.h"
#include "sense/probes.h"
#include "sense/sensor.h"

#define ATTACH_HOOKS_MAX    64
#define ATTACH_PROGRAMS_MAX 192
/*
 * One has the maps; of the others two are loaded at once, and each further one
 * is for what those before it could not attach.
 */
#define ATTACH_OBJECTS_MAX 17

struct account;
struct bpf_link;
struct bpf_program;
struct picket_bpf;
struct pins;

/* What became of one hook. */
struct attached {
	size_t probe;	  /* row of the hook's probes; count: none left */
	bool refused;	  /* a probe was tried, and the kernel said no */
	char reason[200]; /* why those before it did not serve */
};

/* A program that is loaded, for as many hooks as chose it. */
struct running {
	const char *name;
	enum probe_place place;
	struct bpf_program *program; /* NULL: taken over from its pin */
	int fd;			     /* of the program */
	struct bpf_link *link; /* NULL: run on demand, or put out */
	uint32_t link_id;      /* 0: before 5.15 a kprobe's has none */
	uint32_t program_id;   /* the kernel's number of it */
	/* Of the first hook in the table that chose it: by attach_settle. */
	enum wire_family family;
	bool is_out;	       /* somebody else ended it */
	struct mending mending;
};

/* What user space reads and writes. */
enum attach_map {
	ATTACH_RING,
	ATTACH_COUNTERS,
	ATTACH_WRITTEN,
	ATTACH_SUMMED,
	ATTACH_ENV_NAMES,
	ATTACH_CONTROL,
	ATTACH_OWN_OBJECTS,
	ATTACH_MAP_COUNT,
};

struct attachment {
	int maps[ATTACH_MAP_COUNT]; /* owned; -1: none */
	/* Empty where everything was taken over from its pins. */
	struct picket_bpf *objects[ATTACH_OBJECTS_MAX];
	size_t object_count;
	struct attached hooks[ATTACH_HOOKS_MAX]; /* as sense_hooks */
	struct running programs[ATTACH_PROGRAMS_MAX];
	size_t program_count;
	/* By hook, as attach_settle found it; NULL: none. */
	const struct probe *serving[ATTACH_HOOKS_MAX];
	uint64_t ops;	       /* of the system calls that are looked at */
	uint32_t v1_hierarchy; /* 0: none mounted */
};

/* Whether this process may load programs: 0, -EPERM, -ENOTSUP (no BTF). */
int attach_check(char what[static 256]);

/* An attachment of nothing, fine for attach_done. */
void attach_init(struct attachment *a);
/*
 * Errors as sensor_open. *a was attach_init'ed, and is for attach_done. begun,
 * which may be NULL, is called once what tells of processes made is attached,
 * and nothing yet that tells what they do, as far as the kernel took it at once.
 */
typedef void (*attach_begun_fn)(void *arg);
int attach_all(const struct sensor_settings *s, struct attachment *a,
	       attach_begun_fn begun, void *arg, char what[static 256]);
/* The link that runs it, and its number. */
void attach_set_link(struct running *run, struct bpf_link *link);
/* By libbpf's object: not where run->program is NULL. */
int attach_one(struct running *run, int cgroup_fd);

/* What is kept in pins: a descriptor that *a owns, as KIND_NAME. fn < 0 ends. */
typedef int (*attach_pin_fn)(void *arg, const char *kind, const char *name,
			     int fd);
int attach_each_pin(const struct attachment *a, attach_pin_fn fn, void *arg);
/* Into this generation, so that all of it outlives the agent. */
int attach_pin(const struct attachment *a, const struct pins *p,
	       const char *generation, struct account *account);
/* One of those maps; -EBADMSG: in its place is something else. */
int attach_get_map(const struct pins *p, const char *generation,
		   enum attach_map map);
/* From there. -ENOENT: something of it is missing; then *a is for done. */
int attach_adopt(struct attachment *a, const struct pins *p,
		 const char *generation, const struct account *account);
/*
 * Detach, where nothing else holds the links: what was attached first, and tells
 * who runs, last. unpin, which may be NULL, is called before each by its name.
 */
void attach_stop(struct attachment *a, void (*unpin)(void *arg, const char *),
		 void *arg);
void attach_done(struct attachment *a);
/* The same, and what is pinned runs on. */
void attach_leave(struct attachment *a);

/*
 * Note who serves whom: once everything is attached or taken over, and whenever
 * a program went out or came back. Names are compared here, and nowhere that is
 * passed while nothing happens.
 */
void attach_settle(struct attachment *a);
/* The probe that serves this hook, as settled; NULL: none. */
const struct probe *attach_serving(const struct attachment *a, size_t hook);
/* Whether system calls are looked at for changes of files. */
bool attach_sees_files(const struct attachment *a);
/* Nothing of this hook's is to be seen by the programs that were chosen. */
bool attach_is_unneeded(const struct attachment *a, size_t hook);

/* The probe that is chosen for this hook, running or not; NULL: none. */
const struct probe *attach_chosen(const struct attachment *a, size_t hook);

/* A descriptor of the program, owned by *a; -1: not loaded. */
int attach_program(const struct attachment *a, const char *name);
extern const char *const attach_map_names[ATTACH_MAP_COUNT];
