/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One reading of mountinfo: the text is kept as read, unescaped in place; a
 * mount is two slices of it, sorted by device with the order of mounting kept
 * inside.
 */
#include "proc/mount_list.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/procfs.h"

#define TEXT_MAX   (8u << 20)
#define MOUNTS_MAX 65536

static int by_dev(const void *a, const void *b)
{
	const struct mount *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Whole text from the start; what is past the cap is cut at a line. */
static int read_text(int fd, char **ret_p, size_t *ret_n)
{
	cleanup_free char *p = NULL;
	size_t cap = 0, n = 0;

	for (;;) {
		ssize_t did;

		if (n == cap) {
			size_t more = cap ? cap * 2 : 16 << 10;
			char *grown = realloc(p, more);

			if (!grown)
				return -ENOMEM;
			p = grown;
			cap = more;
		}
		did = pread(fd, p + n, cap - n, (off_t)n);
		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0)
			return -errno;
		if (!did)
			break;
		n += (size_t)did;
		if (n > TEXT_MAX)
			break;
	}
	*ret_p = steal_ptr(p);
	*ret_n = n;
	return 0;
}

static struct slice unescape(struct slice s)
{
	char *p = (char *)(uintptr_t)s.p;

	return slice_of(p, procfs_unescape(p, s.n));
}

static struct slice no_slash(struct slice s)
{
	return slice_eq(s, slice_str("/")) ? slice_of(s.p, 0) : s;
}

static int parse(char *text, size_t n, struct mount_list *ret)
{
	struct slice rest = slice_of(text, n), line;
	struct mount *list = NULL;
	size_t count = 0, cap = 0;
	struct procfs_mount pm;
	uint32_t root_dev = 0;

	while (count < MOUNTS_MAX && procfs_next_line(&rest, &line)) {
		if (procfs_parse_mount(line, &pm) < 0)
			continue;
		if (count == cap) {
			size_t more = cap ? cap * 2 : 64;
			struct mount *grown =
				reallocarray(list, more, sizeof(*list));

			if (!grown) {
				free(list);
				return -ENOMEM;
			}
			list = grown;
			cap = more;
		}
		/* Roots and points without their slash join to what follows. */
		list[count] = (struct mount){
			.dev = pm.dev,
			.order = (uint32_t)count,
			.root = no_slash(unescape(pm.root)),
			.point = no_slash(unescape(pm.point)),
		};
		/* The last one mounted there hides the others. */
		if (!list[count].point.n)
			root_dev = pm.dev;
		count++;
	}
	if (count)
		qsort(list, count, sizeof(*list), by_dev);
	*ret = (struct mount_list){
		.text = text,
		.mounts = list,
		.count = count,
		.root_dev = root_dev,
		.is_cut = count == MOUNTS_MAX,
	};
	return 0;
}

int mount_list_read(int fd, struct mount_list *ret)
{
	char *text = NULL;
	size_t n = 0;
	int r = read_text(fd, &text, &n);

	if (r < 0)
		return r;
	r = parse(text, n, ret);
	if (r < 0)
		free(text);
	return r;
}

void mount_list_done(struct mount_list *l)
{
	free(l->text);
	free(l->mounts);
	*l = (struct mount_list){ 0 };
}

static size_t first_of(const struct mount_list *l, uint32_t dev)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->mounts[mid].dev < dev)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool mount_is_below(struct slice path, struct slice root)
{
	return slice_starts(path, root) &&
	       (path.n == root.n || path.p[root.n] == '/');
}

const struct mount *mount_list_first(const struct mount_list *l, uint32_t dev,
				     struct slice fs_path)
{
	for (size_t i = first_of(l, dev);
	     i < l->count && l->mounts[i].dev == dev; i++)
		if (mount_is_below(fs_path, l->mounts[i].root))
			return &l->mounts[i];
	return NULL;
}

const struct mount *mount_list_through(const struct mount_list *l,
				       struct slice path)
{
	const struct mount *best = NULL;

	for (size_t i = 0; i < l->count; i++) {
		const struct mount *m = &l->mounts[i];

		if (!mount_is_below(path, m->point))
			continue;
		/* Of two at one place the later hides the earlier. */
		if (!best || m->point.n > best->point.n ||
		    (m->point.n == best->point.n && m->order > best->order))
			best = m;
	}
	return best;
}
