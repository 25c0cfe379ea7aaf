/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as one JSON object on one line, without the newline. Names are
 * stable: see picket(8). Bytes that are not UTF-8 appear replaced under their
 * name and exact in base64 under NAME_b64 beside it.
 */
#pragma once

#include "base/buf.h"
#include "out/view.h"

void json_line(struct buf *out, const struct view_images *images,
	       const struct view *v);
