/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernels may refuse a backend that the sensor's table has. */
#pragma once

#include <stdbool.h>

#include "wire.h"

/*
 * Whether this kernel may refuse the backend for the family, by the sensor's
 * own reason. Where PICKET_TEST_MAY_LACK names a file (in the matrix's guests:
 * this kernel's rows of tests/vm/may_lack), only what stands there. Elsewhere
 * what kinds a kernel takes is not known, but that it refuses a kind as a
 * whole: a program of a few instructions was refused, too.
 */
bool refused_rightly(enum wire_family family, enum wire_backend backend,
		     const char *why);
