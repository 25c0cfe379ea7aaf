/* SPDX-License-Identifier: Apache-2.0 */
/* What can be attached where, as data. Inside sense/ only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* How a program is attached, where its section name does not say it all. */
enum probe_place {
	PLACE_KERNEL,	 /* a tracepoint or a kernel function */
	PLACE_CGROUP,	 /* the root of the unified hierarchy */
	PLACE_ON_DEMAND, /* loaded, and run when it is asked */
	/*
	 * Every system call of the machine comes by: the hook's ops are put
	 * into the table that says which are looked at. Without any such hook
	 * these programs are not loaded.
	 */
	PLACE_CALL_END,
	/* Only while calls that change files are looked at. */
	PLACE_URING,
	/* Only while calls through descriptors are looked at by the above. */
	PLACE_CALL_BEGIN,
};

/*
 * A kretprobe sees so many calls at once as it was made with room for, and who
 * waits in the kernel keeps it: max(10, 2 * processors), before 6.2 (3b7ddab8a19a)
 * only the latter.
 */
#define KRETPROBE_FULL \
	"while others wait in the kernel: ten, on 5.10 as many as processors"

/* A program of this name is run only where there is what it attaches to. */
#define PROBE_IF_THERE '?'

/*
 * One way to see what a hook is for: a program, and others that must run along
 * with it, or it does not serve. A program may serve several hooks: it is
 * loaded and attached once.
 */
struct probe {
	enum wire_backend backend;
	enum probe_place place;	 /* of `program`; the others: PLACE_KERNEL */
	const char *program;	 /* its name in bpf/ */
	const char *blind;	 /* what it cannot see; NULL: nothing known */
	const char *const *with; /* NULL-terminated; NULL: it runs alone */
};

/* What is to be seen, and the ways to do it, best first. */
struct hook {
	enum wire_family family;
	const char *sees; /* for people */
	/* Without one of the hooks that make its events a family is blind. */
	bool makes_events;
	bool is_unix; /* wanted only where unix sockets are asked for */
	/*
	 * 1 << enum wire_write_op, wire_also or wire_socket_op, of what it
	 * sees by the end of system calls. 0: no system call is this hook's.
	 */
	uint64_t ops;
	const struct probe *probes;
	size_t count;
};

extern const struct hook sense_hooks[];
extern const size_t sense_hook_count;

/* What nothing sees yet: said, so that silence is not taken for peace. */
struct blind_spot {
	enum wire_family family;
	const char *what;
	const char *reason;
};

extern const struct blind_spot sense_blind[];
extern const size_t sense_blind_count;

/* Whether this program is a probe's own, or runs along with it. */
bool sense_probe_has(const struct probe *p, const char *program);
/*
 * The helper (of enum bpf_func_id) without which this program need not be
 * tried; NULL: what it needs, every kernel has.
 */
const char *sense_needs(const char *program);
/* Whether picket refuses to run without any hook that reports this family. */
bool sense_family_required(enum wire_family family);
const char *sense_family_name(enum wire_family family);
const char *sense_backend_name(enum wire_backend backend);
