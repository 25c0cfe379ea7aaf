/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Whether an environment string is one that the agent asked for. */
#pragma once

#include "maps.h"

#define EACH_BYTE(c) (0x0101010101010101ull * (c))

/*
 * v: the string's first eight bytes, zeroes after its end. Cut after the '='
 * they are the key: found without a loop, since (x - 0x01…) & ~x & 0x80… has
 * its lowest bit where x has its first zero byte. Without one the mask is all
 * ones.
 */
static __always_inline bool env_wanted(__u64 v)
{
	__u64 x = v ^ EACH_BYTE('=');
	__u64 found = (x - EACH_BYTE(1)) & ~x & EACH_BYTE(0x80);

	v &= found ^ (found - 1);
	return bpf_map_lookup_elem(&env_names, &v);
}
