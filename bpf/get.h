/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A member, by a load where the verifier takes one: of what it knows the type
 * of, or of a copy. Elsewhere by a call, which takes as long as 70
 * instructions. `direct` is a constant, once all is inlined.
 */
#pragma once

#include "types.h"

#define GET(direct, p, member) \
	((direct) ? (p)->member : BPF_CORE_READ(p, member))
