/* SPDX-License-Identifier: Apache-2.0 */
/* Files into an archive in memory, as POSIX ustar has them (pax, XCU 4). */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define TAR_NAME_MAX 99

/*
 * A regular file, mode 0600, root's. The name is relative, at most
 * TAR_NAME_MAX bytes; longer: -ENAMETOOLONG. -ENOMEM, -EFBIG over out->max.
 */
int tar_add(struct buf *out, const char *name, struct slice content,
	    int64_t mtime_s);
/* The two empty blocks that end an archive. */
int tar_end(struct buf *out);
