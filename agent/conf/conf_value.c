/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of keys by type. The one idea: a type is a row of functions (read,
 * print, free), and printing gives exactly what reading takes, so that a
 * printed configuration is a configuration.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/conf_key.h"

#define WHAT_MAX 200

struct type {
	const char *name;
	int (*set)(const struct conf_key *k, void *at, const char *value,
		   char *what);
	void (*print)(const struct conf_key *k, const void *at,
		      struct buf *out);
	void (*release)(void *at);
};

static int fail(char *what, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, WHAT_MAX, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ---- sizes, durations, numbers --------------------------------------------- */

static const char *number_form(const struct conf_key *k, uint64_t v,
			       char buf[static 24])
{
	if (k->type == CONF_SIZE)
		return text_print_size(v, buf);
	if (k->type == CONF_DURATION)
		return text_print_duration(v, buf);
	(void)snprintf(buf, 24, "%" PRIu64, v);
	return buf;
}

static int set_number(const struct conf_key *k, void *at, const char *value,
		      char *what)
{
	static const struct {
		int (*read)(struct slice s, uint64_t *ret);
		const char *what;
	} forms[] = {
		[CONF_SIZE] = { text_size, "a size such as 64K, 16M or 2G" },
		[CONF_DURATION] = { text_duration,
				    "a duration such as 250ms, 30s, 5m or 7d" },
		[CONF_NUMBER] = { text_u64, "a whole number" },
	};
	char low[24], high[24];
	uint64_t v = 0;
	int r;

	r = forms[k->type].read(slice_str(value), &v);
	if (r == -EINVAL)
		return fail(what, "'%.80s' is not %s", value,
			    forms[k->type].what);
	if (r < 0 || v < k->min || v > k->max)
		return fail(what, "'%.80s' is not within %s to %s", value,
			    number_form(k, k->min, low),
			    number_form(k, k->max, high));
	*(uint64_t *)at = v;
	return 0;
}

static void print_number(const struct conf_key *k, const void *at,
			 struct buf *out)
{
	char text[24];

	buf_add_str(out, number_form(k, *(const uint64_t *)at, text));
}

/* ---- yes and no, choices --------------------------------------------------- */

static int set_bool(const struct conf_key *k, void *at, const char *value,
		    char *what)
{
	(void)k;
	if (text_bool(slice_str(value), at) < 0)
		return fail(what, "'%.80s' is not yes or no", value);
	return 0;
}

static void print_bool(const struct conf_key *k, const void *at,
		       struct buf *out)
{
	(void)k;
	buf_add_str(out, *(const bool *)at ? "yes" : "no");
}

static void add_choices(struct buf *out, const char *const *choices)
{
	const char *const *c;

	for (c = choices; *c; c++) {
		if (c > choices)
			buf_add_str(out, c[1] ? ", " : " or ");
		buf_add_str(out, *c);
	}
}

static int find_choice(const struct conf_key *k, const char *value, char *what)
{
	cleanup_buf struct buf all = BUF_INIT(WHAT_MAX);
	int i;

	for (i = 0; k->choices[i]; i++) {
		if (strcmp(k->choices[i], value) == 0)
			return i;
	}
	add_choices(&all, k->choices);
	return fail(what, "'%.80s' is not %.*s", value, (int)all.n, all.p);
}

static int set_enum(const struct conf_key *k, void *at, const char *value,
		    char *what)
{
	int i = find_choice(k, value, what);

	if (i < 0)
		return i;
	*(int *)at = i;
	return 0;
}

static void print_enum(const struct conf_key *k, const void *at,
		       struct buf *out)
{
	buf_add_str(out, k->choices[*(const int *)at]);
}

/* ---- texts ----------------------------------------------------------------- */

static int set_text(const struct conf_key *k, void *at, const char *value,
		    char *what)
{
	char *copy;

	(void)k;
	(void)what;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*(char **)at);
	*(char **)at = copy;
	return 0;
}

static int set_name(const struct conf_key *k, void *at, const char *value,
		    char *what)
{
	int i = find_choice(k, value, what);

	return i < 0 ? i : set_text(k, at, value, what);
}

static int set_path(const struct conf_key *k, void *at, const char *value,
		    char *what)
{
	if (*value && *value != '/')
		return fail(what, "'%.80s' is not an absolute path", value);
	if (strlen(value) >= 4096)
		return fail(what, "longer than a path can be");
	return set_text(k, at, value, what);
}

static void print_text(const struct conf_key *k, const void *at,
		       struct buf *out)
{
	(void)k;
	buf_add_str(out, *(char *const *)at);
}

static void release_text(void *at)
{
	free(*(char **)at);
	*(char **)at = NULL;
}

/* ---- words ----------------------------------------------------------------- */

static void release_words(void *at)
{
	struct conf_words *w = at;
	size_t i;

	for (i = 0; w->words[i]; i++)
		free(w->words[i]);
	*w = (struct conf_words){ 0 };
}

static int read_words(struct conf_words *w, const char *value, char *what)
{
	struct slice rest = slice_str(value), word;
	size_t n = 0, i;

	while (text_word(&rest, &word)) {
		if (n == CONF_WORDS_MAX)
			return fail(what, "more than %d words", CONF_WORDS_MAX);
		for (i = 0; i < n; i++) {
			if (slice_eq(slice_str(w->words[i]), word))
				return fail(what, "'%.*s' is given twice",
					    word.n > 80 ? 80 : (int)word.n,
					    word.p);
		}
		w->words[n] = strndup(word.p, word.n);
		if (!w->words[n++])
			return -ENOMEM;
	}
	return 0;
}

static int check_words(const struct conf_key *k, const struct conf_words *w,
		       char *what)
{
	size_t i;

	for (i = 0; k->choices && w->words[i]; i++) {
		if (find_choice(k, w->words[i], what) < 0)
			return -EINVAL;
	}
	return 0;
}

static int set_words(const struct conf_key *k, void *at, const char *value,
		     char *what)
{
	struct conf_words w = { 0 };
	int r;

	r = read_words(&w, value, what);
	if (r >= 0)
		r = check_words(k, &w, what);
	if (r < 0) {
		release_words(&w);
		return r;
	}
	release_words(at);
	*(struct conf_words *)at = w;
	return 0;
}

static void print_words(const struct conf_key *k, const void *at,
			struct buf *out)
{
	const struct conf_words *w = at;
	size_t i;

	(void)k;
	for (i = 0; w->words[i]; i++) {
		if (i)
			buf_add_char(out, ' ');
		buf_add_str(out, w->words[i]);
	}
}

/* ---- the types -------------------------------------------------------------- */

static const struct type types[] = {
	[CONF_SIZE] = { "size", set_number, print_number, NULL },
	[CONF_DURATION] = { "duration", set_number, print_number, NULL },
	[CONF_NUMBER] = { "number", set_number, print_number, NULL },
	[CONF_BOOL] = { "yes or no", set_bool, print_bool, NULL },
	[CONF_NAME] = { "one of", set_name, print_text, release_text },
	[CONF_ENUM] = { "one of", set_enum, print_enum, NULL },
	[CONF_PATH] = { "path", set_path, print_text, release_text },
	[CONF_TEXT] = { "text", set_text, print_text, release_text },
	[CONF_WORDS] = { "words", set_words, print_words, release_words },
};

_Static_assert(sizeof(types) / sizeof(types[0]) == CONF_TYPE_COUNT,
	       "each type has its functions");

int conf_key_set(const struct conf_key *k, void *place, const char *value,
		 char what[static 200])
{
	if (!*value && !k->may_be_empty)
		return fail(what, "the value is empty");
	return types[k->type].set(k, place, value, what);
}

void conf_key_print(const struct conf_key *k, const void *place,
		    struct buf *out)
{
	types[k->type].print(k, place, out);
}

void conf_key_free(const struct conf_key *k, void *place)
{
	if (types[k->type].release)
		types[k->type].release(place);
}

void conf_key_describe(const struct conf_key *k, struct buf *out)
{
	char low[24], high[24];

	buf_add_str(out, types[k->type].name);
	if (k->choices) {
		buf_add_char(out, ' ');
		add_choices(out, k->choices);
	}
	if (k->max)
		buf_addf(out, ", %s to %s", number_form(k, k->min, low),
			 number_form(k, k->max, high));
	if (k->rule)
		buf_addf(out, ", %s", k->rule);
	buf_addf(out, "; default%s%s", *k->fallback ? " " : " empty",
		 k->type == CONF_WORDS && *k->fallback ? "as here"
						       : k->fallback);
}
