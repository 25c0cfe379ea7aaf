/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Whether an environment string is one that the agent asked for. They are
 * looked for eight bytes at a time: most bytes begin no string, and most
 * strings are told by their bit to be of no name that is kept.
 */
#pragma once

#include "maps.h"

#define EACH_BYTE(c) (0x0101010101010101ull * (c))

/*
 * v: the string's first eight bytes, what comes after its end included. Cut
 * after the '=' they are the key: found without a loop, since (x - 0x01…) & ~x
 * & 0x80… has its lowest bit where x has its first zero byte. Without one the
 * mask is all ones. What ends before is no key, since a zero is in it.
 */
static __always_inline __u64 env_key(__u64 v)
{
	__u64 x = v ^ EACH_BYTE('=');
	__u64 found = (x - EACH_BYTE(1)) & ~x & EACH_BYTE(0x80);

	return v & (found ^ (found - 1));
}

static __always_inline bool env_wanted(__u64 v)
{
	__u64 key = env_key(v), bit = WIRE_ENV_BIT(key);

	if (!(env_bits[bit / 64] >> bit % 64 & 1))
		return false;
	return bpf_map_lookup_elem(&env_names, &key);
}

/* The top bit of each byte that is zero, and of no other. */
static __always_inline __u64 env_ends(__u64 word)
{
	__u64 low = EACH_BYTE(0x7f);

	return ~(((word & low) + low) | word | low);
}
