/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files -> a rule set. The one idea: all files are read and checked before
 * anything is built (set.c), so a set is either whole or not there.
 */
#include "rules/load_part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/fs.h"

/* ---- errors ------------------------------------------------------------- */

static void put_text(char *to, size_t size, struct slice s)
{
	struct buf b = BUF_INIT(1u << 20);
	size_t n;

	escape_text(&b, s);
	n = b.failed ? 0 : b.n;
	/* Escaped text is UTF-8: cut before a character, not in it. */
	if (n >= size) {
		n = size - 1;
		while (n && ((unsigned char)b.p[n] & 0xc0) == 0x80)
			n--;
	}
	if (n)
		memcpy(to, b.p, n);
	to[n] = '\0';
	buf_done(&b);
}

void load_error(struct rule_error *err, const char *file, unsigned line,
		const char *what)
{
	put_text(err->file, sizeof(err->file), slice_str(file));
	err->line = line;
	(void)snprintf(err->what, sizeof(err->what), "%s", what);
}

/* r, with what it means in *err: for the file as a whole. */
static int fail_file(struct loading *l, const char *file, int r)
{
	load_error(l->err, file, 0,
		   r == -EFBIG ? "file is too large" : strerror(-r));
	return r;
}

/* ---- reading ------------------------------------------------------------ */

static int hash_part(struct loading *l, struct slice s)
{
	uint8_t n[8];
	unsigned i;

	for (i = 0; i < 8; i++)
		n[i] = (uint8_t)((uint64_t)s.n >> (8 * i));
	if (EVP_DigestUpdate(l->hash, n, sizeof(n)) != 1 ||
	    EVP_DigestUpdate(l->hash, s.p, s.n) != 1)
		return -ENOMEM;
	return 0;
}

/* The text with a line put in behind line n of it. */
static char *insert_line(struct slice text, unsigned n, const char *line,
			 size_t *ret_n)
{
	size_t at = 0, len = strlen(line);
	char *out = malloc(text.n + len + 2);

	if (!out)
		return NULL;
	for (; n && at < text.n; at++)
		n -= text.p[at] == '\n';
	memcpy(out, text.p, at);
	memcpy(out + at, line, len);
	out[at + len] = '\n';
	memcpy(out + at + len + 1, text.p + at, text.n - at);
	*ret_n = text.n + len + 1;
	return out;
}

static int read_text(struct loading *l, const char *file, struct slice text);

static int read_edited(struct loading *l, const char *file, struct slice text)
{
	const struct rule_edit *edit = l->edit;
	size_t n;
	cleanup_free char *edited =
		insert_line(text, edit->line, edit->text, &n);
	int r;

	if (!edited)
		return fail_file(l, file, -ENOMEM);
	l->edit = NULL;
	r = read_text(l, file, slice_of(edited, n));
	l->edit = edit;
	return r;
}

/* file: as errors name it; its last component goes into the hash. */
static int read_text(struct loading *l, const char *file, struct slice text)
{
	const char *slash = strrchr(file, '/');
	struct ini_error ini = { 0 };
	char **to;
	int r;

	if (l->edit && l->edit->file && !strcmp(l->edit->file, file))
		return read_edited(l, file, text);
	r = hash_part(l, slice_str(slash ? slash + 1 : file));
	if (r == 0)
		r = hash_part(l, text);
	if (r < 0)
		return fail_file(l, file, r);
	to = vec_add(&l->b.files, sizeof(*to));
	if (!to)
		return fail_file(l, file, -ENOMEM);
	*to = strdup(file);
	if (!*to) {
		l->b.files.n--;
		return fail_file(l, file, -ENOMEM);
	}
	r = parse_rules(&l->b, text, &ini);
	if (r == -EINVAL)
		load_error(l->err, file, ini.line, ini.what);
	else if (r < 0)
		(void)fail_file(l, file, r);
	return r;
}

static int read_file(struct loading *l, int dirfd, const char *name,
		     const char *file)
{
	cleanup_free char *text = NULL;
	struct stat st;
	size_t n = 0;
	int r;

	/* A pipe would be waited for, and with it all that reloads. */
	if (fstatat(dirfd, name, &st, 0) < 0)
		return fail_file(l, file, -errno);
	if (dirfd != AT_FDCWD && S_ISFIFO(st.st_mode)) {
		load_error(l->err, file, 0, "is a pipe");
		return -EINVAL;
	}
	r = fs_read_file(dirfd, name, INI_FILE_MAX, &text, &n);
	if (r < 0)
		return fail_file(l, file, r);
	return read_text(l, file, slice_of(text, n));
}

bool rule_files_is_name(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 4 && !strcmp(name + n - 4, ".ini");
}

static int is_rule_file(const struct dirent *d)
{
	return rule_files_is_name(d->d_name);
}

int rule_files_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int behind;

	if (fd < 0)
		return -errno;
	behind = openat(fd, "..data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (behind < 0)
		return fd;
	(void)close(fd);
	return behind;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	/* By bytes: what comes first must not depend on a locale. */
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_dir(struct loading *l, int dirfd, const char *path)
{
	struct dirent **list = NULL;
	char *file = NULL;
	int n, i, r = 0;

	n = scandirat(dirfd, ".", &list, is_rule_file, compare_names);
	if (n < 0)
		return fail_file(l, path, -errno);
	if ((unsigned)n > RULE_FILES_MAX)
		r = fail_file(l, path, -E2BIG);
	for (i = 0; i < n; i++) {
		if (r == 0 &&
		    asprintf(&file, "%s/%s", path, list[i]->d_name) < 0)
			r = fail_file(l, path, -ENOMEM);
		if (r == 0) {
			r = read_file(l, dirfd, list[i]->d_name, file);
			free(file);
		}
		free(list[i]);
	}
	free(list);
	return r;
}

static int read_path(struct loading *l, const char *path)
{
	cleanup_close int fd = -1;
	struct stat st;

	fd = rule_files_open(path);
	if (fd < 0)
		return fail_file(l, path, fd);
	if (fstat(fd, &st) < 0)
		return fail_file(l, path, -errno);
	if (S_ISDIR(st.st_mode))
		return read_dir(l, fd, path);
	return read_file(l, AT_FDCWD, path, path);
}

/* ---- the stage's door --------------------------------------------------- */

static int hash_more(void *arg, struct slice s)
{
	return hash_part(arg, s);
}

static int load_begin(struct loading *l, const struct rule_options *opt,
		      struct rule_error *err)
{
	*l = (struct loading){ .err = err, .b.now_wall_ns = opt->now_wall_ns };
	l->b.hash_part = hash_more;
	l->b.hash_arg = l;
	*err = (struct rule_error){ 0 };
	l->hash = EVP_MD_CTX_new();
	if (!l->hash || EVP_DigestInit_ex(l->hash, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	return 0;
}

static void load_end(struct loading *l)
{
	builder_done(&l->b);
	EVP_MD_CTX_free(l->hash);
}

int rule_set_load_edited(const char *path, const struct rule_edit *edit,
			 const struct rule_options *opt, struct rule_set **ret,
			 struct rule_error *err)
{
	struct loading l;
	int r;

	r = load_begin(&l, opt, err);
	l.edit = edit;
	if (r == 0)
		r = read_path(&l, path);
	if (r == 0 && edit && !edit->file)
		r = read_text(&l, "edit", slice_str(edit->text));
	if (r == 0)
		r = rule_set_build(&l, opt, ret);
	if (r < 0 && !err->what[0])
		(void)fail_file(&l, path, r);
	load_end(&l);
	return r;
}

int rule_set_load(const char *path, const struct rule_options *opt,
		  struct rule_set **ret, struct rule_error *err)
{
	return rule_set_load_edited(path, NULL, opt, ret, err);
}

int rule_set_load_text(const char *name, struct slice text,
		       const struct rule_options *opt, struct rule_set **ret,
		       struct rule_error *err)
{
	struct loading l;
	int r;

	r = load_begin(&l, opt, err);
	if (r == 0)
		r = read_text(&l, name, text);
	if (r == 0)
		r = rule_set_build(&l, opt, ret);
	if (r < 0 && !err->what[0])
		(void)fail_file(&l, name, r);
	load_end(&l);
	return r;
}
