/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host paths through PID 1's mountinfo.
 *
 * The descriptor of the host's mountinfo stays open: the kernel marks it
 * (POLLPRI) when the host's mounts changed, and asking is one poll, done at
 * most once per tick of the coarse clock unless a file's device was not
 * found. That of another namespace is never kept open, because it would keep
 * the namespace, and a container's mounts busy; its list serves for a moment.
 */
#include "proc/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/mount_list.h"
#include "proc/procfs.h"
#include "proc/second_look.h"

/* Other namespaces whose mounts are remembered, and for how long. */
#define OTHERS_MAX     16
#define OTHER_FRESH_NS 250000000ll
/* Ancestors asked for their mounts when the process itself is gone. */
#define ASKED_MAX      8

struct other {
	uint32_t ns;
	int64_t read_at;
	struct mount_list list;
};

struct mounts {
	const char *procfs;
	int fd;		  /* mountinfo of PID 1, or of ourselves */
	uint32_t host_ns; /* 0: could not be told */
	struct second_look_from look;
	bool is_read;
	struct mount_list host;
	int64_t asked_tick;
	struct other others[OTHERS_MAX];
};

int mounts_new(const char *procfs, struct mounts **ret)
{
	struct mounts *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->procfs = procfs;
	m->fd = -1;
	second_look_open(procfs, &m->look);
	*ret = m;
	return 0;
}

void mounts_free(struct mounts *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		(void)close(m->fd);
	second_look_close(&m->look);
	mount_list_done(&m->host);
	for (size_t i = 0; i < OTHERS_MAX; i++)
		mount_list_done(&m->others[i].list);
	free(m);
}

/* ---- the host ----------------------------------------------------------- */

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
	struct mount_list list;

	if (m->fd < 0 && open_host(m) < 0)
		return false;
	if (m->is_read) {
		if (now == m->asked_tick && !urgent)
			return false;
		m->asked_tick = now;
		if (!has_changed(m))
			return false;
	}
	if (mount_list_read(m->fd, &list) < 0)
		return false;
	mount_list_done(&m->host);
	m->host = list;
	m->asked_tick = now;
	m->is_read = true;
	return true;
}

/* ---- other namespaces --------------------------------------------------- */

/* Of this process, if it is in that namespace and its root is all of it. */
static int read_of(const struct mounts *m, uint32_t tgid, uint32_t ns,
		   struct mount_list *ret)
{
	char name[PROCFS_NAME_MAX], root[2];
	cleanup_close int dir = -1, fd = -1;

	dir = open(procfs_name(name, m->procfs, (pid_t)tgid, "."),
		   O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (procfs_namespace(dir, "ns/mnt") != ns)
		return -ESRCH;
	/* In a chroot mount points lack their front. */
	if (readlinkat(dir, "root", root, sizeof(root)) != 1)
		return -ENOTSUP;
	fd = openat(dir, "mountinfo", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return mount_list_read(fd, ret);
}

static struct other *other_of(struct mounts *m, uint32_t ns)
{
	struct other *oldest = &m->others[0];

	for (size_t i = 0; i < OTHERS_MAX; i++) {
		if (m->others[i].ns == ns)
			return &m->others[i];
		if (m->others[i].read_at < oldest->read_at)
			oldest = &m->others[i];
	}
	mount_list_done(&oldest->list);
	*oldest = (struct other){ .ns = ns };
	return oldest;
}

/*
 * The process may be gone by now (mv is quick): then whoever it descends from
 * in the same namespace, then what was read before.
 */
static const struct mount_list *list_of(struct mounts *m,
					const struct mounts_file *f)
{
	struct other *o;
	struct mount_list list;
	int64_t now = coarse_tick();
	unsigned asked = 0;

	if (f->mnt_ns == m->host_ns)
		return &m->host;
	o = other_of(m, f->mnt_ns);
	if (o->read_at && now - o->read_at < OTHER_FRESH_NS)
		return &o->list;
	for (const struct image *a = f->actor; a && asked < ASKED_MAX;
	     a = a->parent, asked++) {
		if (read_of(m, a->proc.tgid, f->mnt_ns, &list) < 0)
			continue;
		mount_list_done(&o->list);
		o->list = list;
		break;
	}
	/* Also where nobody answered: not asked again for as long. */
	o->read_at = now;
	return &o->list;
}

/* ---- names -------------------------------------------------------------- */

/* replace from by to at the front of path. "" stands for the root. */
static struct slice change_front(struct slice path, struct slice from,
				 struct slice to,
				 char out[static MOUNTS_PATH_MAX])
{
	struct slice rest = slice_of(path.p + from.n, path.n - from.n);
	size_t n = to.n;

	/* The front itself: "/" adds nothing to it. */
	if (n && rest.n == 1 && rest.p[0] == '/')
		rest.n = 0;
	if (n + rest.n > MOUNTS_PATH_MAX)
		return (struct slice){ NULL, 0 };
	if (n)
		memcpy(out, to.p, n);
	if (rest.n)
		memcpy(out + n, rest.p, rest.n);
	n += rest.n;
	if (!n)
		out[n++] = '/';
	return slice_of(out, n);
}

/* Of the directories on a name's way so many are looked at. */
#define AGREE_MAX 8

/* Is the directory the one that fs_path and dev say, by this list? */
static bool is_same(const struct mount_list *list, uint32_t dev,
		    struct slice dir, struct slice fs_dir)
{
	const struct slice root = slice_str("/");
	const struct mount *at;
	char out[MOUNTS_PATH_MAX];

	dir = dir.n ? dir : root;
	fs_dir = fs_dir.n ? fs_dir : root;
	at = mount_list_through(list, dir);
	return at && at->dev == dev &&
	       slice_eq(change_front(dir, at->point, at->root, out), fs_dir);
}

/*
 * Does the list know the directory that a claimed name began in, by the name
 * that the kernel has for it? It does not know one in a tree that is in no
 * namespace, nor one that something was mounted over: then what the list says of
 * the name is said of another file. Which part of the name is the directory's
 * is not known any more; it is one of those behind which the name from the
 * namespace's root and that from the file system's are alike.
 */
static bool agrees(const struct mount_list *list, uint32_t dev,
		   const struct file_path *path)
{
	struct slice p = path->path, fs = path->fs_path;
	unsigned asked = 0;
	size_t alike = 0;

	if (!fs.n)
		return true;
	while (alike < p.n && alike < fs.n &&
	       p.p[p.n - alike - 1] == fs.p[fs.n - alike - 1])
		alike++;
	for (; alike && asked < AGREE_MAX; alike--) {
		if (p.p[p.n - alike] != '/')
			continue;
		if (is_same(list, dev, slice_of(p.p, p.n - alike),
			    slice_of(fs.p, fs.n - alike)))
			return true;
		asked++;
	}
	return false;
}

/*
 * A joined name may lead through other mounts than its directory's: the
 * namespace's list says through which. The decoder could not know.
 */
static void lead_through(struct mounts *m, struct mounts_file *f,
			 struct file_path *path, char *out)
{
	const struct mount_list *list = list_of(m, f);
	const struct mount *at = mount_list_through(list, path->path);
	struct slice fs;

	/*
	 * Nobody is left in that namespace who could be asked: through a mount
	 * of its own the name may lead to any file.
	 */
	if (!list->count)
		path->flags |= PATH_F_FOREIGN;
	if (!at || !agrees(list, f->dev, path))
		return;
	fs = change_front(path->path, at->point, at->root, out);
	if (!fs.n)
		return;
	f->dev = at->dev;
	path->fs_path = slice_eq(fs, path->path) ? path->path : fs;
}

/*
 * Where everybody has the file systems in which the kernel shows itself. Whoever
 * mounts one of them anew has another device and the same files.
 */
static const struct {
	uint32_t magic;
	const char *point;
} kernels_own[] = {
	{ PROC_SUPER_MAGIC, "/proc" },
	{ SYSFS_MAGIC, "/sys" },
	{ DEBUGFS_MAGIC, "/sys/kernel/debug" },
	{ SECURITYFS_MAGIC, "/sys/kernel/security" },
	{ SELINUX_MAGIC, "/sys/fs/selinux" },
	{ CGROUP2_SUPER_MAGIC, "/sys/fs/cgroup" },
	{ CGROUP_SUPER_MAGIC, "/sys/fs/cgroup" },
};

static struct slice kernels_point(uint32_t magic)
{
	for (size_t i = 0; i < sizeof(kernels_own) / sizeof(*kernels_own); i++)
		if (kernels_own[i].magic == magic)
			return slice_str(kernels_own[i].point);
	return (struct slice){ NULL, 0 };
}

static void put_host_path(struct file_path *path, struct slice root,
			  struct slice point, struct mounts_room *room)
{
	struct slice host =
		change_front(path->fs_path, root, point, room->host_path);

	if (!slice_eq(host, path->path))
		path->host_path = host;
}

static void find_host_path(struct mounts *m, const struct mounts_file *file,
			   struct file_path *path, struct mounts_room *room)
{
	struct mounts_file f = *file;
	const struct mount *at;
	struct slice point;

	path->host_path = (struct slice){ NULL, 0 };
	path->flags &= (uint8_t)~PATH_F_FOREIGN;
	if (!m->is_read)
		(void)refresh(m, true);
	/* A front that was cut, or never reached, leads nowhere. */
	if (path->flags & PATH_F_CLAIMED &&
	    !(path->flags & PATH_F_UNRESOLVED) && f.mnt_ns && path->path.n &&
	    path->path.p[0] == '/') {
		(void)refresh(m, false);
		lead_through(m, &f, path, room->fs_path);
	}
	if (!path->fs_path.n || !f.dev)
		return;
	/* Most are on the host's root, and called what they were called. */
	if (m->host_ns && f.mnt_ns == m->host_ns && f.dev == m->host.root_dev &&
	    slice_eq(path->path, path->fs_path))
		return;
	(void)refresh(m, false);
	at = mount_list_first(&m->host, f.dev, path->fs_path);
	if (!at && refresh(m, true))
		at = mount_list_first(&m->host, f.dev, path->fs_path);
	if (!at) {
		if (m->is_read && !m->host.is_cut &&
		    (path->flags & (PATH_F_UNRESOLVED | PATH_F_CLAIMED)) !=
			    PATH_F_UNRESOLVED)
			path->flags |= PATH_F_FOREIGN;
		/* What a claimed name led to may be of another file system. */
		point = kernels_point(f.fs_magic);
		if (point.n && !(path->flags & PATH_F_CLAIMED))
			put_host_path(path, slice_str(""), point, room);
		return;
	}
	put_host_path(path, at->root, at->point, room);
}

/* Is the directory that a claimed name began in one of the host's tree? */
static bool begins_here(struct mounts *m, const struct mounts_file *file,
			const struct file_path *path)
{
	(void)refresh(m, false);
	return !m->host.count || !file->dev ||
	       agrees(&m->host, file->dev, path);
}

/*
 * A claimed name of the host's namespace is first led through the links on its
 * way, as they are now.
 */
void mounts_host_path(struct mounts *m, const struct mounts_file *file,
		      struct file_path *path, struct mounts_room *room)
{
	struct slice real = { NULL, 0 };
	struct file_path way = *path;

	if ((path->flags & PATH_F_CLAIMED) &&
	    !(path->flags & PATH_F_UNRESOLVED) && m->look.mnt_ns &&
	    file->mnt_ns == m->look.mnt_ns && begins_here(m, file, path))
		real = second_look(&m->look, path->path, file->follows,
				   room->real);
	if (!real.n) {
		find_host_path(m, file, path, room);
		return;
	}
	way.path = real;
	way.fs_path = (struct slice){ NULL, 0 };
	find_host_path(m, file, &way, room);
	path->flags = way.flags;
	path->fs_path = way.fs_path;
	path->host_path = way.host_path.n ? way.host_path : real;
}
