/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.ini -> struct conf. The one idea: settings are built aside, from the
 * defaults and then the file, and handed over only when every line and every
 * check across lines passed.
 */
#include "conf/conf.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/fs.h"
#include "base/ini.h"
#include "conf/conf_key.h"

#define KEYS_MAX 128
#define FILE_MAX (1u << 20)

struct loading {
	struct conf conf;
	unsigned lines[KEYS_MAX]; /* where each key of the table was given */
	struct ini_error err;
};

static void set_file(struct conf_error *err, const char *name)
{
	struct buf b = BUF_INIT(FILE_MAX);
	size_t from = 0;

	escape_text(&b, slice_str(name));
	/* The end of a long name says more than its start. */
	if (b.n >= sizeof(err->file))
		from = b.n - (sizeof(err->file) - 1);
	while (from && from < b.n && ((unsigned char)b.p[from] & 0xc0) == 0x80)
		from++;
	if (b.n > from)
		memcpy(err->file, b.p + from, b.n - from);
	err->file[b.n - from] = '\0';
	buf_done(&b);
}

static void fill_error(struct conf_error *err, const char *name,
		       const struct ini_error *from)
{
	set_file(err, name);
	err->line = from->line;
	_Static_assert(sizeof(err->what) >= sizeof(from->what), "fits");
	memcpy(err->what, from->what, sizeof(from->what));
}

int conf_init(struct conf *c)
{
	struct conf fresh = { 0 };
	char what[200];
	size_t i;
	int r;

	for (i = 0; i < conf_keys_n; i++) {
		r = conf_key_set(&conf_keys[i], &fresh, conf_keys[i].fallback,
				 what);
		assert(r != -EINVAL);
		if (r < 0) {
			conf_done(&fresh);
			return r;
		}
	}
	*c = fresh;
	return 0;
}

void conf_done(struct conf *c)
{
	size_t i;

	for (i = 0; i < conf_keys_n; i++)
		conf_key_free(&conf_keys[i], c);
	*c = (struct conf){ 0 };
}

static int take_key(void *arg, unsigned line, const char *section,
		    const char *key, const char *value)
{
	struct loading *l = arg;
	const struct conf_key *k;
	char what[200];
	bool known;
	size_t at;
	int r;

	k = conf_key_find(section, key, &known);
	if (!known)
		return ini_fail(&l->err, line, "unknown section [%.80s]",
				section);
	if (!key)
		return 0;
	if (!k)
		return ini_fail(&l->err, line, "unknown key '%.80s' in [%s]",
				key, section);
	at = (size_t)(k - conf_keys);
	if (l->lines[at])
		return ini_fail(&l->err, line,
				"'%s' in [%s] is given before, in line %u", key,
				section, l->lines[at]);
	l->lines[at] = line;
	r = conf_key_set(k, &l->conf, value, what);
	if (r == -EINVAL)
		return ini_fail(&l->err, line, "'%s' in [%s]: %s", key, section,
				what);
	return r;
}

static int check(struct loading *l)
{
	const struct conf_key *k;
	char what[200];

	if (conf_check(&l->conf, &k, what) == 0)
		return 0;
	return ini_fail(&l->err, l->lines[k - conf_keys], "'%s' in [%s] %s",
			k->name, k->section, what);
}

int conf_load_text(const char *name, struct slice text, struct conf *ret,
		   struct conf_error *err)
{
	struct loading l = { 0 };
	struct ini_error syntax;
	int r;

	assert(conf_keys_n <= KEYS_MAX);
	r = conf_init(&l.conf);
	if (r == 0) {
		r = ini_read(text, take_key, &l, &syntax);
		if (r < 0 && !l.err.what[0])
			l.err = syntax;
	}
	if (r == 0)
		r = check(&l);
	if (r == 0) {
		*ret = l.conf;
		return 0;
	}
	if (!l.err.what[0])
		(void)ini_fail(&l.err, 0, "%s", strerrordesc_np(-r));
	fill_error(err, name, &l.err);
	conf_done(&l.conf);
	return r;
}

int conf_load(const char *path, struct conf *ret, struct conf_error *err)
{
	cleanup_free char *text = NULL;
	struct ini_error failed;
	size_t n;
	int r;

	r = fs_read_file(AT_FDCWD, path, FILE_MAX, &text, &n);
	if (r == -EFBIG)
		(void)ini_fail(&failed, 0, "more than %u bytes", FILE_MAX);
	else if (r < 0)
		(void)ini_fail(&failed, 0, "cannot read the file: %s",
			       strerrordesc_np(-r));
	if (r < 0) {
		fill_error(err, path, &failed);
		return r;
	}
	return conf_load_text(path, slice_of(text, n), ret, err);
}

void conf_print(struct buf *out, const struct conf *c)
{
	const struct conf_key *k;
	size_t start;

	for (k = conf_keys; k < conf_keys + conf_keys_n; k++) {
		if (k == conf_keys)
			buf_addf(out, "[%s]\n", k->section);
		else if (strcmp(k->section, k[-1].section) != 0)
			buf_addf(out, "\n[%s]\n", k->section);
		buf_addf(out, "%s =", k->name);
		start = out->n;
		buf_add_char(out, ' ');
		conf_key_print(k, c, out);
		/* An empty value leaves no blank at the line's end. */
		if (out->n == start + 1 && !out->failed)
			out->n = start;
		buf_add_char(out, '\n');
	}
}
