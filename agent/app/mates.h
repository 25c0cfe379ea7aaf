/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is picket besides the agent: its helpers, and whoever ships its journal.
 * What is done to one of them is done to picket.
 */
#pragma once

#include <stdint.h>

#include "wire.h"

struct agent;

/* As in sensor_settings.mates. */
void mates_find(const struct agent *a, uint32_t ret[static WIRE_MATES_MAX]);

/* The kernel side is told when they are others than it knows. */
void mates_watch(struct agent *a);
