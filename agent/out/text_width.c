// SPDX-License-Identifier: Apache-2.0
/*
 * How wide text is on a terminal. wcwidth(3) answers for the locale, which a
 * service has not; what matters here is that columns stay columns where names
 * are Chinese, Japanese or Korean: those take two.
 */
#include "out/text_part.h"

#include <stdint.h>

static const struct {
	uint32_t first, last;
} wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },
	{ 0xa960, 0xa97c },   { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f },   { 0xff01, 0xff60 },   { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff },
	{ 0x20000, 0x3fffd },
};

static bool is_wide(uint32_t c)
{
	for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++)
		if (c >= wide[i].first && c <= wide[i].last)
			return true;
	return false;
}

/* Bytes of the next character, or of a sequence that colours; n > 0. */
static size_t step(struct slice s, size_t *ret_columns)
{
	uint8_t lead = (uint8_t)s.p[0];
	uint32_t c;
	size_t n = 1;

	if (lead == 033) {
		while (n < s.n && s.p[n - 1] != 'm')
			n++;
		*ret_columns = 0;
		return n;
	}
	c = lead < 0xc0 ? lead : lead < 0xe0 ? lead & 0x1f : lead & 0x0f;
	while (n < s.n && n < 4 && (s.p[n] & 0xc0) == 0x80)
		c = c << 6 | (uint8_t)(s.p[n++] & 0x3f);
	/* Combining marks go over what is before them. */
	*ret_columns = c >= 0x300 && c <= 0x36f ? 0 : is_wide(c) ? 2 : 1;
	return n;
}

size_t text_columns(struct slice s)
{
	size_t all = 0, one;

	for (size_t i = 0; i < s.n; all += one)
		i += step(slice_of(s.p + i, s.n - i), &one);
	return all;
}

size_t text_head(struct slice s, size_t max)
{
	size_t i = 0, all = 0, one;

	while (i < s.n) {
		size_t n = step(slice_of(s.p + i, s.n - i), &one);

		all += one;
		if (all > max)
			break;
		i += n;
	}
	return i;
}

/* What escape_text made of one byte, "\\n" or "\\x1b", is one. */
static size_t step_escaped(struct slice s, size_t *ret_columns)
{
	size_t n = s.n > 1 && s.p[1] == 'x' ? 4 : 2;

	if (s.p[0] != '\\' || n > s.n)
		return step(s, ret_columns);
	*ret_columns = n;
	return n;
}

size_t text_tail(struct slice s, size_t max)
{
	size_t i = 0, left = text_columns(s), one;

	while (i < s.n && left > max) {
		i += step_escaped(slice_of(s.p + i, s.n - i), &one);
		left -= one;
	}
	return i;
}
