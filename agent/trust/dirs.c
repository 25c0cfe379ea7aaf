// SPDX-License-Identifier: Apache-2.0
/* A growing hash table of directories: as written -> as it is. See dirs.h. */
#include "trust/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"

/* As the kernel. */
#define LINKS_MAX 40u
#define DIRS_MAX  (1u << 20)

struct dir {
	uint64_t hash;
	char *from; /* NULL: free */
	char *to;
};

struct trust_dirs {
	int root_fd;
	struct dir *dirs;
	size_t n, cap; /* cap: a power of two */
	char out[PATH_MAX * 2];
};

int trust_dirs_new(int root_fd, struct trust_dirs **ret)
{
	struct trust_dirs *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->root_fd = root_fd;
	d->cap = 1024;
	d->dirs = calloc(d->cap, sizeof(*d->dirs));
	if (!d->dirs) {
		free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

void trust_dirs_free(struct trust_dirs *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->cap; i++) {
		free(d->dirs[i].from);
		free(d->dirs[i].to);
	}
	free(d->dirs);
	free(d);
}

/* FNV-1a: names are root's, nobody floods this. */
static uint64_t hash_of(struct slice s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3ull;
	return h;
}

static struct dir *slot_of(struct trust_dirs *d, struct slice s, uint64_t hash)
{
	size_t i = hash & (d->cap - 1);

	while (d->dirs[i].from && (d->dirs[i].hash != hash ||
				   !slice_eq(slice_str(d->dirs[i].from), s)))
		i = (i + 1) & (d->cap - 1);
	return &d->dirs[i];
}

static int grow(struct trust_dirs *d)
{
	struct dir *old = d->dirs;
	size_t n = d->cap;

	if (d->n * 2 < d->cap)
		return 0;
	if (d->n >= DIRS_MAX)
		return -ENOMEM;
	d->dirs = calloc(n * 2, sizeof(*d->dirs));
	if (!d->dirs) {
		d->dirs = old;
		return -ENOMEM;
	}
	d->cap = n * 2;
	for (size_t i = 0; i < n; i++)
		if (old[i].from)
			*slot_of(d, slice_str(old[i].from), old[i].hash) =
				old[i];
	free(old);
	return 0;
}

static int enter(struct trust_dirs *d, struct slice from, const char *to)
{
	uint64_t hash = hash_of(from);
	struct dir *slot;
	int r = grow(d);

	if (r < 0)
		return r;
	slot = slot_of(d, from, hash);
	if (slot->from)
		return 0;
	slot->to = strdup(to);
	slot->from = strndup(from.p, from.n);
	if (!slot->to || !slot->from) {
		free(slot->to);
		free(slot->from);
		slot->to = slot->from = NULL;
		return -ENOMEM;
	}
	slot->hash = hash;
	d->n++;
	return 0;
}

static int resolve(struct trust_dirs *d, struct slice dir, unsigned links,
		   char ret[static PATH_MAX]);

/* `at` is a directory's name with the ones before it resolved. */
static int follow(struct trust_dirs *d, char at[static PATH_MAX],
		  size_t parent_n, unsigned links)
{
	char target[PATH_MAX], joined[PATH_MAX * 2];
	struct path_join j = { .name = slice_of(target, 0) };
	ssize_t n = readlinkat(d->root_fd, at + 1, target, sizeof(target));

	if (n <= 0 || (size_t)n == sizeof(target) || links >= LINKS_MAX)
		return 0;
	j.name.n = (size_t)n;
	if (target[0] != '/')
		j.base = slice_of(at, parent_n);
	n = (ssize_t)path_join(&j, joined);
	if (n >= PATH_MAX)
		return 0;
	return resolve(d, slice_of(joined, (size_t)n), links + 1, at);
}

/* dir: absolute and normal, without a slash at its end; empty: the root. */
static int resolve(struct trust_dirs *d, struct slice dir, unsigned links,
		   char ret[static PATH_MAX])
{
	const struct dir *known;
	size_t cut = dir.n, n;
	int r;

	if (dir.n <= 1) {
		ret[0] = '\0';
		return 0;
	}
	if (dir.n >= PATH_MAX)
		return -EINVAL;
	known = slot_of(d, dir, hash_of(dir));
	if (known->from) {
		memcpy(ret, known->to, strlen(known->to) + 1);
		return 0;
	}
	while (cut && dir.p[cut - 1] != '/')
		cut--;
	r = resolve(d, slice_of(dir.p, cut ? cut - 1 : 0), links, ret);
	if (r < 0)
		return r;
	n = strlen(ret);
	if (n + 1 + dir.n - cut >= PATH_MAX)
		return -EINVAL;
	ret[n] = '/';
	memcpy(ret + n + 1, dir.p + cut, dir.n - cut);
	ret[n + 1 + dir.n - cut] = '\0';
	r = follow(d, ret, n, links);
	if (r < 0)
		return r;
	/* The root as the target of a link. */
	if (!strcmp(ret, "/"))
		ret[0] = '\0';
	return enter(d, dir, ret);
}

int trust_dirs_file(struct trust_dirs *d, struct slice path, struct slice *ret)
{
	size_t cut = path.n, n;
	int r;

	if (!path.n || path.p[0] != '/' || path.n >= PATH_MAX)
		return -EINVAL;
	while (path.p[cut - 1] != '/')
		cut--;
	r = resolve(d, slice_of(path.p, cut - 1), 0, d->out);
	if (r < 0)
		return r;
	n = strlen(d->out);
	d->out[n] = '/';
	memcpy(d->out + n + 1, path.p + cut, path.n - cut);
	*ret = slice_of(d->out, n + 1 + path.n - cut);
	return 0;
}
