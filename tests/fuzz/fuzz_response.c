/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a collector's answer: the first two are the status, the third
 * picks the content type, the rest is Retry-After up to a zero, then the body.
 * Properties: the words quoted are one line of valid UTF-8; only a retry has a
 * wait; only an acknowledgement rejects; only a 2xx acknowledges.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "out/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct response_in *in, const struct response *r)
{
	const char *p;

	assert(memchr(r->text, '\0', sizeof(r->text)));
	assert(utf8_valid(slice_str(r->text)));
	for (p = r->text; *p; p++)
		assert((unsigned char)*p >= ' ' && *p != 0x7f);
	assert((r->verdict == RESPONSE_ACK) ==
	       (in->status >= 200 && in->status < 300));
	assert(!r->rejected || r->verdict == RESPONSE_ACK);
	assert(!r->has_retry_after || r->verdict == RESPONSE_RETRY);
	assert(r->has_retry_after || !r->retry_after_ms);
	assert(!r->is_setup || r->verdict == RESPONSE_RETRY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {
		"application/x-protobuf",
		"application/json; charset=utf-8",
		"text/plain",
		"",
	};
	struct response_in in = { .error = "cut", .now_s = 1700000000 };
	struct response r;
	const uint8_t *end;
	char *retry_after;
	size_t n;

	if (size < 3)
		return 0;
	in.status = (data[0] << 8 | data[1]) % 1000;
	in.content_type = types[data[2] % 4];
	data += 3;
	size -= 3;
	end = size ? memchr(data, 0, size) : NULL;
	n = end ? (size_t)(end - data) : 0;
	retry_after = malloc(n + 1);
	assert(retry_after);
	memcpy(retry_after, data, n);
	retry_after[n] = '\0';
	in.retry_after = retry_after;
	if (end)
		in.body = slice_of((const char *)end + 1, size - n - 1);
	response_read(&in, &r);
	check(&in, &r);
	free(retry_after);
	return 0;
}
