/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that belong to picket besides the agent: its helpers, and the
 * shippers of its journal. Tampering with one is tampering with picket.
 */
#pragma once

#include <stdint.h>

#include "wire.h"

struct agent;

/* As in sensor_settings.mates. */
void mates_find(const struct agent *a, uint32_t ret[static WIRE_MATES_MAX]);

/* Tell the kernel side when they have changed. */
void mates_watch(struct agent *a);
