/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address ranges. The one idea: both families become a left-aligned string
 * of bits with a length, so that everything behind works on bits alone.
 */
#include "rules/cidr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return be64toh(v);
}

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static struct cidr from_v4(const uint8_t *addr, unsigned len)
{
	uint64_t v = (uint64_t)addr[0] << 24 | (uint64_t)addr[1] << 16 |
		     (uint64_t)addr[2] << 8 | addr[3];

	return (struct cidr){ .bits.hi = v << 32, .len = (uint8_t)len };
}

static struct cidr from_v6(const uint8_t *addr, unsigned len)
{
	if (len >= 96 && !memcmp(addr, mapped, sizeof(mapped)))
		return from_v4(addr + 12, len - 96);
	return (struct cidr){
		.bits = { load_be64(addr), load_be64(addr + 8) },
		.len = (uint8_t)len,
		.v6 = true,
	};
}

static bool has_bits_behind(const struct cidr *c)
{
	struct key_bits b = c->bits;

	if (c->len < 64)
		return (c->len ? b.hi << c->len : b.hi) || b.lo;
	return c->len < 128 && b.lo << (c->len - 64);
}

int cidr_parse(struct slice text, struct cidr *ret, const char **ret_why)
{
	const char *slash = memchr(text.p, '/', text.n);
	size_t n = slash ? (size_t)(slash - text.p) : text.n;
	char name[INET6_ADDRSTRLEN];
	uint8_t addr[16] = { 0 };
	uint32_t len = 0;
	struct cidr c;
	bool v6;

	*ret_why = "not an address or CIDR range such as 10.0.0.0/8";
	if (!n || n >= sizeof(name) || memchr(text.p, '\0', n))
		return -EINVAL;
	memcpy(name, text.p, n);
	name[n] = '\0';
	v6 = memchr(name, ':', n);
	if (inet_pton(v6 ? AF_INET6 : AF_INET, name, addr) != 1)
		return -EINVAL;
	len = v6 ? 128 : 32;
	if (slash) {
		*ret_why = v6 ? "prefix length is not a number from 0 to 128"
			      : "prefix length is not a number from 0 to 32";
		if (text_u32(slice_of(slash + 1, text.n - n - 1), &len) < 0 ||
		    len > (v6 ? 128 : 32))
			return -EINVAL;
	}
	c = v6 ? from_v6(addr, len) : from_v4(addr, len);
	if (has_bits_behind(&c)) {
		*ret_why = "address has bits set behind the prefix length";
		return -EINVAL;
	}
	*ret = c;
	return 0;
}

bool cidr_of_addr(const struct ip_addr *a, struct cidr *ret)
{
	if (a->family == AF_INET)
		*ret = from_v4(a->bytes, 32);
	else if (a->family == AF_INET6)
		*ret = from_v6(a->bytes, 128);
	else
		return false;
	return true;
}

bool cidr_has(const struct cidr *range, const struct cidr *addr)
{
	return range->v6 == addr->v6 &&
	       key_bits_same(range->bits, addr->bits, range->len);
}
