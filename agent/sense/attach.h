/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing, loading and attaching the programs. Inside sense/ only. */
#pragma once

#include <stddef.h>

#include "sense/probes.h"
#include "sense/sensor.h"

#define ATTACH_HOOKS_MAX 32

struct bpf_link;
struct bpf_program;
struct picket_bpf;

/* What became of one hook. */
struct attached {
	size_t probe;	       /* row of the hook's probes; count: none left */
	struct bpf_link *link; /* NULL while not attached */
	char reason[120];      /* why the last probe tried did not serve */
};

struct attachment {
	struct picket_bpf *skel;
	struct attached hooks[ATTACH_HOOKS_MAX]; /* as sense_hooks */
};

/* Whether this process may load programs: 0, -EPERM, -ENOTSUP (no BTF). */
int attach_check(char what[static 256]);

/* Errors as sensor_open. *a is set also on failure, for attach_done. */
int attach_all(const struct sensor_settings *s, struct attachment *a,
	       char what[static 256]);
void attach_stop(struct attachment *a);
void attach_done(struct attachment *a);

/* The program of an active hook by name; NULL: not loaded. */
struct bpf_program *attach_program(const struct attachment *a,
				   const char *name);
