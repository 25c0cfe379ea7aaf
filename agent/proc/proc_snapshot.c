/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that already ran: keys from the kernel's iterator, the rest from
 * /proc.
 *
 * Everything is read through one descriptor of /proc/TGID, which stays that
 * process's even when its pid is used again, and only after the start time
 * in stat agreed with the key. What /proc says is what the process lets it
 * say (arguments and environment are its own memory), so the image is marked
 * IMAGE_F_SNAPSHOT for good.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "proc/proc_impl.h"
#include "proc/procfs.h"

/* Longest stack of arguments and environment that is looked through. */
#define AREA_MAX   (1u << 20)
#define TEXT_MAX   (64u << 10)
#define MOUNTS_MAX (8u << 20)
#define PF_KTHREAD 0x00200000

/* What was read; the image's slices point in here. */
struct task_text {
	char *stat, *status, *args, *env;
	char exe[WIRE_NAME_MAX + 1];
	char cwd[WIRE_NAME_MAX + 1];
	char fs_path[2 * WIRE_NAME_MAX + 2];
};

static void task_text_done(struct task_text *x)
{
	free(x->stat);
	free(x->status);
	free(x->args);
	free(x->env);
}

/* ---- numbers ------------------------------------------------------------ */

static int read_stat(int dir, const struct wire_task *task, struct task_text *x,
		     struct image *img)
{
	struct procfs_stat st;
	struct slice text;
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	int r;

	r = procfs_read_at(dir, "stat", TEXT_MAX, &x->stat, &text.n);
	if (r < 0)
		return r;
	text.p = x->stat;
	r = procfs_parse_stat(text, &st);
	if (r < 0)
		return r;
	/* The kernel rounds down, and so do we. */
	if (task->start_ns / (NS_PER_S / hz) != st.start_ticks)
		return -ESRCH;
	if (st.comm.n > sizeof(img->comm) - 1)
		st.comm.n = sizeof(img->comm) - 1;
	memcpy(img->comm, st.comm.p, st.comm.n);
	img->sid = st.sid;
	img->pgid = st.pgid;
	img->tty = st.tty;
	if (st.flags & PF_KTHREAD)
		img->flags |= IMAGE_F_KTHREAD;
	return 0;
}

/* Lines of status whose value is one hexadecimal set of capabilities. */
static const struct {
	const char *key;
	size_t at;
} cap_lines[] = {
	{ "CapInh", offsetof(struct image, cap_inheritable) },
	{ "CapPrm", offsetof(struct image, cap_permitted) },
	{ "CapEff", offsetof(struct image, cap_effective) },
	{ "CapBnd", offsetof(struct image, cap_bounding) },
	{ "CapAmb", offsetof(struct image, cap_ambient) },
};

static void read_ids(struct slice value, uint32_t *ids[4])
{
	struct slice word;

	for (int i = 0; i < 4 && text_word(&value, &word); i++)
		if (ids[i])
			(void)text_u32(word, ids[i]);
}

static void read_status_line(struct slice line, struct image *img)
{
	uint32_t *uids[] = { &img->uid, &img->euid, &img->suid, &img->fsuid };
	uint32_t *gids[] = { &img->gid, &img->egid, &img->sgid, NULL };
	struct slice value, word;

	if (procfs_field(line, "Uid", &value))
		read_ids(value, uids);
	else if (procfs_field(line, "Gid", &value))
		read_ids(value, gids);
	else if (procfs_field(line, "NoNewPrivs", &value))
		img->flags |= slice_eq(value, slice_str("1"))
				      ? IMAGE_F_NO_NEW_PRIVS
				      : 0;
	else if (procfs_field(line, "NSpid", &value))
		while (text_word(&value, &word)) /* the innermost is last */
			(void)text_u32(word, &img->ns_pid);
	for (size_t i = 0; i < sizeof(cap_lines) / sizeof(*cap_lines); i++) {
		uint64_t *set =
			(uint64_t *)(void *)((char *)img + cap_lines[i].at);

		if (procfs_field(line, cap_lines[i].key, &value))
			(void)text_hex_u64(value, set);
	}
}

static void read_status(int dir, struct task_text *x, struct image *img)
{
	struct slice rest, line;

	if (procfs_read_at(dir, "status", TEXT_MAX, &x->status, &rest.n) < 0)
		return;
	rest.p = x->status;
	while (procfs_next_line(&rest, &line))
		read_status_line(line, img);
}

static void read_number(int dir, const char *name, uint32_t *ret)
{
	cleanup_free char *text = NULL;
	struct slice line, rest;

	if (procfs_read_at(dir, name, 64, &text, &rest.n) < 0)
		return;
	rest.p = text;
	if (procfs_next_line(&rest, &line))
		(void)text_u32(line, ret);
}

static void read_namespaces(int dir, struct image *img)
{
	const struct {
		const char *name;
		uint32_t *at;
	} links[] = {
		{ "ns/pid", &img->pid_ns },   { "ns/net", &img->net_ns },
		{ "ns/user", &img->user_ns }, { "ns/uts", &img->uts_ns },
		{ "ns/ipc", &img->ipc_ns },   { "ns/cgroup", &img->cgroup_ns },
	};

	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		*links[i].at = procfs_namespace(dir, links[i].name);
	if (!img->mnt_ns)
		img->mnt_ns = procfs_namespace(dir, "ns/mnt");
}

static void read_stdio(int dir, struct image *img)
{
	static const char *const names[] = { "fd/0", "fd/1", "fd/2" };

	for (int i = 0; i < 3; i++) {
		struct stdio *s = &img->stdio[i];
		struct stat st;

		if (fstatat(dir, names[i], &st, 0) < 0) {
			s->kind = errno == ENOENT ? STDIO_CLOSED : STDIO_OTHER;
			continue;
		}
		s->ino = st.st_ino;
		s->rdev = procfs_kernel_dev(st.st_rdev);
		s->kind = proc_stdio_kind(st.st_mode, s->rdev);
	}
}

/* ---- the executable ----------------------------------------------------- */

static struct slice read_link(int dir, const char *name,
			      char out[static WIRE_NAME_MAX + 1])
{
	ssize_t n = readlinkat(dir, name, out, WIRE_NAME_MAX + 1);

	/* A name that fills the room may have been cut. */
	if (n <= 0 || n > WIRE_NAME_MAX)
		return (struct slice){ NULL, 0 };
	return slice_of(out, (size_t)n);
}

static bool find_mount(struct slice rest, uint32_t id, struct procfs_mount *ret)
{
	struct slice line;

	while (procfs_next_line(&rest, &line))
		if (procfs_parse_mount(line, ret) == 0 && ret->id == id)
			return true;
	return false;
}

/*
 * The mount that a file was reached by. stat's st_dev is not the
 * superblock's on btrfs and overlay; mountinfo's is. The text of the last
 * process serves the next, as mounts have one number everywhere.
 */
static bool mount_of(struct proc_table *t, int dir, uint32_t id,
		     struct procfs_mount *ret)
{
	char *text;
	size_t n;

	if (find_mount(slice_of(t->mountinfo, t->mountinfo_n), id, ret))
		return true;
	if (procfs_read_at(dir, "mountinfo", MOUNTS_MAX, &text, &n) < 0)
		return false;
	free(t->mountinfo);
	t->mountinfo = text;
	t->mountinfo_n = n;
	return find_mount(slice_of(text, n), id, ret);
}

/* The mount's root + what of path lies below its mount point. */
static struct slice fs_path_of(struct task_text *x, struct slice path,
			       const struct procfs_mount *m)
{
	char root[WIRE_NAME_MAX], point[WIRE_NAME_MAX];
	size_t root_n, point_n;

	if (m->root.n > sizeof(root) || m->point.n > sizeof(point))
		return (struct slice){ NULL, 0 };
	memcpy(root, m->root.p, m->root.n);
	memcpy(point, m->point.p, m->point.n);
	root_n = procfs_unescape(root, m->root.n);
	point_n = procfs_unescape(point, m->point.n);
	root_n = root_n == 1 ? 0 : root_n;
	point_n = point_n == 1 ? 0 : point_n;
	/* In a chroot the mount point lacks its front: then unknown. */
	if (!slice_starts(path, slice_of(point, point_n)) ||
	    path.n == point_n || path.p[point_n] != '/')
		return (struct slice){ NULL, 0 };
	memcpy(x->fs_path, root, root_n);
	memcpy(x->fs_path + root_n, path.p + point_n, path.n - point_n);
	return slice_of(x->fs_path, root_n + path.n - point_n);
}

static int64_t nanoseconds(struct statx_timestamp ts)
{
	return ts.tv_sec * (int64_t)NS_PER_S + ts.tv_nsec;
}

/* False: it has none any more, as it is about to end. */
static bool read_exe(struct proc_table *t, int dir, struct task_text *x,
		     struct image *img)
{
	static const char deleted[] = " (deleted)";
	struct mounts_file file = { .mnt_ns = img->mnt_ns };
	struct file_id *f = &img->exe_file;
	struct procfs_mount m;
	struct slice path;
	struct statx sx;

	errno = 0;
	path = read_link(dir, "exe", x->exe);
	if (!path.n)
		return errno != ENOENT && errno != ESRCH;
	img->exe.path = path;
	if (statx(dir, "exe", 0, STATX_BASIC_STATS | STATX_MNT_ID, &sx) < 0)
		return true;
	*f = (struct file_id){
		.ino = sx.stx_ino,
		.size = sx.stx_size,
		.mtime_ns = nanoseconds(sx.stx_mtime),
		.ctime_ns = nanoseconds(sx.stx_ctime),
		.dev = sx.stx_dev_major << 20 | sx.stx_dev_minor,
		.uid = sx.stx_uid,
		.gid = sx.stx_gid,
		.nlink = sx.stx_nlink,
		.mode = sx.stx_mode,
		.known = true,
	};
	/* A file may be called that; one without links is not. */
	if (!f->nlink && path.n > sizeof(deleted) - 1 &&
	    !memcmp(path.p + path.n - (sizeof(deleted) - 1), deleted,
		    sizeof(deleted) - 1)) {
		img->exe.path.n -= sizeof(deleted) - 1;
		img->exe.flags |= PATH_F_DELETED;
		f->memfd = slice_starts(path, slice_str("/memfd:"));
	}
	if (!(sx.stx_mask & STATX_MNT_ID) ||
	    !mount_of(t, dir, (uint32_t)sx.stx_mnt_id, &m))
		return true;
	file.dev = f->dev = m.dev;
	img->exe.fs_path = fs_path_of(x, img->exe.path, &m);
	mounts_host_path(t->mounts, &file, &img->exe, &t->exe_room);
	return true;
}

/* ---- arguments and environment ------------------------------------------ */

static void read_areas(struct proc_table *t, int dir, struct task_text *x,
		       struct image *img)
{
	struct slice env = { NULL, 0 };
	size_t n = 0;
	bool cut;

	if (procfs_read_at(dir, "cmdline", AREA_MAX, &x->args, &n) == 0) {
		img->args_bytes = (uint32_t)n;
		for (size_t i = 0; i < n; i++)
			img->argc += !x->args[i] || i + 1 == n;
		if (n > WIRE_ARGS_MAX) {
			img->flags |= IMAGE_F_ARGS_TRUNCATED;
			n = WIRE_ARGS_MAX;
		}
		img->args = slice_of(x->args, n);
	}
	if (procfs_read_at(dir, "environ", AREA_MAX, &x->env, &env.n) == 0) {
		env.p = x->env;
		img->env = proc_filter_env(t, env, &cut);
		if (cut || env.n == AREA_MAX)
			img->flags |= IMAGE_F_ENV_TRUNCATED;
	}
}

/* ---- the whole ---------------------------------------------------------- */

static int read_task(struct proc_table *t, const struct wire_task *task,
		     struct task_text *x, struct image *img)
{
	cleanup_close int dir = -1;
	char name[PROCFS_NAME_MAX];
	struct image read = *img;
	bool is_known = true;
	int r;

	dir = open(procfs_name(name, t->procfs, (pid_t)task->tgid, "."),
		   O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	r = read_stat(dir, task, x, &read);
	if (r < 0)
		return r;
	read_status(dir, x, &read);
	read_number(dir, "loginuid", &read.login_uid);
	read_number(dir, "sessionid", &read.session_id);
	read_namespaces(dir, &read);
	if (!(read.flags & IMAGE_F_KTHREAD)) {
		is_known = read_exe(t, dir, x, &read);
		read.cwd = read_link(dir, "cwd", x->cwd);
		read_areas(t, dir, x, &read);
		read_stdio(dir, &read);
	}
	/* What runs is what counts: a record that tells it may still come. */
	if (is_known)
		read.flags &= ~(uint32_t)IMAGE_F_UNKNOWN;
	*img = read;
	return 0;
}

static int link_parent(struct proc_table *t, const struct wire_task *task,
		       struct proc *p)
{
	const struct proc_ref ref = {
		{ task->parent_start_ns, task->parent_tgid },
		task->parent_image,
	};
	const struct proc_key key = p->key;
	struct image *parent;
	int r;

	if (p->image->parent)
		return 0;
	r = proc_parent(t, key, &ref, &parent);
	if (r < 0 || !parent)
		return r;
	/* Entering the parent may have cost a dead one its place. */
	p = proc_index_find(t->index, key);
	if (!p)
		return 0;
	for (struct image *i = p->image; i; i = i->prev)
		if (!i->parent)
			image_set_parent(i, parent);
	return 0;
}

/* Events came first, and what they tell stands, unless they told nothing. */
static int complete(struct proc_table *t, struct proc *p,
		    const struct image *from)
{
	struct image *img;
	int r;

	if (p->image->number == from->number) {
		if (!(p->image->flags & IMAGE_F_UNKNOWN) ||
		    from->flags & IMAGE_F_UNKNOWN)
			return 0;
		r = image_become(p->image, from);
		if (r == -EEXIST)
			return 0;
		if (r < 0)
			return r;
		proc_drop_variants(p);
		proc_name_cgroups(t, p->image);
		return 0;
	}
	if ((int32_t)(from->number - p->image->number) < 0)
		return 0;
	img = proc_make(t, from);
	if (!img)
		return -ENOMEM;
	image_set_prev(img, p->image);
	image_set_parent(img, p->image->parent);
	proc_next_image(p, img);
	return 0;
}

static int enter_task(struct proc_table *t, const struct wire_task *task,
		      const struct image *from)
{
	struct proc_key key = { task->start_ns, task->tgid };
	struct proc *p = proc_lookup(t, key, task->image);
	struct image *img;
	int r;

	if (p) {
		r = complete(t, p, from);
	} else {
		img = proc_make(t, from);
		r = img ? 0 : -ENOMEM;
		if (img) {
			p = proc_enter(t, key);
			proc_set_image(p, img);
		}
	}
	if (r < 0)
		return r;
	p->heal_round = t->heal_round;
	proc_index_touch(t->index, p);
	return link_parent(t, task, p);
}

int proc_table_snapshot(struct proc_table *t, const struct wire_task *task)
{
	struct proc_key key = { task->start_ns, task->tgid };
	struct actor actor = proc_named(key, task->image);
	struct task_text *x = calloc(1, sizeof(*x));
	struct image from;
	int r;

	if (!x)
		return -ENOMEM;
	actor.mnt_ns = task->mnt_ns;
	actor.cgroup_id = task->cgroup_id;
	actor.cgroup_v1_id = task->cgroup_v1_id;
	actor.kthread = task->flags & WIRE_F_KTHREAD;
	from = proc_unknown(&actor);
	from.flags |= IMAGE_F_SNAPSHOT;
	from.began_ns = task->start_ns;
	/* One that is gone is entered by its key: its exit is to come. */
	(void)read_task(t, task, x, &from);
	r = enter_task(t, task, &from);
	task_text_done(x);
	free(x);
	return r;
}
