/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host paths through PID 1's mountinfo.
 *
 * The text is kept as read, unescaped in place; a mount is two slices of it,
 * sorted by device with the order of mounting kept inside. The descriptor
 * stays open: the kernel marks it (POLLPRI) when the host's mounts changed,
 * and asking is one poll, done at most once per tick of the coarse clock
 * unless a file's device was not found.
 */
#include "proc/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/procfs.h"

#define TEXT_MAX   (8u << 20)
#define MOUNTS_MAX 65536

struct mount {
	uint32_t dev;
	uint32_t order;
	struct slice root, point;
};

struct mounts {
	const char *procfs;
	int fd;		   /* mountinfo of PID 1, or of ourselves */
	uint32_t host_ns;  /* 0: could not be told */
	uint32_t root_dev; /* of what is mounted at / */
	bool is_read;
	char *text;
	struct mount *list;
	size_t count;
	int64_t asked_tick;
};

int mounts_new(const char *procfs, struct mounts **ret)
{
	struct mounts *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->procfs = procfs;
	m->fd = -1;
	*ret = m;
	return 0;
}

void mounts_free(struct mounts *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		(void)close(m->fd);
	free(m->text);
	free(m->list);
	free(m);
}

/* ---- reading ----------------------------------------------------------------- */

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

static int parse(struct mounts *m, char *text, size_t n)
{
	struct slice rest = slice_of(text, n), line;
	struct mount *list = NULL;
	size_t count = 0, cap = 0;
	struct procfs_mount pm;

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
			m->root_dev = pm.dev;
		count++;
	}
	if (count)
		qsort(list, count, sizeof(*list), by_dev);
	free(m->list);
	free(m->text);
	m->list = list;
	m->count = count;
	m->text = text;
	return 0;
}

static int open_host(struct mounts *m)
{
	static const pid_t whose[] = { 1, 0 }; /* 0: ourselves */
	char name[PROCFS_NAME_MAX];

	for (size_t i = 0; i < 2 && m->fd < 0; i++) {
		m->fd = open(
			procfs_name(name, m->procfs, whose[i], "mountinfo"),
			O_RDONLY | O_CLOEXEC);
		if (m->fd >= 0)
			m->host_ns = procfs_namespace(
				AT_FDCWD, procfs_name(name, m->procfs, whose[i],
						      "ns/mnt"));
	}
	return m->fd < 0 ? -errno : 0;
}

static int64_t coarse_tick(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static bool has_changed(const struct mounts *m)
{
	struct pollfd p = { .fd = m->fd, .events = POLLPRI };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLPRI | POLLERR);
}

/* True if the list is another than before. */
static bool refresh(struct mounts *m, bool urgent)
{
	int64_t now = coarse_tick();
	char *text = NULL;
	size_t n = 0;

	if (m->fd < 0 && open_host(m) < 0)
		return false;
	if (m->is_read) {
		if (now == m->asked_tick && !urgent)
			return false;
		m->asked_tick = now;
		if (!has_changed(m))
			return false;
	}
	if (read_text(m->fd, &text, &n) < 0)
		return false;
	if (parse(m, text, n) < 0) {
		free(text);
		return false;
	}
	m->asked_tick = now;
	m->is_read = true;
	return true;
}

/* ---- looking up ---------------------------------------------------------------- */

static size_t first_of(const struct mounts *m, uint32_t dev)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->list[mid].dev < dev)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_below(struct slice path, struct slice root)
{
	return slice_starts(path, root) &&
	       (path.n == root.n || path.p[root.n] == '/');
}

static const struct mount *find(const struct mounts *m, uint32_t dev,
				struct slice fs_path)
{
	for (size_t i = first_of(m, dev); i < m->count && m->list[i].dev == dev;
	     i++)
		if (is_below(fs_path, m->list[i].root))
			return &m->list[i];
	return NULL;
}

static struct slice join_point(const struct mount *at, struct slice fs_path,
			       char out[static MOUNTS_PATH_MAX])
{
	struct slice rest =
		slice_of(fs_path.p + at->root.n, fs_path.n - at->root.n);
	size_t n = at->point.n;

	/* The root of the mount itself: "/" adds nothing to a mount point. */
	if (n && rest.n == 1 && rest.p[0] == '/')
		rest.n = 0;
	if (n + rest.n > MOUNTS_PATH_MAX)
		return (struct slice){ NULL, 0 };
	if (n)
		memcpy(out, at->point.p, n);
	if (rest.n)
		memcpy(out + n, rest.p, rest.n);
	n += rest.n;
	if (!n)
		out[n++] = '/';
	return slice_of(out, n);
}

struct slice mounts_host_path(struct mounts *m, uint32_t mnt_ns, uint32_t dev,
			      const struct file_path *path,
			      char out[static MOUNTS_PATH_MAX])
{
	const struct slice none = { NULL, 0 };
	const struct mount *at;
	struct slice host;

	if (!path->fs_path.n || !dev)
		return none;
	if (!m->is_read)
		(void)refresh(m, true);
	/* Most files are on the host's root, and called what they were called. */
	if (m->host_ns && mnt_ns == m->host_ns && dev == m->root_dev &&
	    slice_eq(path->path, path->fs_path))
		return none;
	(void)refresh(m, false);
	at = find(m, dev, path->fs_path);
	if (!at && refresh(m, true))
		at = find(m, dev, path->fs_path);
	if (!at)
		return none;
	host = join_point(at, path->fs_path, out);
	return slice_eq(host, path->path) ? none : host;
}
