/* SPDX-License-Identifier: Apache-2.0 */
/* Address ranges as people write them, and as 128 bits to compare. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "event.h"

/* Bits from the left: an IPv4 address fills the upper half of hi. */
struct key_bits {
	uint64_t hi, lo;
};

struct cidr {
	struct key_bits bits;
	uint8_t len;
	bool v6;
};

/*
 * 10.0.0.0/8, 192.0.2.1, 2001:db8::/32, ::1. IPv4-mapped ranges within
 * ::ffff:0:0/96 become IPv4, as addresses in events do. -EINVAL with a
 * constant phrase in *ret_why.
 */
int cidr_parse(struct slice text, struct cidr *ret, const char **ret_why);

/* False for a family other than IPv4 and IPv6. */
bool cidr_of_addr(const struct ip_addr *a, struct cidr *ret);

bool cidr_has(const struct cidr *range, const struct cidr *addr);

/* Are the first len (0-128) bits of the two the same? */
static inline bool key_bits_same(struct key_bits a, struct key_bits b,
				 unsigned len)
{
	if (len <= 64)
		return !len || !((a.hi ^ b.hi) >> (64 - len));
	return a.hi == b.hi && !((a.lo ^ b.lo) >> (128 - len));
}

static inline unsigned key_bits_at(struct key_bits k, unsigned i)
{
	return i < 64 ? k.hi >> (63 - i) & 1 : k.lo >> (127 - i) & 1;
}
