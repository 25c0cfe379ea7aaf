/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroups that exist when picket starts: every directory of the mounted
 * hierarchies that records speak of, the unified one and one of v1. A
 * directory's inode number is the id that the kernel reports.
 */
#include "proc/cgroups_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "proc/procfs.h"

#define DEPTH_MAX  32
#define TEXT_MAX   (4u << 20)
#define MOUNTS_MAX 64
#define PATH_ROOM  4096

/*
 * v1: the hierarchy that most processes are sorted in comes first, as the
 * sensor chooses whose ids it reports. systemd counts memory and tasks of
 * every unit, runtimes join all.
 */
static const char *const v1_ranks[] = {
	"memory", "pids", "devices", "freezer", "cpu", "cpuacct", "blkio",
};

#define RANKS (sizeof(v1_ranks) / sizeof(*v1_ranks))

/* ---- which hierarchies are mounted -------------------------------------- */

static bool next_option(struct slice *list, struct slice *ret)
{
	const char *comma;

	if (!list->n)
		return false;
	comma = memchr(list->p, ',', list->n);
	*ret = slice_of(list->p, comma ? (size_t)(comma - list->p) : list->n);
	*list = comma ? slice_of(comma + 1, list->n - ret->n - 1)
		      : (struct slice){ NULL, 0 };
	return true;
}

static bool has_option(struct slice list, struct slice want)
{
	struct slice option;

	while (next_option(&list, &option))
		if (slice_eq(option, want))
			return true;
	return false;
}

static bool has_all(struct slice list, struct slice wants)
{
	struct slice want;

	if (!wants.n)
		return false;
	while (next_option(&wants, &want))
		if (!has_option(list, want))
			return false;
	return true;
}

/* Of the hierarchy with these mount options; false: not a v1 hierarchy. */
static bool v1_of(struct slice cgroup_text, struct slice options,
		  struct procfs_cgroup_line *ret)
{
	struct procfs_cgroup_line l;
	struct slice line;

	while (procfs_next_line(&cgroup_text, &line)) {
		if (procfs_parse_cgroup_line(line, &l) < 0 || !l.hierarchy ||
		    !has_all(options, l.controllers))
			continue;
		*ret = l;
		return true;
	}
	return false;
}

static unsigned rank_of(struct slice controllers)
{
	unsigned i;

	for (i = 0; i < RANKS; i++)
		if (has_option(controllers, slice_str(v1_ranks[i])))
			break;
	return i;
}

static bool is_known(const struct cgroups *c, uint32_t hierarchy)
{
	for (size_t i = 0; i < c->mount_count; i++)
		if (c->mounts[i].hierarchy == hierarchy)
			return true;
	return false;
}

/*
 * Only whole hierarchies: a mount that shows a part (root not "/") would give
 * paths that lack their front. In a cgroup namespace the whole is "/..", as
 * far up as it goes.
 */
static bool shows_all(struct slice root)
{
	while (slice_starts(root, slice_str("/..")))
		root = slice_of(root.p + 3, root.n - 3);
	return !root.n || slice_eq(root, slice_str("/"));
}

static int add_mount(struct cgroups *c, const struct procfs_mount *m,
		     struct slice cgroup_text)
{
	struct cgroup_mount mount = { .rank = RANKS };
	struct procfs_cgroup_line v1;
	struct cgroup_mount *grown;

	if (slice_eq(m->type, slice_str("cgroup"))) {
		if (!v1_of(cgroup_text, m->super, &v1))
			return 0;
		mount.hierarchy = v1.hierarchy;
		mount.rank = rank_of(v1.controllers);
	} else if (!slice_eq(m->type, slice_str("cgroup2"))) {
		return 0;
	}
	if (!shows_all(m->root) || is_known(c, mount.hierarchy) ||
	    c->mount_count == MOUNTS_MAX)
		return 0;
	mount.point = strndup(m->point.p, m->point.n);
	if (!mount.point)
		return -ENOMEM;
	mount.point[procfs_unescape(mount.point, m->point.n)] = 0;
	grown = reallocarray(c->mounts, c->mount_count + 1, sizeof(mount));
	if (!grown) {
		free(mount.point);
		return -ENOMEM;
	}
	c->mounts = grown;
	c->mounts[c->mount_count++] = mount;
	return 0;
}

void cgroups_forget_mounts(struct cgroups *c)
{
	for (size_t i = 0; i < c->mount_count; i++)
		free(c->mounts[i].point);
	free(c->mounts);
	c->mounts = NULL;
	c->mount_count = 0;
}

static int find_mounts(struct cgroups *c)
{
	cleanup_free char *cgroup = NULL, *mountinfo = NULL;
	char name[PROCFS_NAME_MAX];
	struct slice cgroup_text, rest, line;
	struct procfs_mount m;
	int r;

	r = procfs_read(procfs_name(name, c->procfs, 0, "cgroup"), TEXT_MAX,
			&cgroup, &cgroup_text.n);
	if (r < 0)
		return r;
	cgroup_text.p = cgroup;
	r = procfs_read(procfs_name(name, c->procfs, 0, "mountinfo"), TEXT_MAX,
			&mountinfo, &rest.n);
	if (r < 0)
		return r;
	rest.p = mountinfo;
	cgroups_forget_mounts(c);
	while (procfs_next_line(&rest, &line)) {
		if (procfs_parse_mount(line, &m) < 0)
			continue;
		r = add_mount(c, &m, cgroup_text);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- their directories -------------------------------------------------- */

struct scan {
	struct cgroups *c;
	uint32_t hierarchy;
	char path[PATH_ROOM];
	size_t left; /* directories that may still be entered */
};

static int scan_dir(struct scan *s, int dirfd, size_t path_n, unsigned depth);

static int scan_entry(struct scan *s, int dirfd, const char *name,
		      size_t path_n, unsigned depth)
{
	cleanup_close int fd = -1;
	size_t n = strlen(name);

	if (path_n + n + 2 > sizeof(s->path))
		return 0;
	fd = openat(dirfd, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0; /* gone, or not a directory */
	if (path_n == 1)
		path_n = 0; /* "/" + "/" + name */
	s->path[path_n] = '/';
	memcpy(s->path + path_n + 1, name, n);
	return scan_dir(s, steal_fd(&fd), path_n + 1 + n, depth);
}

/* Takes over dirfd. */
static int scan_dir(struct scan *s, int dirfd, size_t path_n, unsigned depth)
{
	cleanup_closedir DIR *dir = fdopendir(dirfd);
	struct cgroup_info info = { .hierarchy = s->hierarchy,
				    .path = slice_of(s->path, path_n) };
	struct dirent *e;
	struct stat st;
	int r;

	if (!dir || fstat(dirfd, &st) < 0) {
		if (!dir)
			(void)close(dirfd);
		return 0;
	}
	info.id = st.st_ino;
	r = cgroups_add(s->c, &info);
	if (r < 0 || depth == DEPTH_MAX)
		return r;
	while ((e = readdir(dir))) {
		if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") ||
		    !strcmp(e->d_name, ".."))
			continue;
		if (!s->left)
			return 0;
		s->left--;
		r = scan_entry(s, dirfd, e->d_name, path_n, depth + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static int scan_mount(struct cgroups *c, const struct cgroup_mount *m)
{
	struct scan s = { .c = c, .hierarchy = m->hierarchy, .path = "/" };
	int fd;

	/* Names that would push each other out are not worth the walk. */
	s.left = c->max / 2;
	fd = open(m->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return scan_dir(&s, fd, 1, 0);
}

uint32_t cgroups_v1(const struct cgroups *c)
{
	return c->v1;
}

void cgroups_set_v1(struct cgroups *c, uint32_t hierarchy)
{
	c->v1 = hierarchy;
	c->v1_set = true;
}

int cgroups_scan(struct cgroups *c)
{
	unsigned best = RANKS;
	int first = 0, r;

	r = find_mounts(c);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->mount_count && !c->v1_set; i++) {
		const struct cgroup_mount *m = &c->mounts[i];

		if (m->hierarchy && m->rank < best) {
			best = m->rank;
			c->v1 = m->hierarchy;
		}
	}
	/* One that cannot be read must not cost the other's names. */
	for (size_t i = 0; i < c->mount_count; i++) {
		const struct cgroup_mount *m = &c->mounts[i];

		if (m->hierarchy && m->hierarchy != c->v1)
			continue;
		r = scan_mount(c, m);
		if (r < 0 && !first)
			first = r;
	}
	return first;
}
