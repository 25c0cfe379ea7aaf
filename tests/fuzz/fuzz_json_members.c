/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON of anyone's: whatever it is, what is told of it lies within it, and
 * the text is not written beyond.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_members.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct slice all, struct slice s)
{
	assert(!s.n || (s.p >= all.p && s.p + s.n <= all.p + all.n));
}

static int take(void *arg, struct slice parent, struct slice key,
		struct slice value)
{
	const struct slice *all = arg;

	check_within(*all, parent);
	check_within(*all, key);
	check_within(*all, value);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct slice all = slice_of(text, size);
	int r;

	assert(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '#';
	r = json_members(text, size, take, &all);
	assert(r == 0 || r == -EBADMSG);
	assert(text[size] == '#');
	free(text);
	return 0;
}
