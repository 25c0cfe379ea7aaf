/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calling process, and those beside it, as the programs know them. Inside
 * sense/ only.
 */
#pragma once

#include <stdint.h>

#include "wire.h"

struct sensor_settings;

/* self_tgid 0: nobody is left out. -errno: /proc does not tell. */
int self_find(const struct sensor_settings *s, struct wire_control *ret);
/* Its mates alone; of those who are gone nothing is said. */
void self_find_mates(const uint32_t tgids[static WIRE_MATES_MAX],
		     struct wire_control *ret);
