/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/env_names.h"

#include <string.h>

uint64_t env_names_key(const char *name)
{
	size_t n = strlen(name);
	uint64_t key = 0;

	memcpy(&key, name, n < sizeof(key) ? n : sizeof(key));
	if (n < sizeof(key))
		((char *)&key)[n] = '=';
	return key;
}

void env_names_bits(const char *const *names,
		    uint64_t bits[static WIRE_ENV_BITS / 64])
{
	uint64_t bit;

	memset(bits, 0, WIRE_ENV_BITS / 8);
	for (; names && *names; names++) {
		bit = WIRE_ENV_BIT(env_names_key(*names));
		bits[bit / 64] |= 1ull << bit % 64;
	}
}
