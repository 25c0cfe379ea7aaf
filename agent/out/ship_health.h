/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A liveness probe: is the shipper of a state directory working? A collector
 * that is down or refuses records is no reason to restart the shipper, so the
 * answer is yes then.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* A shipper writes its status at least this often. */
#define SHIP_SAYS_MS	15000
/* One that has not for this long is considered hung. */
#define SHIP_SILENT_MAX_MS 60000

/* True: yes. False: the reason is appended to why, without a newline. */
bool ship_is_well(const char *state_dir, int64_t now_ns, struct buf *why);
