/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets within a text, whatever the text is: a header, a connection string,
 * a script after -c. The texts that announce one are found in one pass. Each
 * announces a value that ends at the next blank, quote or the like; where the
 * next one is is remembered, because a text of nothing but announcements must
 * not be walked over once for each.
 */
#include "rules/redact_part.h"

#include <string.h>

/* From `from` to `at` none stands; at SIZE_MAX: not looked yet. */
struct next {
	size_t from, at;
};

struct text {
	struct redacting *w;
	size_t from, to; /* in the list */
	struct next end, quotes[3], word;
	struct next until[REDACT_SECTIONS_MAX];
	size_t last_at;		       /* the last '@' of `word`; to: none */
	size_t marked_from, marked_to; /* the last value */
};

static const char quote_chars[] = "\"'`";

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_quote(char c)
{
	return c && strchr(quote_chars, c);
}

static bool ends_value(char c)
{
	return is_blank(c) || (c && strchr("\"'`;,&|)]}<>", c));
}

static bool ends_word(char c)
{
	return is_blank(c) || is_quote(c);
}

/* The first byte from p on that `stops` says yes to, or the text's end. */
static size_t next_stop(struct text *t, struct next *n, size_t p,
			bool (*stops)(char))
{
	if (n->at >= n->from && p >= n->from && p <= n->at)
		return n->at;
	n->from = p;
	while (p < t->to && !stops(t->w->list.p[p]))
		p++;
	n->at = p;
	return p;
}

static size_t next_quote(struct text *t, size_t p, char quote)
{
	struct next *n = &t->quotes[strchr(quote_chars, quote) - quote_chars];
	const char *found;

	if (p >= n->from && p <= n->at)
		return n->at;
	n->from = p;
	found = memchr(t->w->list.p + p, quote, t->to - p);
	n->at = found ? (size_t)(found - t->w->list.p) : t->to;
	return n->at;
}

static size_t next_until(struct text *t, size_t p, unsigned section)
{
	struct slice until = t->w->r->sections[section].until;
	struct next *n = &t->until[section];
	const char *found;

	if (p >= n->from && p <= n->at)
		return n->at;
	n->from = p;
	found = memmem(t->w->list.p + p, t->to - p, until.p, until.n);
	n->at = found ? (size_t)(found - t->w->list.p) : t->to;
	return n->at;
}

static size_t skip_blanks(const struct text *t, size_t p)
{
	while (p < t->to && is_blank(t->w->list.p[p]))
		p++;
	return p;
}

/* A quote, which a shell's text may have a backslash before. */
static bool skip_quote(const struct text *t, size_t *p, char *ret)
{
	const char *s = t->w->list.p;
	size_t at = *p;

	while (at < t->to && s[at] == '\\')
		at++;
	if (at == t->to || !is_quote(s[at]))
		return false;
	*ret = s[at];
	*p = at + 1;
	return true;
}

static void mark(struct text *t, size_t from, size_t to, unsigned section)
{
	if (from >= t->marked_from && to <= t->marked_to)
		return;
	t->marked_from = from;
	t->marked_to = to;
	redact_mark(t->w, from, to, section);
}

static void mark_value(struct text *t, size_t p, unsigned section)
{
	const char *s = t->w->list.p;
	size_t end;
	char quote;

	if (t->w->r->sections[section].until.n) {
		mark(t, p, next_until(t, p, section), section);
		return;
	}
	p = skip_blanks(t, p);
	if (skip_quote(t, &p, &quote)) {
		end = next_quote(t, p, quote);
		while (end < t->to && end > p && s[end - 1] == '\\')
			end--;
	} else {
		end = next_stop(t, &t->end, p, ends_value);
	}
	mark(t, p, end, section);
}

/* p: behind the name. */
static void take_assigned(struct text *t, size_t p, unsigned section)
{
	const char *s = t->w->list.p;
	bool closed;
	char quote;

	closed = skip_quote(t, &p, &quote);
	p = skip_blanks(t, p);
	if (p == t->to)
		return;
	if (s[p] == ':') {
		/* Not of /etc/passwd:/etc/passwd. */
		if (!closed && p + 1 < t->to && !ends_word(s[p + 1]))
			return;
	} else if (s[p] != '=') {
		return;
	}
	mark_value(t, p + 1, section);
}

static bool ends_host(char c)
{
	return ends_word(c) || c == '/' || c == '?' || c == '#';
}

static bool are_digits(const char *s, size_t n)
{
	while (n && *s >= '0' && *s <= '9') {
		n--;
		s++;
	}
	return !n;
}

/* The last '@' in the word that p stands in; t->to: none. */
static size_t last_at(struct text *t, size_t p)
{
	size_t was = t->word.at, end = next_stop(t, &t->word, p, ends_word);
	const char *found;

	if (end != was) {
		found = memrchr(t->w->list.p + p, '@', end - p);
		t->last_at = found ? (size_t)(found - t->w->list.p) : t->to;
	}
	return t->last_at;
}

/*
 * p: behind "://". What has a '/' in the password is no URL, and written all
 * the same: where no port follows the ':' the word's last '@' ends it.
 */
static void take_url(struct text *t, size_t p, unsigned section)
{
	const char *s = t->w->list.p, *colon, *found;
	size_t end = p, at;

	while (end < t->to && !ends_host(s[end]))
		end++;
	colon = memchr(s + p, ':', end - p);
	if (!colon || s[p] == '[')
		return;
	found = memrchr(colon, '@', (size_t)(s + end - colon));
	p = (size_t)(colon + 1 - s);
	if (found) {
		mark(t, p, (size_t)(found - s), section);
		return;
	}
	if (p < end && are_digits(s + p, end - p))
		return;
	at = last_at(t, p);
	if (at < t->to && at > p)
		mark(t, p, at, section);
	else if (t->w->cut && end == t->to && end == t->w->list.n)
		mark(t, p, end, section);
}

static void take_text(void *arg, uint32_t owner, size_t end)
{
	struct text *t = arg;
	const struct redact_value *v = &t->w->r->values[owner];
	size_t p = t->from + end;

	switch ((enum redact_form)v->form) {
	case REDACT_ASSIGNED:
		take_assigned(t, p, v->section);
		break;
	case REDACT_AFTER:
		mark_value(t, p, v->section);
		break;
	case REDACT_URL:
		take_url(t, p, v->section);
		break;
	case REDACT_OPTION:
	case REDACT_PREFIX:
	case REDACT_PROGRAM:
	case REDACT_ENV:
	case REDACT_FORM_COUNT:
		break;
	}
}

void redact_text(struct redacting *w, size_t from, size_t to)
{
	struct next none = { .from = SIZE_MAX };
	struct text t = { .w = w, .from = from, .to = to };
	size_t i;

	if (!w->r->texts)
		return;
	t.end = t.word = none;
	for (i = 0; i < 3; i++)
		t.quotes[i] = none;
	for (i = 0; i < w->r->n_sections; i++)
		t.until[i] = none;
	literals_find(w->r->texts, slice_of(w->list.p + from, to - from),
		      take_text, &t);
}
