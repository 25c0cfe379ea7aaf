/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of programs into the kernel. Inside sense/ only.
 *
 * Nearly all of a start is the verifier's time. It takes no lock for who may
 * load programs, so two objects are loaded at once (parts.h says what in which).
 * They share the maps of a third, which has no programs.
 */
#pragma once

#include <stddef.h>

#include "sense/attach.h"
#include "wire.h"

/* What programs are told when they are loaded. */
struct load_told {
	const struct sensor_settings *settings;
	const struct attachment *a; /* object 0 has the maps */
	struct wire_control self;
	uint32_t v1_subsys;
	const char *types; /* file of the kernel's types, or of some of them */
};

/* Programs that are loaded together: all of them, or none. */
struct load_part {
	const struct load_told *told;
	const char *names[ATTACH_PROGRAMS_MAX];
	size_t n;
	/* What became of it. */
	struct picket_bpf *skel; /* loaded, the caller's; NULL: it was not */
	int error;
	char refused[64];  /* program that failed it; empty: none did */
	char reason[96];   /* the verifier's, with ": " before it */
	bool is_lacking;   /* the kernel has not what is read there */
};

#define LOAD_PARTS_MAX 2

/* An object of maps alone. */
int load_maps(const struct load_told *told, struct picket_bpf **ret);

/*
 * Those that have programs, all at once. -ECANCELED: it was broken off
 * (settings->breakable), and what was loaded is for nothing.
 */
int load_parts(struct load_part *parts, size_t n);

/* libbpf says only in words which program failed: hear them. */
void load_listen(void);
