/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the shipper of a state directory at work? For a probe: a collector that
 * is down, or refuses, is no reason to start it anew, so it is none here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* A shipper says how it is doing at least so often. */
#define SHIP_SAYS_MS	15000
/* One that has been silent for so long hangs. */
#define SHIP_SILENT_MAX_MS 60000

/* true: it is; else why not, in a line without its end, is appended to why. */
bool ship_is_well(const char *state_dir, int64_t now_ns, struct buf *why);
