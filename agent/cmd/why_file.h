/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program on the disk is, found out as picket does when it has run: a
 * script's interpreter, contents, owners on the way, and the package. For
 * `picket why --exec`. Reads the packages' databases, which takes a moment.
 */
#pragma once

#include <limits.h>

#include "base/buf.h"
#include "event.h"
#include "trust/trust_db.h"

struct conf;

struct why_found {
	char path[PATH_MAX]; /* as the kernel will have it; "": none */
	struct file_id id;
	struct file_facts facts;
	char package[TRUST_PACKAGE_MAX]; /* "": nobody's, or not known */
	/* Why nothing is known of the file, or of packages; -errno. */
	int error, packages_error;
};

struct why_files {
	struct why_found exe, script; /* script.path "": it is none */
};

/* path: absolute. Never fails: what could not be found out is said in it. */
void why_files_look(const struct conf *conf, const char *path,
		    struct why_files *ret);
/* Into an image that is made up; the strings are those of the files. */
void why_files_apply(const struct why_files *f, struct image *img);

void why_files_text(struct buf *out, const struct why_files *f);
/* "files":[…], */
void why_files_json(struct buf *out, const struct why_files *f);
