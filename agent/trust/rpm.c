// SPDX-License-Identifier: Apache-2.0
/*
 * rpm's own program prints its database: a line for each file, the package
 * said anew each time. A name with a newline or tab in it makes lines that
 * are not of this form, and those are left out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "trust/packages.h"

#define LINE_MAX_BYTES 8192u

static bool next_field(struct slice *rest, struct slice *ret)
{
	const char *tab = rest->n ? memchr(rest->p, '\t', rest->n) : NULL;
	size_t n = tab ? (size_t)(tab - rest->p) : rest->n;

	if (!rest->p)
		return false;
	*ret = slice_of(rest->p, n);
	*rest = tab ? slice_of(tab + 1, rest->n - n - 1) : slice_of(NULL, 0);
	return true;
}

/* The package that the lines before this one were of. */
struct current {
	char name[TRUST_PACKAGE_MAX], version[TRUST_PACKAGE_MAX];
	bool any;
};

static void keep(char to[static TRUST_PACKAGE_MAX], struct slice s)
{
	size_t n = s.n < TRUST_PACKAGE_MAX ? s.n : TRUST_PACKAGE_MAX - 1;

	memcpy(to, s.p, n);
	to[n] = '\0';
}

static int enter(struct trust_packages *p, struct current *c,
		 struct slice fields[4])
{
	struct trust_digest digest = { 0 };
	struct slice path;
	int r;

	if (!c->any || !slice_eq(slice_str(c->name), fields[0]) ||
	    !slice_eq(slice_str(c->version), fields[1])) {
		r = trust_build_package(p->build, fields[0], fields[1]);
		if (r < 0)
			return r;
		keep(c->name, fields[0]);
		keep(c->version, fields[1]);
		c->any = true;
		p->packages++;
	}
	/* Directories and links have none, other sums are not known here. */
	if (!fields[2].n)
		return 0;
	(void)trust_digest_parse(fields[2], &digest);
	r = trust_dirs_file(p->dirs, fields[3], &path);
	if (r == -EINVAL) {
		p->odd++;
		return 0;
	}
	if (r >= 0)
		r = trust_build_file(p->build, path, &digest);
	p->files += r >= 0;
	return r;
}

int trust_read_rpm(struct trust_packages *p, FILE *lines)
{
	cleanup_free char *line = NULL;
	struct current current = { 0 };
	size_t cap = 0;
	ssize_t n;
	int r = 0;

	while (r >= 0 && (n = getline(&line, &cap, lines)) > 0) {
		struct slice rest, fields[4];
		int k = 0;

		if (line[n - 1] == '\n')
			n--;
		rest = slice_of(line, (size_t)n);
		while (k < 4 && next_field(&rest, &fields[k]))
			k++;
		if (k < 4 || rest.p || !fields[0].n || !fields[3].n ||
		    (size_t)n > LINE_MAX_BYTES || memchr(line, '\0', (size_t)n))
			p->odd++;
		else
			r = enter(p, &current, fields);
	}
	if (r >= 0 && ferror(lines))
		return -EIO;
	return r;
}
