// SPDX-License-Identifier: Apache-2.0
#include "rules/literal.h"

#include <stdbool.h>
#include <string.h>

#include "base/escape.h"

static void add_hex(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i])
			buf_addf(out, "\\x%02X", (unsigned char)s.p[i]);
}

/* A blank at an end is trimmed; before ';' or '#' it would begin a comment. */
static bool is_of_grammar(struct slice s, size_t i)
{
	if (s.p[i] == ';')
		return i == 0;
	return s.p[i] == ' ' && (i == 0 || i + 1 == s.n || s.p[i + 1] == ';' ||
				 s.p[i + 1] == '#');
}

static void add_ascii(struct buf *out, struct slice s, size_t i)
{
	char c = s.p[i];

	if (c == '\n')
		buf_add_str(out, "\\n");
	else if (c == '\t')
		buf_add_str(out, "\\t");
	else if ((unsigned char)c < 0x20 || c == 0x7f || is_of_grammar(s, i))
		add_hex(out, slice_of(s.p + i, 1));
	else if (strchr("*?[\\", c))
		buf_addf(out, "\\%c", c);
	else
		buf_add_char(out, c);
}

/* One character past ASCII, as it is if it may be shown so. */
static void add_wide(struct buf *out, struct slice c)
{
	cleanup_buf struct buf shown = BUF_INIT(64);

	escape_text(&shown, c);
	if (!shown.failed && slice_eq(buf_slice(&shown), c))
		buf_add_slice(out, c);
	else
		add_hex(out, c);
}

void literal_add(struct buf *out, struct slice s)
{
	size_t i, n;

	for (i = 0; i < s.n; i += n) {
		struct slice rest = slice_of(s.p + i, s.n - i);

		n = 1;
		if ((unsigned char)s.p[i] < 0x80) {
			add_ascii(out, s, i);
			continue;
		}
		n = utf8_next(rest, NULL);
		if (!n)
			n = 1;
		add_wide(out, slice_of(rest.p, n));
	}
}
