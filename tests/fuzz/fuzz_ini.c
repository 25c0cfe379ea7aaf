/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as INI. Properties: what is handed on stands in the text, on the
 * line that is named; written down again it reads the same; an error has a
 * line and words that are safe to show.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/ini.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	struct slice text;
	struct buf again; /* the same in the plainest form */
	unsigned last_line;
};

static struct slice nth_line(struct slice text, unsigned line)
{
	const char *end;

	for (;;) {
		end = text.n ? memchr(text.p, '\n', text.n) : NULL;
		if (--line == 0)
			return slice_of(text.p,
					end ? (size_t)(end - text.p) : text.n);
		assert(end);
		text = slice_of(end + 1, (size_t)(text.p + text.n - end) - 1);
	}
}

static int note(void *arg, unsigned line, const char *section, const char *key,
		const char *value)
{
	struct reading *r = arg;
	struct slice at = nth_line(r->text, line), v;

	assert(line > r->last_line);
	r->last_line = line;
	if (!key) {
		assert(at.n && at.p[0] == '[');
		assert(memmem(at.p, at.n, section, strlen(section)));
		buf_addf(&r->again, "[%s]\n", section);
		return 0;
	}
	v = slice_str(value);
	assert(slice_starts(at, slice_str(key)));
	at = text_trim(at);
	assert(at.n >= v.n && !memcmp(at.p + at.n - v.n, v.p, v.n));
	buf_addf(&r->again, "%s =%s\n", key, value);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading first = { .again = BUF_INIT(4 * size + 64) };
	struct reading second = { .again = BUF_INIT(4 * size + 64) };
	struct ini_error err;
	int r;

	first.text = slice_of((const char *)data, size);
	r = ini_read(first.text, note, &first, &err);
	assert(!first.again.failed);
	if (r < 0) {
		assert(r == -EINVAL && err.line > 0 && err.what[0]);
		assert(err.line > first.last_line);
		assert(utf8_valid(slice_str(err.what)));
		assert(!memchr(err.what, '\n', strlen(err.what)));
	} else {
		second.text = buf_slice(&first.again);
		r = ini_read(second.text, note, &second, &err);
		assert(r == 0);
		assert(slice_eq(buf_slice(&first.again),
				buf_slice(&second.again)));
	}
	buf_done(&first.again);
	buf_done(&second.again);
	return 0;
}
