/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dpkg says is installed, now. While it is at work that is not in
 * `status`: each step's stanza is a file of its own in updates/, named by
 * digits, and the later one counts; they are put into `status` after some 250
 * of them and at the end (dpkg's lib/dpkg/dbmodify.c). What is being unpacked or
 * removed this moment counts as what it was before.
 *
 * Root's files, yet bounded, and never believed to be well-formed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Fields of one package, as they stand there: borrowed; empty: not there. */
struct dpkg_stanza {
	struct slice package, version, arch, status;
	struct slice conffiles; /* its lines */
	bool multi_arch;	/* "same": there may be one of each */
};

struct dpkg_status;

/*
 * Read it all from the directory dpkg_fd (/var/lib/dpkg). -ENOENT: there is no
 * `status`, so no database; -EFBIG, -ENOMEM, -errno. A file of updates/ that
 * cannot be read is left out and counted in *odd; one that is gone is in
 * `status` by now, and was in effect before.
 */
int dpkg_status_read(int dpkg_fd, uint64_t *odd, struct dpkg_status **ret);
void dpkg_status_free(struct dpkg_status *s);

/* The next package, in no order; false: that was all. Good until it is freed. */
bool dpkg_status_next(struct dpkg_status *s, struct dpkg_stanza *ret);

/* Whether its status ends with this word: "install ok STATE". */
bool dpkg_is_in(const struct dpkg_stanza *s, const char *state);

/* The next line of what is left, without its end; false: nothing is left. */
bool dpkg_line(struct slice *rest, struct slice *ret);
