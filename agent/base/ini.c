/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict INI. The one idea: every line is read by our own grammar first, inih
 * gets one whole line at a time and only lines on which the two cannot
 * differ, and what inih hands back is compared with what we read, so that a
 * value is never cut, joined or commented away unseen.
 *
 * inih tells how much room its line buffer has (200 bytes as most
 * distributions build it). A longer line is handed on from our own reading;
 * so is the section, for which inih keeps 50 bytes only.
 */
#include "base/ini.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/text.h"

struct parser {
	struct slice rest;
	unsigned line;
	ini_fn fn;
	void *arg;
	struct ini_error *err;
	int result;	/* < 0: stop */
	bool expecting; /* inih has been fed a key and has not called yet */
	bool has_section;
	struct slice fed_key, fed_value;
	/* Zero-terminated copies for the handler. */
	char section[INI_LINE_MAX + 1];
	char key[INI_LINE_MAX + 1];
	char value[INI_LINE_MAX + 1];
};

static void put_error(struct ini_error *err, unsigned line, const char *raw)
{
	struct buf b = BUF_INIT(4 * INI_LINE_MAX);
	size_t n;

	escape_text(&b, slice_str(raw));
	err->line = line;
	n = b.failed ? 0 : b.n;
	if (n >= sizeof(err->what)) {
		/* Escaped text is UTF-8: cut before a character, not in it. */
		n = sizeof(err->what) - 1;
		while (n && ((unsigned char)b.p[n] & 0xc0) == 0x80)
			n--;
	}
	if (n)
		memcpy(err->what, b.p, n);
	err->what[n] = '\0';
	buf_done(&b);
}

int ini_fail(struct ini_error *err, unsigned line, const char *fmt, ...)
{
	char raw[sizeof(err->what)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	put_error(err, line, raw);
	return -EINVAL;
}

#define fail(p, ...) ((p)->result = ini_fail((p)->err, (p)->line, __VA_ARGS__))

/* What isspace(3) takes as blank: inih drops these at the ends of things. */
static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_';
}

static void copy(char *to, struct slice s)
{
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
}

/* The next physical line without its end. */
static struct slice take_line(struct parser *p)
{
	const char *end = memchr(p->rest.p, '\n', p->rest.n);
	size_t n = end ? (size_t)(end - p->rest.p) : p->rest.n;
	struct slice line = slice_of(p->rest.p, n);

	if (end)
		n++;
	p->rest = slice_of(p->rest.p + n, p->rest.n - n);
	p->line++;
	return line;
}

/* What no line may hold, comments included. */
static int check_bytes(struct parser *p, struct slice line)
{
	if (line.n > INI_LINE_MAX)
		return fail(p, "line of %zu bytes, at most %d are allowed",
			    line.n, INI_LINE_MAX);
	if (line.n && memchr(line.p, '\0', line.n))
		return fail(p, "zero byte in the line");
	if (p->line == 1 && slice_starts(line, slice_str("\xef\xbb\xbf")))
		return fail(p, "byte order mark before the text");
	return 0;
}

static bool is_skipped(struct slice line)
{
	return !text_trim(line).n || line.p[0] == '#' || line.p[0] == ';';
}

static int check_ends(struct parser *p, struct slice line)
{
	if (line.p[line.n - 1] == '\r')
		return fail(p, "carriage return at the end of the line");
	if (is_space(line.p[0]))
		return fail(p, "blank at the start of the line");
	return 0;
}

static int read_section(struct parser *p, struct slice line)
{
	const char *close = memchr(line.p, ']', line.n);
	struct slice name;
	size_t i;

	if (!close)
		return fail(p, "section without ']'");
	if (text_trim(
		    slice_of(close + 1, (size_t)(line.p + line.n - close) - 1))
		    .n)
		return fail(p, "text after ']'");
	name = text_trim(slice_of(line.p + 1, (size_t)(close - line.p) - 1));
	if (!name.n)
		return fail(p, "section without a name");
	for (i = 0; i < name.n; i++) {
		if (name.p[i] == '[' || name.p[i] == ';' ||
		    (is_space(name.p[i]) && name.p[i] != ' '))
			return fail(p, "'[', ';' or a control character in "
				       "the section's name");
	}
	copy(p->section, name);
	p->has_section = true;
	p->result = p->fn(p->arg, p->line, p->section, NULL, NULL);
	return p->result;
}

static int check_value(struct parser *p, struct slice value)
{
	ptrdiff_t i;

	if (!value.n)
		return 0;
	if (is_space(value.p[0]) || is_space(value.p[value.n - 1]))
		return fail(p, "control character at an end of the value");
	for (i = 0; i < (ptrdiff_t)value.n; i++) {
		if (value.p[i] != ';')
			continue;
		/* Before the value's first byte stands '=' or a blank. */
		if (is_space(value.p[i - 1]))
			return fail(p, "';' after a blank: comments stand on "
				       "lines of their own");
	}
	return 0;
}

static int read_key(struct parser *p, struct slice line)
{
	const char *equals = memchr(line.p, '=', line.n);
	struct slice key, value;
	size_t i;

	if (!equals)
		return fail(p, "neither a section nor 'key = value'");
	key = text_trim(slice_of(line.p, (size_t)(equals - line.p)));
	value = text_trim(
		slice_of(equals + 1, (size_t)(line.p + line.n - equals) - 1));
	if (!key.n)
		return fail(p, "no key before '='");
	for (i = 0; i < key.n; i++) {
		if (!is_key_char(key.p[i]))
			return fail(p,
				    "key '%.*s' has a character other than "
				    "a-z, 0-9, '-' and '_'",
				    (int)key.n, key.p);
	}
	if (!p->has_section)
		return fail(p, "key '%.*s' before the first section",
			    (int)key.n, key.p);
	if (check_value(p, value) < 0)
		return p->result;
	p->fed_key = key;
	p->fed_value = value;
	copy(p->key, key);
	copy(p->value, value);
	return 0;
}

static void hand_on(struct parser *p)
{
	p->result = p->fn(p->arg, p->line, p->section, p->key, p->value);
}

/*
 * Room in inih's buffer of `room` bytes: the line, its end, the zero, and one
 * to spare, because a line that fills the buffer looks cut to inih.
 */
static bool fits(struct slice line, int room)
{
	return room > 3 && line.n <= (size_t)room - 3;
}

/* inih asks for a line: skip to the next that it is to see, or end. */
static char *next_line(char *to, int room, void *stream)
{
	struct parser *p = stream;
	struct slice line;

	if (p->result == 0 && p->expecting)
		(void)fail(p, "inih took no value from this line");
	while (p->result == 0 && p->rest.n) {
		line = take_line(p);
		if (check_bytes(p, line) < 0)
			break;
		if (is_skipped(line))
			continue;
		if (check_ends(p, line) < 0)
			break;
		if (line.p[0] == '[') {
			(void)read_section(p, line);
			continue;
		}
		if (read_key(p, line) < 0)
			break;
		if (!fits(line, room)) {
			hand_on(p);
			continue;
		}
		copy(to, line);
		to[line.n] = '\n';
		to[line.n + 1] = '\0';
		p->expecting = true;
		return to;
	}
	return NULL;
}

/* inih's verdict on the line it was just fed. 1: fine, go on. */
static int take_pair(void *user, const char *section, const char *name,
		     const char *value)
{
	struct parser *p = user;

	(void)section;
	if (p->result < 0)
		return 0;
	if (!p->expecting || !slice_eq(slice_str(name), p->fed_key) ||
	    !slice_eq(slice_str(value), p->fed_value)) {
		(void)fail(p, "inih reads this line in another way");
		return 0;
	}
	p->expecting = false;
	hand_on(p);
	return p->result == 0;
}

int ini_read(struct slice text, ini_fn fn, void *arg, struct ini_error *err)
{
	struct parser *p;
	int r;

	*err = (struct ini_error){ 0 };
	if (text.n > INI_FILE_MAX)
		return ini_fail(err, 0, "%zu bytes, at most %u are allowed",
				text.n, INI_FILE_MAX);
	p = calloc(1, sizeof(*p));
	if (!p) {
		(void)ini_fail(err, 0, "no memory");
		return -ENOMEM;
	}
	p->rest = text;
	p->fn = fn;
	p->arg = arg;
	p->err = err;
	r = ini_parse_stream(next_line, p, take_pair, p);
	if (p->result == 0 && r != 0)
		(void)fail(p, "inih refuses this line");
	r = p->result;
	if (r < 0 && !err->line && !err->what[0])
		err->line = p->line;
	free(p);
	return r;
}
