/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lexical joining of names. The output is kept normal at every step, so
 * ".." is one search for the last slash, and nothing has to be undone.
 */
#include "base/path.h"

#include <string.h>

static size_t drop_last(const char *out, size_t n)
{
	while (n && out[n - 1] != '/')
		n--;
	return n ? n - 1 : 0;
}

static void go_up(struct path_join *j, const char *out, size_t *n)
{
	size_t up = drop_last(out, *n);

	if (*n <= j->floor || up < j->floor)
		j->hit_floor = true;
	else
		*n = up;
}

size_t path_join(struct path_join *j, char *out)
{
	const char *p = j->name.p;
	const char *end = j->name.n ? p + j->name.n : p;
	size_t n = j->base.n;

	if (n)
		memcpy(out, j->base.p, n);
	while (n && out[n - 1] == '/')
		n--;
	while (p < end) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		const char *stop = slash ? slash : end;
		size_t len = (size_t)(stop - p);

		if (len == 2 && p[0] == '.' && p[1] == '.') {
			go_up(j, out, &n);
		} else if (len && !(len == 1 && p[0] == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p = slash ? slash + 1 : end;
	}
	if (!n)
		out[n++] = '/';
	return n;
}

bool path_is_within(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	while (n && dir[n - 1] == '/')
		n--;
	return !strncmp(dir, path, n) && (!path[n] || path[n] == '/');
}
