/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that their place gives away: behind an option, in an option, set to
 * a variable. An argument that is several words is taken as one and then word
 * by word, as a shell would, because that is what `sh -c` gets.
 */
#include "rules/redact_part.h"

#include <string.h>

/* A script in a script in a script. */
#define DEPTH_MAX 4u

#define NO_SECTION UINT32_MAX

/* A run of words that follow each other: an argument list, or a script. */
struct words {
	struct redacting *w;
	uint32_t pending; /* section that the next word is a value of */
};

static struct slice part(const struct redacting *w, size_t from, size_t to)
{
	return slice_of(w->list.p + from, to - from);
}

/* ---- globs -------------------------------------------------------------- */

struct finding {
	struct redacting *w;
	struct slice s;
	uint32_t section;
};

static bool counts(const struct redacting *w, unsigned section)
{
	uint64_t bit = 1ull << section;

	return !(w->r->with_program & bit) || (w->programs & bit);
}

static bool is_named(void *arg, const struct str_entry *e)
{
	struct finding *f = arg;
	unsigned section = f->w->r->values[e->owner].section;

	if (!counts(f->w, section) || !pattern_match(e->pattern, f->s))
		return false;
	f->section = section;
	return true;
}

static uint32_t find(struct redacting *w, enum redact_form form, struct slice s)
{
	struct finding f = { .w = w, .s = s, .section = NO_SECTION };

	if (w->r->globs[form])
		(void)str_index_visit(w->r->globs[form], s, is_named, &f);
	return f.section;
}

static bool is_program(void *arg, const struct str_entry *e)
{
	struct finding *f = arg;

	if (pattern_match(e->pattern, f->s))
		f->w->programs |= 1ull << f->w->r->values[e->owner].section;
	return false;
}

static void note_program(struct redacting *w, struct slice s)
{
	const char *slash = s.n ? memrchr(s.p, '/', s.n) : NULL;
	struct finding f = { .w = w, .s = s };

	if (!w->r->globs[REDACT_PROGRAM])
		return;
	if (slash)
		f.s = slice_of(slash + 1, (size_t)(s.p + s.n - slash - 1));
	(void)str_index_visit(w->r->globs[REDACT_PROGRAM], f.s, is_program, &f);
}

/* ---- one word ----------------------------------------------------------- */

static bool is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

/* Without the quotes that it stands in. */
static void unquote(const struct redacting *w, size_t *from, size_t *to)
{
	const char *s = w->list.p;

	if (*to - *from < 2 || !is_quote(s[*from]) || s[*from] != s[*to - 1])
		return;
	++*from;
	--*to;
}

static void take_variable(struct words *x, size_t from, size_t to)
{
	struct redacting *w = x->w;
	struct slice s = part(w, from, to);
	const char *equals = memchr(s.p, '=', s.n);
	uint32_t section;

	if (!equals)
		return;
	section = find(w, REDACT_ENV, slice_of(s.p, (size_t)(equals - s.p)));
	if (section == NO_SECTION)
		return;
	from += (size_t)(equals - s.p) + 1;
	unquote(w, &from, &to);
	redact_mark(w, from, to, section);
}

static void take_prefixes(struct redacting *w, size_t from, size_t to)
{
	struct slice s = part(w, from, to);
	size_t i;

	for (i = 0; i < w->r->n_values; i++) {
		const struct redact_value *v = &w->r->values[i];

		if (v->form != REDACT_PREFIX || s.n <= v->text.n ||
		    !slice_starts(s, v->text) || !counts(w, v->section))
			continue;
		redact_mark(w, from + v->text.n, to, v->section);
	}
}

static void take_option(struct words *x, size_t from, size_t to)
{
	struct redacting *w = x->w;
	struct slice s = part(w, from, to);
	const char *equals = memchr(s.p, '=', s.n);
	size_t n = equals ? (size_t)(equals - s.p) : s.n;
	uint32_t section = find(w, REDACT_OPTION, slice_of(s.p, n));

	if (section != NO_SECTION && !equals) {
		x->pending = section;
	} else if (section != NO_SECTION) {
		from += n + 1;
		unquote(w, &from, &to);
		redact_mark(w, from, to, section);
	} else if (equals) {
		/* --env=NAME=VALUE */
		take_variable(x, from + n + 1, to);
	}
}

static void take_word(struct words *x, size_t from, size_t to)
{
	if (x->pending != NO_SECTION) {
		redact_mark(x->w, from, to, x->pending);
		x->pending = NO_SECTION;
	}
	if (from == to)
		return;
	note_program(x->w, part(x->w, from, to));
	take_prefixes(x->w, from, to);
	/* Also if it is a value: `--password --token X` hides both. */
	if (x->w->list.p[from] == '-')
		take_option(x, from, to);
	else
		take_variable(x, from, to);
}

/* ---- several words ------------------------------------------------------ */

static bool is_between(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' ||
	       c == '|' || c == '&' || c == '(' || c == ')' || c == '<' ||
	       c == '>';
}

static bool has_words(const struct redacting *w, size_t from, size_t to)
{
	for (; from < to; from++) {
		if (is_between(w->list.p[from]))
			return true;
	}
	return false;
}

/* Of a word that begins at p the end; a quote without a mate is a byte. */
static size_t word_end(const struct redacting *w, size_t p, size_t to,
		       uint8_t *mateless)
{
	const char *s = w->list.p, *mate;

	while (p < to && !is_between(s[p])) {
		uint8_t bit = s[p] == '"' ? 1 : s[p] == '\'' ? 2 : 4;

		if (s[p] == '\\' && p + 1 < to) {
			p += 2;
			continue;
		}
		mate = NULL;
		if (is_quote(s[p]) && !(*mateless & bit)) {
			mate = memchr(s + p + 1, s[p], to - p - 1);
			/* None here is none further on. */
			if (!mate)
				*mateless |= bit;
		}
		p = mate ? (size_t)(mate - s) + 1 : p + 1;
	}
	return p;
}

static void take_script(struct redacting *w, size_t from, size_t to,
			unsigned depth)
{
	struct words x = { .w = w, .pending = NO_SECTION };
	uint8_t mateless = 0;
	size_t end, first, last;

	while (from < to) {
		if (is_between(w->list.p[from])) {
			from++;
			continue;
		}
		end = word_end(w, from, to, &mateless);
		first = from;
		last = end;
		unquote(w, &first, &last);
		take_word(&x, first, last);
		if (first != from && depth < DEPTH_MAX &&
		    has_words(w, first, last))
			take_script(w, first, last, depth + 1);
		from = end;
	}
}

/* ---- the lists ---------------------------------------------------------- */

static size_t string_end(const struct redacting *w, size_t from)
{
	const char *zero = memchr(w->list.p + from, '\0', w->list.n - from);

	return zero ? (size_t)(zero - w->list.p) : w->list.n;
}

void redact_args(struct redacting *w, const struct image *img)
{
	struct words x = { .w = w, .pending = NO_SECTION };
	size_t from, to;

	note_program(w, img->exe.path);
	note_program(w, img->script);
	for (from = 0; from < w->list.n; from = to + 1) {
		to = string_end(w, from);
		take_word(&x, from, to);
		if (has_words(w, from, to))
			take_script(w, from, to, 0);
		redact_text(w, from, to);
	}
}

void redact_env(struct redacting *w)
{
	struct words x = { .w = w, .pending = NO_SECTION };
	const char *equals;
	size_t from, to;

	for (from = 0; from < w->list.n; from = to + 1) {
		to = string_end(w, from);
		take_variable(&x, from, to);
		equals = memchr(w->list.p + from, '=', to - from);
		if (equals)
			take_script(w, (size_t)(equals + 1 - w->list.p), to, 0);
		redact_text(w, from, to);
	}
}
