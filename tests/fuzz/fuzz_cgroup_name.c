/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a cgroup path. Property: answers are slices of the path. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/cgroup_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct slice s, const char *p, size_t n)
{
	if (!s.n)
		return;
	assert(s.p >= p && s.p <= p + n && s.n <= (size_t)(p + n - s.p));
	assert(!memchr(s.p, '/', s.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);
	struct cgroup_name name;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	name = cgroup_name_parse(slice_of(copy, size));
	check(name.unit, copy, size);
	check(name.container, copy, size);
	check(name.pod, copy, size);
	free(copy);
	return 0;
}
