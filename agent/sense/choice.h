/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which probe serves which hook: what attach.c loads and attaches, and what it
 * tells when the kernel refuses. Inside sense/ only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sense/attach.h"

struct btf;

/* One kind of program, asked for once. */
struct choice_kind {
	bool is_known;
	int error;
	char why[120];
};

struct choice {
	const struct sensor_settings *settings;
	struct attachment *a;	  /* whose hooks are chosen for */
	const struct btf *kernel; /* borrowed */
	/* Opened and never loaded: the section names of the programs. */
	const struct picket_bpf *index;
	struct choice_kind kinds[WIRE_BACKEND_COUNT];
};

/* Every hook gets the first of its probes that has a chance. */
void choice_begin(struct choice *c);

/*
 * The n-th program of a probe, from 0; its own is the first. NULL: no more.
 * What this kernel has no place for is passed over.
 */
const char *choice_program(const struct choice *c, const struct probe *probe,
			   size_t n);

/*
 * The kernel refused this program: whoever chose it moves on to the next
 * probe, and keeps why. lacks: it has not what the program reads, which is
 * no refusal where this backend was asked for. How many moved on.
 */
int choice_drop(struct choice *c, const char *program, const char *why,
		bool lacks);

/*
 * Whether what serves is enough, when all is attached and settled. -ENOTSUP: a
 * family that nothing reports and that the others are judged by, or a backend
 * that was asked for and was refused.
 */
int choice_check(const struct choice *c, char what[static 256]);
