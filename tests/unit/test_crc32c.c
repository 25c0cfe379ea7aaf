/* SPDX-License-Identifier: Apache-2.0 */
/* base/crc32c: the published values, on both ways of computing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Included, not linked: the tables must be tested where they are not taken. */
#include "base/crc32c.c"

/* RFC 3720, B.4, and the check value of the catalogue. */
static void published_values(void **state)
{
	unsigned char p[32];
	int i;

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
	memset(p, 0, sizeof(p));
	assert_int_equal(crc32c(0, p, sizeof(p)), 0x8a9136aa);
	memset(p, 0xff, sizeof(p));
	assert_int_equal(crc32c(0, p, sizeof(p)), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		p[i] = (unsigned char)i;
	assert_int_equal(crc32c(0, p, sizeof(p)), 0x46dd794e);
	for (i = 0; i < 32; i++)
		p[i] = (unsigned char)(31 - i);
	assert_int_equal(crc32c(0, p, sizeof(p)), 0x113fdb5c);
}

/* One bit at a time: slow, and too simple to be wrong. */
static uint32_t bitwise(const unsigned char *p, size_t n)
{
	uint32_t c = 0xffffffff;
	int k;

	while (n--) {
		c ^= *p++;
		for (k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
	}
	return ~c;
}

static void all_ways_agree_at_every_length_and_alignment(void **state)
{
	const bool has = has_instruction;
	unsigned char p[300];
	uint32_t seed = 1, want;
	size_t from, n;

	(void)state;
	for (n = 0; n < sizeof(p); n++) {
		seed = seed * 1664525 + 1013904223;
		p[n] = (unsigned char)(seed >> 24);
	}
	for (from = 0; from < 9; from++) {
		for (n = 0; n < sizeof(p) - from; n++) {
			want = bitwise(p + from, n);
			has_instruction = false;
			assert_int_equal(crc32c(0, p + from, n), want);
			has_instruction = has;
			assert_int_equal(crc32c(0, p + from, n), want);
		}
	}
}

static void parts_give_the_same_as_the_whole(void **state)
{
	const char text[] = "a journal frame is summed in several parts";
	uint32_t whole = crc32c(0, text, sizeof(text)), c;
	size_t cut;

	(void)state;
	for (cut = 0; cut <= sizeof(text); cut++) {
		c = crc32c(0, text, cut);
		c = crc32c(c, text + cut, sizeof(text) - cut);
		assert_int_equal(c, whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_values),
		cmocka_unit_test(all_ways_agree_at_every_length_and_alignment),
		cmocka_unit_test(parts_give_the_same_as_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
