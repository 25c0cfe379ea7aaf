/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globs. The one idea: most of a pattern is literal, so the literal head and
 * tail are compared as memory, and only what stands between is run as a
 * nondeterministic automaton, all its states at once in a bit set. Nothing
 * is ever tried twice, so no pair of pattern and path is slow.
 */
#include "rules/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

/* Texts of up to so many bytes are parsed without asking for memory. */
#define SHORT 256

/* One bit for each token and one for the end. */
#define STATE_WORDS ((PATTERN_TEXT_MAX + 1 + 63) / 64)

struct parse {
	enum pattern_kind kind;
	struct slice text;
	size_t at;
	uint16_t *tok;
	size_t tok_n;
	uint8_t (*sets)[32];
	size_t set_n;
	const char *why;
};

static int fail(struct parse *p, const char *why)
{
	p->why = why;
	return -EINVAL;
}

static bool escapes_itself(char c, bool in_set)
{
	return c == '\\' || c == '*' || c == '?' || c == '[' ||
	       (in_set && (c == ']' || c == '-'));
}

/* The byte that an escape stands for; p->at is behind the backslash. */
static int take_escape(struct parse *p, bool in_set, unsigned char *ret)
{
	size_t left = p->text.n - p->at;
	const char *s = p->text.p + p->at;
	int hi, lo;

	if (!left)
		return fail(p, "backslash at the end");
	p->at++;
	if (*s == 'n') {
		*ret = '\n';
	} else if (*s == 't') {
		*ret = '\t';
	} else if (escapes_itself(*s, in_set)) {
		*ret = (unsigned char)*s;
	} else if (*s == 'x') {
		hi = left > 2 ? hex_digit(s[1]) : -1;
		lo = left > 2 ? hex_digit(s[2]) : -1;
		if (hi < 0 || lo < 0)
			return fail(p, "'\\x' without two hexadecimal digits");
		if (!hi && !lo)
			return fail(p, "never matches: no string holds a "
				       "zero byte");
		p->at += 2;
		*ret = (unsigned char)(hi << 4 | lo);
	} else {
		return fail(p, "unknown escape: known are \\n \\t \\xNN \\\\ "
			       "\\* \\? \\[");
	}
	return 0;
}

static int take_set_byte(struct parse *p, unsigned char *ret)
{
	if (p->at == p->text.n)
		return fail(p, "'[' without ']'");
	*ret = (unsigned char)p->text.p[p->at++];
	return *ret == '\\' ? take_escape(p, true, ret) : 0;
}

/* p->at is behind the '['. */
static int take_set(struct parse *p)
{
	uint8_t *set = p->sets[p->set_n];
	unsigned char from, to;
	bool inverted = false;
	unsigned c;
	size_t begin;
	int r;

	if (p->at < p->text.n && p->text.p[p->at] == '!') {
		inverted = true;
		p->at++;
	}
	begin = p->at;
	while (p->at == p->text.n || p->text.p[p->at] != ']') {
		r = take_set_byte(p, &from);
		if (r < 0)
			return r;
		to = from;
		if (p->text.n - p->at >= 2 && p->text.p[p->at] == '-' &&
		    p->text.p[p->at + 1] != ']') {
			p->at++;
			r = take_set_byte(p, &to);
			if (r < 0)
				return r;
		}
		if (to < from)
			return fail(p, "range in brackets runs backwards");
		for (c = from; c <= to; c++)
			set[c / 8] |= (uint8_t)(1u << c % 8);
	}
	if (p->at == begin)
		return fail(p, "empty brackets");
	p->at++;
	for (c = 0; inverted && c < 32; c++)
		set[c] = (uint8_t)~set[c];
	if (p->kind == PATTERN_PATH)
		set['/' / 8] &= (uint8_t) ~(1u << '/' % 8);
	p->tok[p->tok_n++] = (uint16_t)(TOK_SET + p->set_n++);
	return 0;
}

static void take_stars(struct parse *p)
{
	size_t begin = p->at, n;
	uint16_t tok, *last = p->tok_n ? &p->tok[p->tok_n - 1] : NULL;

	while (p->at < p->text.n && p->text.p[p->at] == '*')
		p->at++;
	n = p->at - begin;
	tok = n > 1 || p->kind == PATTERN_PLAIN ? TOK_ANY : TOK_STAR;
	if (n == 2 && p->kind == PATTERN_PATH && last &&
	    (*last == '/' || *last == TOK_DIRS) && p->at < p->text.n &&
	    p->text.p[p->at] == '/') {
		/* Its own slash is part of the token: see TOK_DIRS. */
		tok = TOK_DIRS;
		p->at++;
	}
	p->tok[p->tok_n++] = tok;
}

static int take_token(struct parse *p)
{
	unsigned char c = (unsigned char)p->text.p[p->at];
	int r;

	if (c == '*') {
		take_stars(p);
		return 0;
	}
	p->at++;
	switch (c) {
	case '?':
		p->tok[p->tok_n++] =
			p->kind == PATTERN_PLAIN ? TOK_ONE_ANY : TOK_ONE;
		return 0;
	case '[':
		return take_set(p);
	case '\\':
		r = take_escape(p, false, &c);
		if (r < 0)
			return r;
		break;
	case '\0':
		return fail(p, "never matches: no string holds a zero byte");
	}
	p->tok[p->tok_n++] = c;
	return 0;
}

/* `path = /etc/sudoers # ours` would be a name, and match nothing. */
static bool has_comment(struct slice text)
{
	for (size_t i = 1; i < text.n; i++)
		if (text.p[i] == '#' &&
		    (text.p[i - 1] == ' ' || text.p[i - 1] == '\t'))
			return true;
	return false;
}

/* Paths are normal when they get here: what no path can be is a mistake. */
static int check_path(struct parse *p)
{
	const uint16_t *t = p->tok;
	size_t i, n, begin = 1;

	if (!p->tok_n || t[0] != '/')
		return fail(p, "does not begin with '/'");
	if (has_comment(p->text))
		return fail(p, "'#' after a blank: comments stand on lines of "
			       "their own; \\x23 is one in a name");
	if (p->tok_n > 1 &&
	    (t[p->tok_n - 1] == '/' || t[p->tok_n - 1] == TOK_DIRS))
		return fail(p, "never matches: paths do not end in '/'");
	for (i = 1; i <= p->tok_n; i++) {
		if (i < p->tok_n && t[i] != '/' && t[i] != TOK_DIRS)
			continue;
		n = i - begin;
		if (i < p->tok_n && t[i] == '/' && !n)
			return fail(p, "never matches: paths hold no '//'");
		if ((n == 1 && t[begin] == '.') ||
		    (n == 2 && t[begin] == '.' && t[begin + 1] == '.'))
			return fail(p, "never matches: paths hold no '.' or "
				       "'..' component");
		begin = i + 1;
	}
	return 0;
}

static uint8_t shape_of(const struct parse *p, const struct pattern *pat)
{
	if (!pat->mid_n)
		return SHAPE_LITERAL;
	if (pat->mid_n == 1 && pattern_mid(pat)[0] == TOK_ANY && !pat->tail_n &&
	    p->kind == PATTERN_PATH && pat->bytes[pat->head_n - 1] == '/')
		return SHAPE_BELOW;
	return SHAPE_GLOB;
}

/* How the pattern's bytes are divided; ret->bytes is not there yet. */
static size_t lay_out(const struct parse *p, struct pattern *ret)
{
	size_t head = 0, tail = 0, text_n, at;

	while (head < p->tok_n && p->tok[head] <= TOK_LITERAL_MAX)
		head++;
	while (head + tail < p->tok_n &&
	       p->tok[p->tok_n - tail - 1] <= TOK_LITERAL_MAX)
		tail++;
	/* Without wildcard or escape the text is the head: kept once. */
	text_n = head == p->text.n ? 0 : p->text.n;
	ret->head_n = (uint16_t)head;
	ret->tail_n = (uint16_t)tail;
	ret->mid_n = (uint16_t)(p->tok_n - head - tail);
	ret->text_n = (uint16_t)p->text.n;
	ret->text_at = text_n ? (uint16_t)(head + tail) : 0;
	at = head + tail + text_n;
	/* The struct's own bytes are even in number. */
	at += at % 2;
	ret->mid_at = (uint32_t)at;
	at += ret->mid_n * sizeof(uint16_t);
	ret->sets_at = (uint32_t)at;
	return at + p->set_n * sizeof(*p->sets);
}

/* Everything behind the struct, in one piece of memory. */
static struct pattern *build(const struct parse *p)
{
	struct pattern plan = { .kind = (uint8_t)p->kind };
	size_t n = lay_out(p, &plan), i;
	struct pattern *pat = calloc(1, sizeof(*pat) + n);
	uint16_t *toks;

	if (!pat)
		return NULL;
	*pat = plan;
	for (i = 0; i < pat->head_n; i++)
		pat->bytes[i] = (char)p->tok[i];
	for (i = 0; i < pat->tail_n; i++)
		pat->bytes[pat->head_n + i] =
			(char)p->tok[pat->head_n + pat->mid_n + i];
	memcpy(pat->bytes + pat->text_at, p->text.p, p->text.n);
	toks = (uint16_t *)(void *)(pat->bytes + pat->mid_at);
	for (i = 0; i < pat->mid_n; i++)
		toks[i] = p->tok[pat->head_n + i];
	if (p->set_n)
		memcpy(pat->bytes + pat->sets_at, p->sets,
		       p->set_n * sizeof(*p->sets));
	pat->shape = shape_of(p, pat);
	return pat;
}

static size_t count_byte(struct slice s, char c)
{
	size_t i, n = 0;

	for (i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

int pattern_new(enum pattern_kind kind, struct slice text, struct pattern **ret,
		const char **ret_why)
{
	struct parse p = { .kind = kind, .text = text };
	size_t n_sets = count_byte(text, '[');
	uint16_t tok[SHORT];
	struct pattern *pat;
	int r = 0;

	if (!text.n) {
		*ret_why = "empty";
		return -EINVAL;
	}
	if (text.n > PATTERN_TEXT_MAX) {
		*ret_why = "longer than 4096 bytes";
		return -EINVAL;
	}
	p.tok = text.n > SHORT ? calloc(text.n, sizeof(*p.tok)) : tok;
	p.sets = n_sets ? calloc(n_sets, sizeof(*p.sets)) : NULL;
	if (!p.tok || (n_sets && !p.sets))
		r = -ENOMEM;
	while (r == 0 && p.at < p.text.n)
		r = take_token(&p);
	if (r == 0 && kind == PATTERN_PATH)
		r = check_path(&p);
	if (r == 0) {
		pat = build(&p);
		if (pat)
			*ret = pat;
		else
			r = -ENOMEM;
	}
	if (r == -EINVAL)
		*ret_why = p.why;
	if (p.tok != tok)
		free(p.tok);
	free(p.sets);
	return r;
}

size_t pattern_size(const struct pattern *p)
{
	size_t n_sets = 0;

	for (size_t i = 0; i < p->mid_n; i++) {
		size_t tok = pattern_mid(p)[i];

		if (tok >= TOK_SET && tok - TOK_SET >= n_sets)
			n_sets = tok - TOK_SET + 1;
	}
	return sizeof(*p) + p->sets_at + n_sets * 32;
}

void pattern_free(struct pattern *p)
{
	free(p);
}

/* ---- matching ----------------------------------------------------------- */

struct states {
	size_t words;
	uint64_t bits[STATE_WORDS];
};

/* State i is "tokens before i are matched". Some tokens match nothing too. */
static void enter(const struct pattern *p, struct states *s, size_t i)
{
	for (;; i++) {
		s->bits[i / 64] |= 1ull << i % 64;
		if (i == p->mid_n || pattern_mid(p)[i] < TOK_STAR ||
		    pattern_mid(p)[i] >= TOK_SET)
			return;
	}
}

static bool takes(const struct pattern *p, uint16_t tok, unsigned char c)
{
	if (tok <= TOK_LITERAL_MAX)
		return tok == c;
	if (tok == TOK_ONE)
		return c != '/';
	if (tok == TOK_ONE_ANY)
		return true;
	return ((const uint8_t *)
			p->bytes)[p->sets_at + (size_t)(tok - TOK_SET) * 32 +
				  c / 8] >>
		       c % 8 &
	       1;
}

static void step(const struct pattern *p, struct states *next, size_t i,
		 unsigned char c)
{
	uint16_t tok;

	if (i == p->mid_n)
		return;
	tok = pattern_mid(p)[i];
	switch (tok) {
	case TOK_STAR:
		if (c != '/')
			enter(p, next, i);
		return;
	case TOK_ANY:
		enter(p, next, i);
		return;
	case TOK_DIRS:
		/* Within a component: it ends at a slash, or goes on. */
		if (c == '/')
			enter(p, next, i + 1);
		next->bits[i / 64] |= 1ull << i % 64;
		return;
	default:
		if (takes(p, tok, c))
			enter(p, next, i + 1);
		return;
	}
}

static bool run(const struct pattern *p, struct slice s)
{
	struct states now, next;
	size_t i, w;
	uint64_t any, bits;

	now.words = next.words = (p->mid_n + 1u + 63) / 64;
	memset(now.bits, 0, now.words * sizeof(now.bits[0]));
	enter(p, &now, 0);
	for (i = 0; i < s.n; i++) {
		memset(next.bits, 0, next.words * sizeof(next.bits[0]));
		any = 0;
		for (w = 0; w < now.words; w++) {
			for (bits = now.bits[w]; bits; bits &= bits - 1)
				step(p, &next,
				     w * 64 + (size_t)__builtin_ctzll(bits),
				     (unsigned char)s.p[i]);
		}
		for (w = 0; w < now.words; w++)
			any |= now.bits[w] = next.bits[w];
		if (!any)
			return false;
	}
	return now.bits[p->mid_n / 64] >> p->mid_n % 64 & 1;
}

/* run() where all states are bits of one word, as they nearly always are. */
static bool run_few(const struct pattern *p, struct slice s)
{
	struct states next;
	uint64_t now, bits;
	size_t i;

	next.bits[0] = 0;
	enter(p, &next, 0);
	now = next.bits[0];
	for (i = 0; i < s.n && now; i++) {
		next.bits[0] = 0;
		for (bits = now; bits; bits &= bits - 1)
			step(p, &next, (size_t)__builtin_ctzll(bits),
			     (unsigned char)s.p[i]);
		now = next.bits[0];
	}
	return now >> p->mid_n & 1;
}

static bool match_middle(const struct pattern *p, struct slice s)
{
	if (p->mid_n == 1) {
		switch (pattern_mid(p)[0]) {
		case TOK_STAR:
			return !s.n || !memchr(s.p, '/', s.n);
		case TOK_ANY:
			return true;
		case TOK_DIRS:
			return !s.n || s.p[s.n - 1] == '/';
		default:
			return s.n == 1 && takes(p, pattern_mid(p)[0],
						 (unsigned char)s.p[0]);
		}
	}
	return p->mid_n < 64 ? run_few(p, s) : run(p, s);
}

bool pattern_match(const struct pattern *p, struct slice s)
{
	size_t fixed = (size_t)p->head_n + p->tail_n;

	/* Lengths differ more often than not, and are here already. */
	if (s.n < fixed || (p->shape == SHAPE_LITERAL && s.n != fixed))
		return false;
	if (p->head_n && memcmp(s.p, p->bytes, p->head_n))
		return false;
	if (p->shape == SHAPE_LITERAL)
		return true;
	if (p->tail_n &&
	    memcmp(s.p + s.n - p->tail_n, p->bytes + p->head_n, p->tail_n))
		return false;
	return match_middle(p, slice_of(s.p + p->head_n, s.n - fixed));
}
