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

#define NAMED "collector "

struct loading {
	struct conf conf;
	/* Where each key of the table was given, and each section begun. */
	unsigned lines[1 + CONF_NAMED_MAX][KEYS_MAX];
	unsigned began[1 + CONF_NAMED_MAX];
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

/* ---- defaults, and their end -------------------------------------------------- */

/* The keys of one collector, or (which 0) all those of plain sections. */
static bool is_among(const struct conf_key *k, size_t which)
{
	return k->each || !which;
}

static int set_defaults(struct conf *c, size_t which)
{
	const struct conf_key *k;
	char what[200];
	int r;

	for (k = conf_keys; k < conf_keys + conf_keys_n; k++) {
		if (!is_among(k, which))
			continue;
		r = conf_key_set(k, conf_key_place(k, c, which), k->fallback,
				 what);
		assert(r != -EINVAL);
		if (r < 0)
			return r;
	}
	return 0;
}

int conf_init(struct conf *c)
{
	struct conf fresh = { 0 };
	int r = set_defaults(&fresh, 0);

	if (r < 0) {
		conf_done(&fresh);
		return r;
	}
	*c = fresh;
	return 0;
}

void conf_done(struct conf *c)
{
	const struct conf_key *k;
	size_t which;

	for (which = 0; which <= c->n_named; which++) {
		for (k = conf_keys; k < conf_keys + conf_keys_n; k++) {
			if (is_among(k, which))
				conf_key_free(k, conf_key_place(k, c, which));
		}
		if (which)
			free(c->named[which - 1].name);
	}
	*c = (struct conf){ 0 };
}

const struct conf_collector *conf_destination(const struct conf *c, size_t i)
{
	if (*c->collector.url && i-- == 0)
		return &c->collector;
	return i < c->n_named ? &c->named[i] : NULL;
}

/* ---- sections ----------------------------------------------------------------- */

/* It becomes a file's name and a label: short, and nothing to escape. */
static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return n && n <= CONF_NAME_MAX && !s[n] && strcmp(s, "default") != 0;
}

static int add_named(struct loading *l, unsigned line, const char *name)
{
	struct conf *c = &l->conf;
	int r;

	if (!is_name(name))
		return ini_fail(&l->err, line,
				"'%.80s' is not a collector's name: at most "
				"%d of a-z, 0-9, '-' and '_', and not "
				"'default', which is the one without",
				name, CONF_NAME_MAX);
	if (c->n_named == CONF_NAMED_MAX)
		return ini_fail(&l->err, line, "more than %d named collectors",
				CONF_NAMED_MAX);
	c->named[c->n_named].name = strdup(name);
	if (!c->named[c->n_named].name)
		return -ENOMEM;
	l->began[++c->n_named] = line;
	r = set_defaults(c, c->n_named);
	return r < 0 ? r : (int)c->n_named;
}

/* "collector NAME": which one it is, made if it is new; 0: another section. */
static int find_named(struct loading *l, unsigned line, const char *section)
{
	const char *name = section + strlen(NAMED);
	size_t i;

	if (strncmp(section, NAMED, strlen(NAMED)) != 0)
		return 0;
	for (i = 0; i < l->conf.n_named; i++) {
		if (!strcmp(l->conf.named[i].name, name))
			return (int)i + 1;
	}
	return add_named(l, line, name);
}

static int take_key(void *arg, unsigned line, const char *section,
		    const char *key, const char *value)
{
	struct loading *l = arg;
	const struct conf_key *k;
	unsigned *given;
	char what[200];
	bool known;
	int which, r;

	which = find_named(l, line, section);
	if (which < 0)
		return which;
	k = conf_key_find(which ? "collector" : section, key, &known);
	if (!known)
		return ini_fail(&l->err, line, "unknown section [%.80s]",
				section);
	if (!key)
		return 0;
	if (!k)
		return ini_fail(&l->err, line, "unknown key '%.80s' in [%s]",
				key, section);
	given = &l->lines[which][k - conf_keys];
	if (*given)
		return ini_fail(&l->err, line,
				"'%s' in [%s] is given before, in line %u", key,
				section, *given);
	*given = line;
	r = conf_key_set(k, conf_key_place(k, &l->conf, (size_t)which), value,
			 what);
	if (r == -EINVAL)
		return ini_fail(&l->err, line, "'%s' in [%s]: %s", key, section,
				what);
	return r;
}

/* ---- the whole ---------------------------------------------------------------- */

/* A named one that does not say where keeps its things beside the first's. */
static int place_state(struct loading *l)
{
	const struct conf_key *k =
		conf_key_find("collector", "state_dir", NULL);
	size_t i;

	for (i = 0; i < l->conf.n_named; i++) {
		struct conf_collector *c = &l->conf.named[i];
		char *dir;

		if (l->lines[i + 1][k - conf_keys])
			continue;
		if (asprintf(&dir, "%s/%s.d", l->conf.collector.state_dir,
			     c->name) < 0)
			return -ENOMEM;
		free(c->state_dir);
		c->state_dir = dir;
	}
	return 0;
}

static int check(struct loading *l)
{
	struct conf_blame b;
	const char *name = "";
	unsigned line;

	if (conf_check(&l->conf, &b) == 0)
		return 0;
	line = l->lines[b.which][b.key - conf_keys];
	if (b.which)
		name = l->conf.named[b.which - 1].name;
	return ini_fail(&l->err, line ? line : l->began[b.which],
			"'%s' in [%s%s%s] %s", b.key->name, b.key->section,
			*name ? " " : "", name, b.what);
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
		r = place_state(&l);
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

static void print_key(const struct conf_key *k, const void *place,
		      struct buf *out)
{
	size_t start;

	buf_addf(out, "%s =", k->name);
	start = out->n;
	buf_add_char(out, ' ');
	conf_key_print(k, place, out);
	/* An empty value leaves no blank at the line's end. */
	if (out->n == start + 1 && !out->failed)
		out->n = start;
	buf_add_char(out, '\n');
}

void conf_print(struct buf *out, const struct conf *c)
{
	/* Printing does not write. */
	struct conf *from = (struct conf *)(uintptr_t)c;
	const struct conf_key *k;
	size_t which;

	for (k = conf_keys; k < conf_keys + conf_keys_n; k++) {
		if (k == conf_keys)
			buf_addf(out, "[%s]\n", k->section);
		else if (strcmp(k->section, k[-1].section) != 0)
			buf_addf(out, "\n[%s]\n", k->section);
		print_key(k, conf_key_place(k, from, 0), out);
	}
	for (which = 1; which <= c->n_named; which++) {
		buf_addf(out, "\n[" NAMED "%s]\n", c->named[which - 1].name);
		for (k = conf_keys; k < conf_keys + conf_keys_n; k++) {
			if (k->each)
				print_key(k, conf_key_place(k, from, which),
					  out);
		}
	}
}
