// SPDX-License-Identifier: Apache-2.0
/*
 * dpkg's database: `status` (dpkg_status.h) says what is installed and what the
 * conffiles were when they were shipped; info/NAME.list which files a package has,
 * info/NAME.md5sums their digests, `diversions` which of them lie elsewhere
 * because another package wanted their name.
 *
 * Sums of a file that another package has taken over stay in md5sums, so only
 * those count whose name is in the list.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "trust/dpkg_status.h"
#include "trust/packages.h"

#define INFO_MAX   (64u << 20)
#define NAME_MAX_N 200u

struct diversion {
	char *from, *to;
	struct slice package; /* ":": of the administrator */
};

struct dpkg {
	struct trust_packages *p;
	int fd, info_fd;
	struct diversion *diversions;
	size_t n_diversions;
	char *diversions_text;
};

/* ---- diversions --------------------------------------------------------- */

static char *true_name(struct dpkg *d, struct slice path)
{
	struct slice is;

	if (trust_dirs_file(d->p->dirs, path, &is) < 0)
		return NULL;
	return strndup(is.p, is.n);
}

/* Three lines each: the name, where it lies instead, who took the name. */
static int read_diversions(struct dpkg *d)
{
	struct slice rest, from, to, by;
	struct diversion *grown;
	size_t n = 0;
	int r;

	r = fs_read_file(d->fd, "diversions", INFO_MAX, &d->diversions_text,
			 &n);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	rest = slice_of(d->diversions_text, n);
	while (dpkg_line(&rest, &from) && dpkg_line(&rest, &to) &&
	       dpkg_line(&rest, &by)) {
		grown = reallocarray(d->diversions, d->n_diversions + 1,
				     sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		d->diversions = grown;
		grown += d->n_diversions;
		*grown = (struct diversion){ .from = true_name(d, from),
					     .to = true_name(d, to),
					     .package = by };
		if (grown->from && grown->to) {
			d->n_diversions++;
			continue;
		}
		free(grown->from);
		free(grown->to);
		d->p->odd++;
	}
	return 0;
}

static struct slice undiverted(const struct dpkg *d, struct slice path,
			       struct slice package)
{
	for (size_t i = 0; i < d->n_diversions; i++)
		if (slice_eq(slice_str(d->diversions[i].from), path) &&
		    !slice_eq(d->diversions[i].package, package))
			return slice_str(d->diversions[i].to);
	return path;
}

/* ---- the files of a package --------------------------------------------- */

static int enter(struct dpkg *d, const struct dpkg_stanza *s, struct slice path,
		 const struct trust_digest *digest)
{
	struct slice is;
	int r = trust_dirs_file(d->p->dirs, path, &is);

	if (r == -EINVAL) {
		d->p->odd++;
		return 0;
	}
	if (r >= 0)
		r = trust_build_file(d->p->build, undiverted(d, is, s->package),
				     digest);
	d->p->files += r >= 0;
	return r;
}

/* info/NAME.KIND, or info/NAME:ARCH.KIND of what may be there several times. */
static int read_info(struct dpkg *d, const struct dpkg_stanza *s,
		     const char *kind, char **ret, size_t *ret_n)
{
	char with[2 * NAME_MAX_N + 32], without[NAME_MAX_N + 32];
	int r;

	(void)snprintf(with, sizeof(with), "%.*s:%.*s.%s", (int)s->package.n,
		       s->package.p, (int)s->arch.n, s->arch.p, kind);
	(void)snprintf(without, sizeof(without), "%.*s.%s", (int)s->package.n,
		       s->package.p, kind);
	r = fs_read_file(d->info_fd, s->multi_arch ? with : without, INFO_MAX,
			 ret, ret_n);
	if (r == -ENOENT)
		r = fs_read_file(d->info_fd, s->multi_arch ? without : with,
				 INFO_MAX, ret, ret_n);
	return r;
}

static int by_bytes(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int r = n ? memcmp(x->p, y->p, n) : 0;

	return r ? r : (x->n > y->n) - (x->n < y->n);
}

struct list {
	char *text;
	struct slice *lines; /* sorted */
	size_t n;
};

static void list_done(struct list *l)
{
	free(l->text);
	free(l->lines);
}

static int read_list(struct dpkg *d, const struct dpkg_stanza *s,
		     struct list *l)
{
	struct slice rest, line;
	size_t n = 0, cap = 0;
	int r = read_info(d, s, "list", &l->text, &n);

	if (r < 0)
		return r;
	rest = slice_of(l->text, n);
	while (dpkg_line(&rest, &line)) {
		if (l->n == cap) {
			cap = cap ? cap * 2 : 64;
			struct slice *grown =
				reallocarray(l->lines, cap, sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			l->lines = grown;
		}
		l->lines[l->n++] = line;
	}
	if (l->n)
		qsort(l->lines, l->n, sizeof(*l->lines), by_bytes);
	return 0;
}

static bool has(const struct list *l, struct slice path)
{
	return l->n &&
	       bsearch(&path, l->lines, l->n, sizeof(*l->lines), by_bytes);
}

/* As md5sum writes it: "\" before the sum means escapes in the name. */
static size_t unescape(char *p, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '\\' && i + 1 < n) {
			c = p[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
		}
		p[to++] = c;
	}
	return to;
}

/* "SUM  path", below the root and without its slash: made "/path" in place. */
static bool parse_sum(struct slice line, struct trust_digest *digest,
		      struct slice *path)
{
	bool escaped = line.n && line.p[0] == '\\';
	char *p;

	if (escaped)
		line = slice_of(line.p + 1, line.n - 1);
	if (line.n < 35 || line.p[32] != ' ' ||
	    !trust_digest_parse(slice_of(line.p, 32), digest))
		return false;
	/* The blank before the name has room for its slash. */
	p = (char *)(uintptr_t)line.p + 33;
	*p = '/';
	*path = slice_of(p, line.n - 33);
	while (path->n > 1 && path->p[1] == '/')
		*path = slice_of(path->p + 1, path->n - 1);
	if (escaped)
		path->n = 1 +
			  unescape((char *)(uintptr_t)path->p + 1, path->n - 1);
	return path->n > 1;
}

static int read_sums(struct dpkg *d, const struct dpkg_stanza *s,
		     const struct list *list)
{
	cleanup_free char *text = NULL;
	struct slice rest, line, path;
	struct trust_digest digest;
	size_t n = 0;
	int r = read_info(d, s, "md5sums", &text, &n);

	if (r < 0)
		return r;
	rest = slice_of(text, n);
	while (r >= 0 && dpkg_line(&rest, &line)) {
		if (!line.n)
			continue;
		if (!parse_sum(line, &digest, &path))
			d->p->odd++;
		else if (has(list, path))
			r = enter(d, s, path, &digest);
	}
	return r;
}

/* Without sums at all it is still known whose the files are. */
static int enter_unproved(struct dpkg *d, const struct dpkg_stanza *s,
			  const struct list *list)
{
	const struct trust_digest none = { 0 };
	int r = 0;

	for (size_t i = 0; i < list->n && r >= 0; i++)
		if (list->lines[i].n > 2)
			r = enter(d, s, list->lines[i], &none);
	return r;
}

/* " /etc/name SUM", perhaps with a word behind it. */
static int read_conffiles(struct dpkg *d, const struct dpkg_stanza *s)
{
	struct slice rest = s->conffiles, line;
	struct trust_digest digest;
	int r = 0;

	while (r >= 0 && dpkg_line(&rest, &line)) {
		const char *sum;

		if (line.n < 2 || line.p[0] != ' ')
			continue;
		line = slice_of(line.p + 1, line.n - 1);
		sum = memchr(line.p, ' ', line.n);
		if (!sum || line.p + line.n - sum < 33 ||
		    !trust_digest_parse(slice_of(sum + 1, 32), &digest))
			continue; /* "newconffile": it was never there */
		r = enter(d, s, slice_of(line.p, (size_t)(sum - line.p)),
			  &digest);
	}
	return r;
}

/* ---- packages ----------------------------------------------------------- */

/* Its files are there: unpacked, whatever is still to be configured. */
static bool is_there(const struct dpkg_stanza *s)
{
	static const char *const states[] = {
		"installed",	    "unpacked",		"half-configured",
		"triggers-awaited", "triggers-pending",
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (dpkg_is_in(s, states[i]))
			return true;
	return false;
}

/* It becomes part of a file's name. */
static bool is_word(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '/')
			return false;
	return s.n && s.n <= NAME_MAX_N;
}

static int read_package(struct dpkg *d, const struct dpkg_stanza *s)
{
	struct list list = { 0 };
	int r;

	if (!is_word(s->package) || !is_word(s->arch)) {
		d->p->odd++;
		return 0;
	}
	if (!is_there(s))
		return 0;
	r = trust_build_package(d->p->build, s->package, s->version);
	if (r >= 0)
		r = read_list(d, s, &list);
	if (r >= 0)
		r = read_sums(d, s, &list);
	if (r == -ENOENT)
		r = enter_unproved(d, s, &list);
	list_done(&list);
	if (r >= 0)
		r = read_conffiles(d, s);
	if (r == -ENOMEM || r == -E2BIG)
		return r;
	d->p->odd += r < 0;
	d->p->packages++;
	return 0;
}

int trust_read_dpkg(struct trust_packages *p, int dpkg_fd)
{
	struct dpkg d = { .p = p, .fd = dpkg_fd };
	struct dpkg_status *status = NULL;
	cleanup_close int info_fd = -1;
	struct dpkg_stanza s;
	int r;

	info_fd = openat(dpkg_fd, "info", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (info_fd < 0)
		return -errno;
	d.info_fd = info_fd;
	r = dpkg_status_read(dpkg_fd, &p->odd, &status);
	if (r >= 0)
		r = read_diversions(&d);
	while (r >= 0 && dpkg_status_next(status, &s))
		r = read_package(&d, &s);
	dpkg_status_free(status);
	for (size_t i = 0; i < d.n_diversions; i++) {
		free(d.diversions[i].from);
		free(d.diversions[i].to);
	}
	free(d.diversions);
	free(d.diversions_text);
	return r;
}
