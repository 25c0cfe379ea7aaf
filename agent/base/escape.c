/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escaping. The one idea: input is cut into characters by a strict UTF-8
 * reader, and a table says of each code point whether it is safe to show; all
 * that is not a safe character goes out in ASCII. So there is no input for
 * which the output has a control character, a direction change or a broken
 * sequence in it.
 */
#include "base/escape.h"

#include <stdint.h>

struct cp_range {
	uint32_t from, to;
};

/* Past ASCII: what moves, hides or reorders text. Sorted. */
static const struct cp_range unsafe[] = {
	{ 0x0080, 0x009f }, /* C1 controls */
	{ 0x061c, 0x061c }, /* arabic letter mark */
	{ 0x200b, 0x200f }, /* zero width, direction marks */
	{ 0x2028, 0x202e }, /* line separators, embeddings, overrides */
	{ 0x2060, 0x2060 }, /* word joiner */
	{ 0x2066, 0x2069 }, /* isolates */
	{ 0xfeff, 0xfeff }, /* byte order mark */
};

/* Past ASCII: what looks like a blank, so that a word needs quotes. */
static const struct cp_range blank[] = {
	{ 0x00a0, 0x00a0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200a },
	{ 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 },
};

#define IN_TABLE(cp, table) \
	in_ranges(cp, table, sizeof(table) / sizeof(table[0]))

static bool in_ranges(uint32_t cp, const struct cp_range *r, size_t n)
{
	size_t i;

	for (i = 0; i < n && cp >= r[i].from; i++) {
		if (cp <= r[i].to)
			return true;
	}
	return false;
}

static bool is_safe(uint32_t cp)
{
	if (cp < 0x80)
		return cp >= 0x20 && cp != 0x7f;
	return !IN_TABLE(cp, unsafe);
}

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t utf8_next(struct slice in, unsigned *ret_cp)
{
	/* The smallest code point that needs 1, 2, 3, 4 bytes. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)in.p;
	uint32_t cp;
	size_t n, i;

	if (!in.n)
		return 0;
	if (p[0] < 0x80) {
		n = 1;
		cp = p[0];
	} else if ((p[0] & 0xe0) == 0xc0) {
		n = 2;
		cp = p[0] & 0x1fu;
	} else if ((p[0] & 0xf0) == 0xe0) {
		n = 3;
		cp = p[0] & 0x0fu;
	} else if ((p[0] & 0xf8) == 0xf0) {
		n = 4;
		cp = p[0] & 0x07u;
	} else {
		return 0;
	}
	if (in.n < n)
		return 0;
	for (i = 1; i < n; i++) {
		if (!is_continuation(p[i]))
			return 0;
		cp = cp << 6 | (p[i] & 0x3fu);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	if (ret_cp)
		*ret_cp = cp;
	return n;
}

bool utf8_valid(struct slice in)
{
	size_t i, n;

	for (i = 0; i < in.n; i += n) {
		n = utf8_next(slice_of(in.p + i, in.n - i), NULL);
		if (!n)
			return false;
	}
	return true;
}

static void add_hex_byte(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	char esc[4] = { '\\', 'x', digits[c >> 4], digits[c & 15] };

	buf_add(out, esc, sizeof(esc));
}

static void add_text_escape(struct buf *out, struct slice bytes)
{
	size_t i;

	if (bytes.n == 1) {
		switch (bytes.p[0]) {
		case '\n':
			buf_add_str(out, "\\n");
			return;
		case '\t':
			buf_add_str(out, "\\t");
			return;
		case '\r':
			buf_add_str(out, "\\r");
			return;
		case '\\':
			buf_add_str(out, "\\\\");
			return;
		case '\'':
			buf_add_str(out, "\\'");
			return;
		}
	}
	for (i = 0; i < bytes.n; i++)
		add_hex_byte(out, (unsigned char)bytes.p[i]);
}

/* quote: a character of ASCII that is escaped too, or 0. */
static void add_text(struct buf *out, struct slice in, char quote)
{
	size_t i, n, from = 0;
	unsigned cp;

	for (i = 0; i < in.n; i += n) {
		n = utf8_next(slice_of(in.p + i, in.n - i), &cp);
		if (n && is_safe(cp) && cp != '\\' &&
		    (!quote || cp != (unsigned char)quote))
			continue;
		buf_add(out, in.p + from, i - from);
		if (!n)
			n = 1;
		add_text_escape(out, slice_of(in.p + i, n));
		from = i + n;
	}
	if (in.n > from)
		buf_add(out, in.p + from, in.n - from);
}

void escape_text(struct buf *out, struct slice in)
{
	add_text(out, in, 0);
}

static bool needs_quotes(struct slice in)
{
	size_t i, n;
	unsigned cp;

	for (i = 0; i < in.n; i += n) {
		n = utf8_next(slice_of(in.p + i, in.n - i), &cp);
		if (!n) {
			n = 1;
			continue;
		}
		if (cp == ' ' || cp == '\t' || cp == '\n' || cp == '\'' ||
		    cp == '"' || (cp >= 0x80 && IN_TABLE(cp, blank)))
			return true;
	}
	return in.n == 0;
}

void escape_word(struct buf *out, struct slice in)
{
	if (!needs_quotes(in)) {
		add_text(out, in, 0);
		return;
	}
	buf_add_char(out, '\'');
	add_text(out, in, '\'');
	buf_add_char(out, '\'');
}

static void add_json_escape(struct buf *out, unsigned cp)
{
	static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const char *at;

	for (at = named; *at; at += 2) {
		if ((unsigned char)at[0] == cp) {
			buf_add_char(out, '\\');
			buf_add_char(out, at[1]);
			return;
		}
	}
	/* Nothing unsafe lies past the basic plane: one unit is enough. */
	buf_addf(out, "\\u%04x", cp);
}

void escape_json(struct buf *out, struct slice in, bool *ret_lossy)
{
	size_t i, n, from = 0;
	bool lossy = false;
	unsigned cp;

	buf_add_char(out, '"');
	for (i = 0; i < in.n; i += n) {
		n = utf8_next(slice_of(in.p + i, in.n - i), &cp);
		if (n && is_safe(cp) && cp != '"' && cp != '\\')
			continue;
		buf_add(out, in.p + from, i - from);
		if (n) {
			add_json_escape(out, cp);
		} else {
			buf_add_str(out, "\xef\xbf\xbd");
			lossy = true;
			n = 1;
		}
		from = i + n;
	}
	if (in.n > from)
		buf_add(out, in.p + from, in.n - from);
	buf_add_char(out, '"');
	if (lossy && ret_lossy)
		*ret_lossy = true;
}

static const char *html_reference(unsigned cp)
{
	switch (cp) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return is_safe(cp) ? NULL : "\xef\xbf\xbd";
	}
}

void escape_html(struct buf *out, struct slice in)
{
	size_t i, n, from = 0;
	const char *instead;
	unsigned cp;

	for (i = 0; i < in.n; i += n) {
		n = utf8_next(slice_of(in.p + i, in.n - i), &cp);
		instead = n ? html_reference(cp) : "\xef\xbf\xbd";
		n = n ? n : 1;
		if (!instead)
			continue;
		buf_add(out, in.p + from, i - from);
		buf_add_str(out, instead);
		from = i + n;
	}
	if (in.n > from)
		buf_add(out, in.p + from, in.n - from);
}
