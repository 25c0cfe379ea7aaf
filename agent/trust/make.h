/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database from the package managers, for a process of its own: it needs
 * no right but to read what everyone may, and memory for all of it.
 */
#pragma once

#include "trust/packages.h"

struct trust_make {
	struct trust_sources sources;
	/* The program that prints rpm's database; empty: not asked. */
	const char *rpm, *rpm_dir;
	int out_fd;	/* an empty file */
};

struct trust_made {
	int result;	/* -errno */
	uint32_t odd;	/* entries that were left out */
};

struct trust_made trust_make(const struct trust_make *m);
