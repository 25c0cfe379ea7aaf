/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the header lines of an answer, cut where a newline is, as the
 * HTTP library does. Properties: a value ends, holds no end of a line and no
 * blank at either end, and stands in the lines since the last status line; no
 * more than the bound is taken.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "out/response_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const char *value, struct slice since)
{
	size_t n = strnlen(value, RESPONSE_VALUE_MAX);

	assert(n < RESPONSE_VALUE_MAX);
	if (!n)
		return;
	assert(value[0] != ' ' && value[n - 1] != ' ');
	assert(value[n - 1] != '\r' && value[n - 1] != '\n');
	assert(memmem(since.p, since.n, value, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of((const char *)data, size);
	struct slice since = slice_of(rest.p, 0);
	struct response_head h;
	size_t taken = 0;

	response_head_begin(&h);
	while (rest.n) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) + 1 : rest.n;
		struct slice line = slice_of(rest.p, n);

		if (slice_starts(line, slice_str("HTTP/")))
			since = slice_of(line.p, 0);
		if (!response_head_line(&h, line)) {
			assert(taken + n > RESPONSE_HEAD_MAX);
			break;
		}
		taken += n;
		since.n += n;
		assert(h.bytes == taken && taken <= RESPONSE_HEAD_MAX);
		check_value(h.retry_after, since);
		check_value(h.content_type, since);
		rest.p += n;
		rest.n -= n;
	}
	return 0;
}
