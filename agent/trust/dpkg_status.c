// SPDX-License-Identifier: Apache-2.0
/* See dpkg_status.h. */
#include "trust/dpkg_status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"

#define STATUS_MAX  (512u << 20)
#define UPDATE_MAX  (16u << 20)
/* dpkg has at most some 250; more are not its own. */
#define UPDATES_MAX 4096u

struct update {
	char *text;
	struct dpkg_stanza stanza;
};

struct dpkg_status {
	char *text;
	struct slice rest; /* of it */
	struct update *updates;
	size_t n_updates, at;
};

/* ---- stanzas ------------------------------------------------------------ */

bool dpkg_line(struct slice *rest, struct slice *ret)
{
	const char *end;
	size_t n;

	if (!rest->n)
		return false;
	end = memchr(rest->p, '\n', rest->n);
	n = end ? (size_t)(end - rest->p) : rest->n;
	*ret = slice_of(rest->p, n);
	n += !!end;
	*rest = slice_of(rest->p + n, rest->n - n);
	return true;
}

static bool field(struct slice line, const char *name, struct slice *ret)
{
	struct slice key = slice_str(name);

	if (!slice_starts(line, key))
		return false;
	line = slice_of(line.p + key.n, line.n - key.n);
	while (line.n && line.p[0] == ' ')
		line = slice_of(line.p + 1, line.n - 1);
	*ret = line;
	return true;
}

static void take_field(struct dpkg_stanza *s, struct slice line)
{
	struct slice same;

	if (field(line, "Package:", &s->package) ||
	    field(line, "Version:", &s->version) ||
	    field(line, "Architecture:", &s->arch) ||
	    field(line, "Status:", &s->status))
		return;
	if (field(line, "Multi-Arch:", &same))
		s->multi_arch = slice_eq(same, slice_str("same"));
}

/* The next that says anything. */
static bool next_stanza(struct slice *rest, struct dpkg_stanza *ret)
{
	struct slice line, ignored;
	bool in_conffiles = false;

	*ret = (struct dpkg_stanza){ 0 };
	while (dpkg_line(rest, &line)) {
		if (!line.n && (ret->package.n || ret->status.n))
			return true;
		if (!line.n) {
			*ret = (struct dpkg_stanza){ 0 };
			in_conffiles = false;
		} else if (line.p[0] == ' ' || line.p[0] == '\t') {
			if (in_conffiles)
				ret->conffiles.n = (size_t)(line.p + line.n -
							    ret->conffiles.p);
		} else {
			in_conffiles = field(line, "Conffiles:", &ignored);
			if (in_conffiles)
				ret->conffiles = slice_of(line.p + line.n, 0);
			take_field(ret, line);
		}
	}
	return ret->package.n || ret->status.n;
}

bool dpkg_is_in(const struct dpkg_stanza *s, const char *state)
{
	struct slice end = slice_str(state);
	size_t before = s->status.n - end.n;

	return s->status.n > end.n && s->status.p[before - 1] == ' ' &&
	       slice_eq(slice_of(s->status.p + before, end.n), end);
}

/* ---- updates ------------------------------------------------------------ */

static bool is_same_package(const struct dpkg_stanza *a,
			    const struct dpkg_stanza *b)
{
	return slice_eq(a->package, b->package) &&
	       (!a->multi_arch || !b->multi_arch || slice_eq(a->arch, b->arch));
}

static struct update *update_of(const struct dpkg_status *s,
				const struct dpkg_stanza *of)
{
	for (size_t i = 0; i < s->n_updates; i++)
		if (is_same_package(&s->updates[i].stanza, of))
			return &s->updates[i];
	return NULL;
}

static int is_update(const struct dirent *d)
{
	size_t n = strspn(d->d_name, "0123456789");

	return n && !d->d_name[n];
}

/* Later ones last; all have as many digits. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* One package in each. */
static int read_update(struct dpkg_status *s, int dir_fd, const char *name)
{
	struct update u = { 0 }, *old;
	struct slice rest;
	size_t n = 0;
	int r = fs_read_foreign(dir_fd, name, UPDATE_MAX, &u.text, &n);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	rest = slice_of(u.text, n);
	if (!next_stanza(&rest, &u.stanza) || !u.stanza.package.n) {
		free(u.text);
		return -EBADMSG;
	}
	/*
	 * While its files are being exchanged it is what it was before:
	 * installed, or not there.
	 */
	if (dpkg_is_in(&u.stanza, "half-installed")) {
		free(u.text);
		return 0;
	}
	old = update_of(s, &u.stanza);
	if (old)
		free(old->text);
	else
		old = &s->updates[s->n_updates++];
	*old = u;
	return 0;
}

static int read_updates(struct dpkg_status *s, int dpkg_fd, uint64_t *odd)
{
	struct dirent **names = NULL;
	cleanup_close int fd =
		openat(dpkg_fd, "updates",
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int n, r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	n = scandirat(fd, ".", &names, is_update, by_name);
	if (n < 0)
		return -errno;
	s->updates = calloc((size_t)n + 1, sizeof(*s->updates));
	if (!s->updates)
		r = -ENOMEM;
	for (int i = 0; i < n; i++) {
		if (r != -ENOMEM && i < (int)UPDATES_MAX) {
			r = read_update(s, fd, names[i]->d_name);
			*odd += r < 0 && r != -ENOMEM;
		}
		free(names[i]);
	}
	free(names);
	return r == -ENOMEM ? r : 0;
}

/* ---- all of it ---------------------------------------------------------- */

int dpkg_status_read(int dpkg_fd, uint64_t *odd, struct dpkg_status **ret)
{
	struct dpkg_status *s = calloc(1, sizeof(*s));
	size_t n = 0;
	int r;

	if (!s)
		return -ENOMEM;
	/* Updates first: they go when they are in `status`, never before. */
	r = read_updates(s, dpkg_fd, odd);
	if (r >= 0)
		r = fs_read_file(dpkg_fd, "status", STATUS_MAX, &s->text, &n);
	if (r < 0) {
		dpkg_status_free(s);
		return r;
	}
	s->rest = slice_of(s->text, n);
	*ret = s;
	return 0;
}

void dpkg_status_free(struct dpkg_status *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_updates; i++)
		free(s->updates[i].text);
	free(s->updates);
	free(s->text);
	free(s);
}

bool dpkg_status_next(struct dpkg_status *s, struct dpkg_stanza *ret)
{
	while (next_stanza(&s->rest, ret))
		if (!update_of(s, ret))
			return true;
	if (s->at == s->n_updates)
		return false;
	*ret = s->updates[s->at++].stanza;
	return true;
}
