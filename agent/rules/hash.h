/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fast hash for tables that only hold what the policy's author wrote. What
 * an event brings is looked up and never put in, and each find is compared
 * in full, so a chosen collision costs one comparison and no more.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/slice.h"

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)(a ^ 0x9e3779b97f4a7c15ull) *
			(b ^ 0xd6e8feb86659fd93ull);

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t hash_bytes(uint64_t seed, struct slice s)
{
	uint64_t h = seed + s.n, w;
	uint32_t half;
	const char *p = s.p;
	size_t n = s.n;

	for (; n > 8; n -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = hash_mix(h, w);
	}
	/* The rest in two loads that may overlap; its length is in h. */
	w = 0;
	if (n == 8) {
		memcpy(&w, p, 8);
	} else if (n >= 4) {
		memcpy(&half, p, 4);
		w = half;
		memcpy(&half, p + n - 4, 4);
		w |= (uint64_t)half << 32;
	} else if (n) {
		w = (uint64_t)(unsigned char)p[0] << 16 |
		    (uint64_t)(unsigned char)p[n / 2] << 8 |
		    (unsigned char)p[n - 1];
	}
	return hash_mix(h, w);
}
