/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the environment as programs look for them. Inside sense/ only. */
#pragma once

#include <stdint.h>

#include "wire.h"

/* What a string that begins with NAME= is known by, see WIRE_ENV_BIT. */
uint64_t env_names_key(const char *name);

/* names: NULL-terminated, or NULL: none. */
void env_names_bits(const char *const *names,
		    uint64_t bits[static WIRE_ENV_BITS / 64]);
