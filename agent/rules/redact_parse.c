/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [redact NAME] sections of policy files. One table says which keys there
 * are, and how their values are read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "rules/parse.h"
#include "rules/redact_part.h"
#include "rules/strings.h"

#define REDACT_VALUES_MAX 4096u
#define LITERAL_MAX	  200u

struct redact_line {
	struct builder *b;
	struct redact_section *section;
	unsigned line;
	const char *key, *value;
	uint8_t form;
};

static int refuse(const struct redact_line *l, const char *why)
{
	return ini_fail(l->b->err, l->line, "%s '%s': %s", l->key, l->value,
			why);
}

static int add_value(const struct redact_line *l, struct redact_value v)
{
	struct vec *values = &l->b->redact_values;
	struct redact_value *to;

	if (values->n == REDACT_VALUES_MAX)
		return ini_fail(l->b->err, l->line,
				"more than %u values in [redact] sections",
				REDACT_VALUES_MAX);
	to = vec_add(values, sizeof(*to));
	if (!to)
		return -ENOMEM;
	v.section = (uint8_t)(l->b->redact_sections.n - 1);
	v.form = l->form;
	*to = v;
	l->section->forms |= (uint16_t)(1u << l->form);
	return 0;
}

/* ---- values ------------------------------------------------------------- */

static int take_glob(const struct redact_line *l)
{
	struct redact_value v = { 0 };
	const char *why = "";
	int r;

	if (l->form == REDACT_OPTION && l->value[0] != '-')
		return refuse(l, "an option begins with '-'");
	if (l->form != REDACT_PROGRAM && strchr(l->value, '='))
		return refuse(l, "a name has no '='");
	if (l->form == REDACT_PROGRAM && strchr(l->value, '/'))
		return refuse(l, "a program's base name has no '/'");
	r = pattern_new(PATTERN_PLAIN, slice_str(l->value), &v.pattern, &why);
	if (r == -EINVAL)
		return refuse(l, why);
	if (r < 0)
		return r;
	r = add_value(l, v);
	if (r < 0)
		pattern_free(v.pattern);
	return r;
}

/* One byte of a literal; how much of s it is, 0: no such escape. */
static size_t read_byte(const char *s, char *ret)
{
	int hi, lo;

	*ret = s[0];
	if (s[0] != '\\')
		return 1;
	*ret = s[1];
	if (s[1] == '\\')
		return 2;
	if (s[1] == 'n' || s[1] == 't') {
		*ret = s[1] == 'n' ? '\n' : '\t';
		return 2;
	}
	if (s[1] != 'x' || (hi = hex_digit(s[2])) < 0 ||
	    (lo = hex_digit(s[3])) < 0)
		return 0;
	*ret = (char)(hi << 4 | lo);
	return 4;
}

static int read_literal(const struct redact_line *l, struct slice *ret)
{
	char text[LITERAL_MAX];
	const char *s = l->value, *kept;
	size_t n = 0, step;

	while (*s) {
		if (n == sizeof(text))
			return refuse(l, "longer than 200 bytes");
		step = read_byte(s, &text[n]);
		if (!step)
			return refuse(l,
				      "escapes are \\xNN, \\n, \\t and \\\\");
		if (!text[n])
			return refuse(l, "no text holds a zero byte");
		s += step;
		n++;
	}
	kept = strings_add(&l->b->strings, slice_of(text, n));
	if (!kept)
		return -ENOMEM;
	*ret = slice_of(kept, n);
	return 0;
}

static int take_literal(const struct redact_line *l)
{
	struct redact_value v = { 0 };
	int r = read_literal(l, &v.text);

	return r < 0 ? r : add_value(l, v);
}

static int take_until(const struct redact_line *l)
{
	return read_literal(l, &l->section->until);
}

static int take_url_password(const struct redact_line *l)
{
	bool yes;

	if (text_bool(slice_str(l->value), &yes) < 0)
		return refuse(l, "neither yes nor no");
	if (!yes)
		return 0;
	return add_value(l, (struct redact_value){ .text = slice_str("://") });
}

/* For people: who reads the file sees it there. */
static int take_note(const struct redact_line *l)
{
	(void)l;
	return 0;
}

static const struct redact_key_row {
	const char *key;
	int (*take)(const struct redact_line *l);
	enum redact_form form;
	bool once;
} rows[] = {
	{ "option", take_glob, REDACT_OPTION, false },
	{ "prefix", take_literal, REDACT_PREFIX, false },
	{ "program", take_glob, REDACT_PROGRAM, false },
	{ "env", take_glob, REDACT_ENV, false },
	{ "assigned", take_literal, REDACT_ASSIGNED, false },
	{ "after", take_literal, REDACT_AFTER, false },
	{ "until", take_until, REDACT_FORM_COUNT, true },
	{ "url-password", take_url_password, REDACT_URL, true },
	{ "owner", take_note, REDACT_FORM_COUNT, true },
	{ "ticket", take_note, REDACT_FORM_COUNT, true },
	{ "reason", take_note, REDACT_FORM_COUNT, true },
};

int redact_take(struct builder *b, unsigned line, const char *key,
		const char *value)
{
	struct redact_section *sections = b->redact_sections.p;
	struct redact_line l = {
		.b = b,
		.section = &sections[b->redact_sections.n - 1],
		.line = line,
		.key = key,
		.value = value,
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].key, key))
			continue;
		if (rows[i].once && (l.section->given & 1u << i))
			return ini_fail(b->err, line, "'%s' is given twice",
					key);
		l.section->given |= (uint16_t)(1u << i);
		l.form = (uint8_t)rows[i].form;
		return rows[i].take(&l);
	}
	return ini_fail(b->err, line, "unknown key '%s' in a [redact] section",
			key);
}

/* ---- sections ----------------------------------------------------------- */

int redact_begin(struct builder *b, unsigned line, const char *name)
{
	struct redact_section *sections = b->redact_sections.p, *to;
	char **files = b->files.p;
	size_t i;

	if (strlen(name) > REDACT_NAME_MAX)
		return ini_fail(b->err, line,
				"the name of a [redact] section has at most %u "
				"letters",
				REDACT_NAME_MAX);
	for (i = 0; i < b->redact_sections.n; i++) {
		if (!strcmp(sections[i].name, name))
			return ini_fail(b->err, line,
					"[redact %s] is also at %s:%u", name,
					files[sections[i].file],
					sections[i].line);
	}
	if (b->redact_sections.n == REDACT_SECTIONS_MAX)
		return ini_fail(b->err, line, "more than %u [redact] sections",
				REDACT_SECTIONS_MAX);
	to = vec_add(&b->redact_sections, sizeof(*to));
	if (!to)
		return -ENOMEM;
	*to = (struct redact_section){
		.name = strings_add(&b->strings, slice_str(name)),
		.file = (uint32_t)b->files.n - 1,
		.line = line,
	};
	if (!to->name) {
		b->redact_sections.n--;
		return -ENOMEM;
	}
	return 0;
}

int redact_finish(struct builder *b)
{
	const struct redact_section *sections = b->redact_sections.p;
	const struct redact_section *s = &sections[b->redact_sections.n - 1];
	const uint16_t words = 1u << REDACT_OPTION | 1u << REDACT_PREFIX;
	const uint16_t texts = 1u << REDACT_ASSIGNED | 1u << REDACT_AFTER;

	if (!(s->forms & ~(1u << REDACT_PROGRAM)))
		return ini_fail(b->err, s->line,
				"section says of nothing that it is secret");
	if ((s->forms & 1u << REDACT_PROGRAM) && !(s->forms & words))
		return ini_fail(b->err, s->line,
				"'program' goes with 'option' and 'prefix', "
				"and there is neither");
	if (s->until.n && !(s->forms & texts))
		return ini_fail(b->err, s->line,
				"'until' goes with 'after' and 'assigned', "
				"and there is neither");
	return 0;
}

void redact_values_done(struct vec *values)
{
	struct redact_value *v = values->p;
	size_t i;

	for (i = 0; i < values->n; i++)
		pattern_free(v[i].pattern);
	vec_done(values);
}

/* ---- building ----------------------------------------------------------- */

static bool is_glob(const struct redact_value *v)
{
	return v->pattern;
}

static int index_globs(struct redactor *r, enum redact_form form)
{
	struct str_entry *list = calloc(r->n_values + 1, sizeof(*list));
	size_t i, n = 0;
	int k = 0;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < r->n_values; i++) {
		if (r->values[i].form == form && is_glob(&r->values[i]))
			list[n++] = (struct str_entry){
				.pattern = r->values[i].pattern,
				.owner = (uint32_t)i,
			};
	}
	if (n)
		k = str_index_new(PATTERN_PLAIN, list, n, &r->globs[form]);
	free(list);
	return k;
}

static int index_texts(struct redactor *r)
{
	struct literal *list = calloc(r->n_values + 1, sizeof(*list));
	size_t i, n = 0;
	int k = 0;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < r->n_values; i++) {
		const struct redact_value *v = &r->values[i];

		if (v->form == REDACT_ASSIGNED || v->form == REDACT_AFTER ||
		    v->form == REDACT_URL)
			list[n++] = (struct literal){ .text = v->text,
						      .owner = (uint32_t)i };
	}
	if (n)
		k = literals_new(list, n, &r->texts);
	free(list);
	return k;
}

void redactor_free(struct redactor *r)
{
	size_t i;

	if (!r)
		return;
	for (i = 0; i < REDACT_FORM_COUNT; i++)
		str_index_free(r->globs[i]);
	literals_free(r->texts);
	redact_clean_free(r->clean);
	for (i = 0; i < r->n_values; i++)
		pattern_free(r->values[i].pattern);
	free(r->values);
	free(r->sections);
	free(r);
}

int redact_build(struct builder *b, struct redactor **ret)
{
	struct redactor *r;
	size_t i;
	int k = 0;

	if (!b->redact_sections.n)
		return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->clean = redact_clean_new();
	r->n_sections = b->redact_sections.n;
	r->n_values = b->redact_values.n;
	r->sections =
		vec_steal(&b->redact_sections, sizeof(struct redact_section));
	r->values = vec_steal(&b->redact_values, sizeof(struct redact_value));
	for (i = 0; i < r->n_sections; i++) {
		if (r->sections[i].forms & 1u << REDACT_PROGRAM)
			r->with_program |= 1ull << i;
	}
	for (i = 0; k == 0 && i < REDACT_FORM_COUNT; i++)
		k = index_globs(r, (enum redact_form)i);
	if (k == 0)
		k = index_texts(r);
	if (k < 0)
		redactor_free(r);
	else
		*ret = r;
	return k;
}
