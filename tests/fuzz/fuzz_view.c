/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the payloads of a few frames: each is one byte of type, two of
 * length (little-endian), then the payload. Properties: what is understood
 * can be shown as a line, a body and a JSON object, and these are one line of
 * valid UTF-8 without anything that acts on a terminal; JSON is balanced.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "out/json.h"
#include "out/text.h"
#include "out/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (8u << 20)

static bool acts_on_terminal(unsigned cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c ||
	       (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x2069 && cp != 0x2061 && cp != 0x2062 &&
		cp != 0x2063 && cp != 0x2064 && cp != 0x2065) ||
	       cp == 0xfeff;
}

static void check_text(const struct buf *out)
{
	struct slice s = buf_slice(out);
	unsigned cp;

	assert(!out->failed);
	while (s.n) {
		size_t n = utf8_next(s, &cp);

		assert(n);
		assert(!acts_on_terminal(cp));
		s = slice_of(s.p + n, s.n - n);
	}
}

static void check_json(const struct buf *out)
{
	bool in_string = false;
	int depth = 0;

	check_text(out);
	for (size_t i = 0; i < out->n; i++) {
		char c = out->p[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			depth++;
		else if (!in_string && (c == '}' || c == ']'))
			depth--;
		assert(depth > 0 || i + 1 == out->n);
		/* No comma too many. */
		if (!in_string && c == ',')
			assert(!strchr(",{[}]", out->p[i + 1]) ||
			       out->p[i + 1] == '{');
	}
	assert(!in_string && depth == 0);
}

static void show(const struct view_images *images, const struct view *v)
{
	static const struct text_style styles[] = {
		{ .with_date = true },
		{ .columns = 80 },
		{ .columns = 110 },
	};
	struct buf out = BUF_INIT(OUT_MAX);

	for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++) {
		text_line(&out, images, v, &styles[i]);
		check_text(&out);
		buf_reset(&out);
	}
	text_body(&out, images, v);
	check_text(&out);
	buf_reset(&out);
	json_line(&out, images, v);
	check_json(&out);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t journal[16];
	static struct view_images *images;
	static uint64_t segment;
	uint64_t seq = 1;

	/* One for all inputs: its tables take long to make. */
	if (!images && view_images_new(&images) < 0)
		abort();
	segment++;
	while (size >= 3) {
		size_t n = data[1] | (size_t)data[2] << 8;
		struct reader_frame f = { .type = data[0],
					  .epoch = 1,
					  .seq = seq,
					  .seq_end = seq + 1,
					  .wall_ns = (int64_t)(seq << 55),
					  .segment = segment };
		struct view v;
		int r;

		data += 3;
		size -= 3;
		n = n < size ? n : size;
		f.payload = slice_of((const char *)data, n);
		seq++;
		r = view_take(images, journal, &f, &v);
		assert(r == 1 || r == 0 || r == -EBADMSG);
		if (r == 1) {
			show(images, &v);
			view_done(&v);
		}
		data += n;
		size -= n;
	}
	return 0;
}
