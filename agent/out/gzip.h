/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies, compressed as Content-Encoding: gzip wants them. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

struct gzip;

int gzip_new(struct gzip **ret);
void gzip_free(struct gzip *g);

/* Append one whole gzip member of `in`; -ENOMEM, -EFBIG over out->max. */
int gzip_pack(struct gzip *g, struct slice in, struct buf *out);
