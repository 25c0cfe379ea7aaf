/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a cursor. Property: what is accepted prints as the same. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "store/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[CURSOR_TEXT_MAX];
	struct cursor c;

	if (cursor_parse(slice_of((const char *)data, size), &c) < 0)
		return 0;
	assert(cursor_print(&c, text) == size);
	assert(!memcmp(text, data, size));
	return 0;
}
