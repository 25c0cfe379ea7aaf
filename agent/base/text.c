/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict readers of numbers, sizes, durations and words. The one idea: a
 * value is digits and then one of the units of a table, nothing before,
 * between or after; what strtoul forgives is an error here.
 */
#include "base/text.h"
#include "base/hex.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: printing takes the first that divides. */
static const struct unit sizes[] = {
	{ "T", 1ull << 40 }, { "G", 1ull << 30 }, { "M", 1ull << 20 },
	{ "K", 1ull << 10 }, { "", 1 },		  { NULL, 0 },
};

static const struct unit durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
	{ "s", 1000 },	   { "ms", 1 },	     { NULL, 0 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

int text_u64(struct slice s, uint64_t *ret)
{
	bool over = false;
	uint64_t v = 0;
	size_t i;

	if (!s.n)
		return -EINVAL;
	for (i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			over = true;
	}
	if (over)
		return -ERANGE;
	*ret = v;
	return 0;
}

int text_u32(struct slice s, uint32_t *ret)
{
	uint64_t v;
	int r;

	r = text_u64(s, &v);
	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

int text_hex_u64(struct slice s, uint64_t *ret)
{
	bool over = false;
	uint64_t v = 0;
	size_t i;
	int d;

	if (!s.n)
		return -EINVAL;
	for (i = 0; i < s.n; i++) {
		d = hex_digit(s.p[i]);
		if (d < 0)
			return -EINVAL;
		if (v >> 60)
			over = true;
		v = v << 4 | (uint64_t)d;
	}
	if (over)
		return -ERANGE;
	*ret = v;
	return 0;
}

static int read_with_unit(struct slice s, const struct unit *units,
			  uint64_t *ret)
{
	const struct unit *u;
	struct slice tail;
	size_t digits = 0;
	uint64_t v;
	int r;

	while (digits < s.n && is_digit(s.p[digits]))
		digits++;
	tail = slice_of(s.p + digits, s.n - digits);
	for (u = units; u->name; u++) {
		if (slice_eq(tail, slice_str(u->name)))
			break;
	}
	if (!u->name)
		return -EINVAL;
	r = text_u64(slice_of(s.p, digits), &v);
	if (r < 0)
		return r;
	if (__builtin_mul_overflow(v, u->factor, &v))
		return -ERANGE;
	*ret = v;
	return 0;
}

int text_size(struct slice s, uint64_t *ret_bytes)
{
	return read_with_unit(s, sizes, ret_bytes);
}

int text_duration(struct slice s, uint64_t *ret_ms)
{
	return read_with_unit(s, durations, ret_ms);
}

int text_bool(struct slice s, bool *ret)
{
	if (slice_eq(s, slice_str("yes")))
		*ret = true;
	else if (slice_eq(s, slice_str("no")))
		*ret = false;
	else
		return -EINVAL;
	return 0;
}

bool text_word(struct slice *s, struct slice *ret_word)
{
	size_t from = 0, to;

	while (from < s->n && is_blank(s->p[from]))
		from++;
	to = from;
	while (to < s->n && !is_blank(s->p[to]))
		to++;
	if (from == to) {
		*s = slice_of(s->p + s->n, 0);
		return false;
	}
	*ret_word = slice_of(s->p + from, to - from);
	*s = slice_of(s->p + to, s->n - to);
	return true;
}

struct slice text_trim(struct slice s)
{
	while (s.n && is_blank(s.p[0]))
		s = slice_of(s.p + 1, s.n - 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static const char *print_with_unit(uint64_t v, const struct unit *u, char *buf)
{
	while (v % u->factor)
		u++;
	/* 24: text_print_*'s buffers; 20 digits and two letters fit. */
	(void)snprintf(buf, 24, "%" PRIu64 "%s", v / u->factor, u->name);
	return buf;
}

const char *text_print_size(uint64_t bytes, char buf[static 24])
{
	return print_with_unit(bytes, bytes ? sizes : &sizes[4], buf);
}

const char *text_print_duration(uint64_t ms, char buf[static 24])
{
	return print_with_unit(ms, ms ? durations : &durations[3], buf);
}

const char *text_print_about(uint64_t bytes, char buf[static 24])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	while (bytes >= 10 << 10 && i + 1 < sizeof(units) / sizeof(*units)) {
		bytes >>= 10;
		i++;
	}
	(void)snprintf(buf, 24, "%" PRIu64 " %s", bytes, units[i]);
	return buf;
}

static size_t place_of(struct slice word, const char *const *words, size_t n)
{
	size_t i = 0;

	while (i < n && !slice_eq(word, slice_str(words[i])))
		i++;
	return i;
}

int text_choices(struct slice list, const char *const *words, size_t n,
		 unsigned *ret_bits)
{
	unsigned bits = 0;
	bool more;

	do {
		const char *comma = memchr(list.p, ',', list.n);
		size_t len = comma ? (size_t)(comma - list.p) : list.n, place;

		more = comma;
		place = place_of(text_trim(slice_of(list.p, len)), words, n);
		if (place == n)
			return -EINVAL;
		bits |= 1u << place;
		if (more)
			list = slice_of(comma + 1, list.n - len - 1);
	} while (more);
	*ret_bits = bits;
	return 0;
}
