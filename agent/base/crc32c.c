/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C. Each frame of the journal pays for it twice (write and read), so
 * it goes eight bytes at a time: by the processor's instruction where it has
 * one, else by eight tables. The tables are computed at start; a printed one
 * could hold a typing error that no review finds.
 */
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>

/* 0x1edc6f41 with its bits reversed: least significant bit first. */
#define POLYNOMIAL 0x82f63b78u

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the eight-byte step loads little-endian words");

static uint32_t tables[8][256];
#ifdef __x86_64__
static bool has_instruction;
#endif

__attribute__((constructor)) static void make_tables(void)
{
	uint32_t c;
	int i, k;

	for (i = 0; i < 256; i++) {
		c = (uint32_t)i;
		for (k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ POLYNOMIAL : c >> 1;
		tables[0][i] = c;
	}
	/* tables[k]: a byte followed by k zero bytes. */
	for (i = 0; i < 256; i++) {
		c = tables[0][i];
		for (k = 1; k < 8; k++) {
			c = c >> 8 ^ tables[0][c & 0xff];
			tables[k][i] = c;
		}
	}
#ifdef __x86_64__
	__builtin_cpu_init();
	has_instruction = __builtin_cpu_supports("sse4.2");
#endif
}

static uint64_t load_u64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t by_tables(uint32_t c, const unsigned char *p, size_t n)
{
	uint64_t v;

	for (; n >= 8; p += 8, n -= 8) {
		v = load_u64(p) ^ c;
		c = tables[7][v & 0xff] ^ tables[6][v >> 8 & 0xff] ^
		    tables[5][v >> 16 & 0xff] ^ tables[4][v >> 24 & 0xff] ^
		    tables[3][v >> 32 & 0xff] ^ tables[2][v >> 40 & 0xff] ^
		    tables[1][v >> 48 & 0xff] ^ tables[0][v >> 56];
	}
	for (; n; p++, n--)
		c = c >> 8 ^ tables[0][(c ^ *p) & 0xff];
	return c;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_instruction(
	uint32_t c, const unsigned char *p, size_t n)
{
	uint64_t wide = c;

	for (; n >= 8; p += 8, n -= 8)
		wide = __builtin_ia32_crc32di(wide, load_u64(p));
	c = (uint32_t)wide;
	for (; n; p++, n--)
		c = __builtin_ia32_crc32qi(c, *p);
	return c;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
#ifdef __x86_64__
	if (has_instruction)
		return ~by_instruction(~crc, p, n);
#endif
	return ~by_tables(~crc, p, n);
}
