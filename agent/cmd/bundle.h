/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a maintainer needs to see: each piece gathered by itself, so that one
 * that cannot be had costs only itself and says why in its place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct conf;

struct bundle_source {
	const char *config;	 /* the file's name */
	const struct conf *conf; /* the defaults if that one is wrong */
	bool wrong;
	unsigned wrong_line; /* 0: not known */
	const char *journal; /* directory; NULL: not known */
};

struct bundle_piece {
	const char *name; /* in the archive */
	const char *what; /* a line for a person */
	/* Appends; what cannot be had is said in words. */
	void (*gather)(const struct bundle_source *s, struct buf *out);
};

/* The last has no name. */
extern const struct bundle_piece bundle_pieces[];

/*
 * Text with what may be secret taken out: of an address all but its scheme and
 * host.
 */
void bundle_add_public(struct buf *out, struct slice text);

/*
 * agent.ini as it stands, line by line and its numbers kept: sections, and keys
 * that picket knows with a value that it takes; comments are left out.
 */
void bundle_add_wrong_config(struct buf *out, struct slice text);
