/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name under which one build of the programs, set up in one way, is
 * pinned. Two agents that come to the same name load the same programs.
 */
#pragma once

#include <stdbool.h>

#include "sense/pins.h"
#include "sense/sensor.h"

int generation_name(const struct sensor_settings *s,
		    char ret[static PINS_NAME_MAX]);

/* Whether what it left can be read here: the same layout of its records. */
bool generation_is_readable(const char *name);
