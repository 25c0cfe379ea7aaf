/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a file of header lines. Properties: a line that is taken can
 * end no header and begin no other; a refusal names a line that is there; the
 * shipper's status file, which other programs read, is tried with the same
 * bytes and reads back as it was read.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "out/collector.h"
#include "out/ship_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct collector_headers *h)
{
	size_t i;

	assert(h->n <= COLLECTOR_HEADERS_MAX);
	for (i = 0; i < h->n; i++) {
		const char *p = h->lines[i];
		size_t name = strcspn(p, ":;");

		assert(name && p[name]);
		assert(!strpbrk(p, "\r\n"));
		assert(strncasecmp(p, "content-length:", 15) != 0);
	}
}

static unsigned count_lines(struct slice text)
{
	unsigned n = 1;
	size_t i;

	for (i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static void check_status(struct slice text)
{
	cleanup_buf struct buf out = BUF_INIT(1u << 20);
	struct ship_status s, again;

	if (ship_status_parse(text, &s) < 0)
		return;
	ship_status_print(&out, &s);
	assert(!out.failed);
	assert(ship_status_parse(buf_slice(&out), &again) == 0);
	assert(again.acked_seq == s.acked_seq);
	assert(again.error_ns == s.error_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	struct collector_headers h = { .n = 0 };
	unsigned line = 0;

	if (collector_headers_parse(text, &h, &line) < 0)
		assert(line >= 1 && line <= count_lines(text));
	check_lines(&h);
	collector_headers_done(&h);
	check_status(text);
	return 0;
}
