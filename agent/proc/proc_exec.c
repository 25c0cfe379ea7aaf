/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exec record tells about an image. Everything here is borrowed from
 * the record or joined in the table's room; the image copies it.
 */
#include <sys/stat.h>

#include "base/path.h"
#include "proc/proc_impl.h"

#define MAJOR(dev) ((dev) >> 20)
#define MINOR(dev) ((dev)&0xfffff)

/* Documentation/admin-guide/devices.txt */
static const struct {
	uint32_t major, minor_min, minor_max;
	enum stdio_kind kind;
} char_devices[] = {
	{ 1, 3, 3, STDIO_NULL },
	{ 4, 0, 0xfffff, STDIO_TTY },	/* consoles, serial lines */
	{ 5, 0, 0xfffff, STDIO_TTY },	/* tty, console, ptmx */
	{ 136, 0, 0xfffff, STDIO_TTY }, /* pts, to 143 */
	{ 137, 0, 0xfffff, STDIO_TTY },
	{ 138, 0, 0xfffff, STDIO_TTY },
	{ 139, 0, 0xfffff, STDIO_TTY },
	{ 140, 0, 0xfffff, STDIO_TTY },
	{ 141, 0, 0xfffff, STDIO_TTY },
	{ 142, 0, 0xfffff, STDIO_TTY },
	{ 143, 0, 0xfffff, STDIO_TTY },
};

enum stdio_kind proc_stdio_kind(uint32_t mode, uint32_t rdev)
{
	if (!mode)
		return STDIO_CLOSED;
	switch (mode & S_IFMT) {
	case S_IFREG:
		return STDIO_FILE;
	case S_IFIFO:
		return STDIO_PIPE;
	case S_IFSOCK:
		return STDIO_SOCKET;
	case S_IFBLK:
		return STDIO_DEVICE;
	case S_IFCHR:
		break;
	default:
		return STDIO_OTHER; /* directories, anonymous inodes */
	}
	for (size_t i = 0; i < sizeof(char_devices) / sizeof(*char_devices);
	     i++)
		if (char_devices[i].major == MAJOR(rdev) &&
		    char_devices[i].minor_min <= MINOR(rdev) &&
		    char_devices[i].minor_max >= MINOR(rdev))
			return char_devices[i].kind;
	return STDIO_DEVICE;
}

/* ---- environment -------------------------------------------------------- */

static bool is_kept(const struct proc_table *t, struct slice name)
{
	for (char **n = t->env_names; n && *n; n++)
		if (slice_eq(name, slice_str(*n)))
			return true;
	return false;
}

/* The kernel side compares only the start of a name: here all of it counts. */
struct slice proc_filter_env(struct proc_table *t, struct slice env,
			     bool *ret_cut)
{
	const char *p = env.p;
	const char *end = env.n ? p + env.n : p;
	size_t n = 0;

	*ret_cut = false;
	while (p < end) {
		const char *zero = memchr(p, 0, (size_t)(end - p));
		const char *stop = zero ? zero : end;
		size_t len = (size_t)(stop - p);
		const char *equals = len ? memchr(p, '=', len) : NULL;

		if (equals && is_kept(t, slice_of(p, (size_t)(equals - p)))) {
			if (len + 1 > sizeof(t->env) - n) {
				*ret_cut = true;
				break;
			}
			memcpy(t->env + n, p, len);
			t->env[n + len] = 0;
			n += len + 1;
		}
		p = zero ? zero + 1 : end;
	}
	return slice_of(t->env, n);
}

/* ---- the record --------------------------------------------------------- */

static const struct {
	uint32_t wire, image;
} exec_flags[] = {
	{ WIRE_EXEC_ARGS_TRUNCATED, IMAGE_F_ARGS_TRUNCATED },
	{ WIRE_EXEC_ENV_TRUNCATED, IMAGE_F_ENV_TRUNCATED },
	{ WIRE_EXEC_SCRIPT, IMAGE_F_SCRIPT },
	{ WIRE_EXEC_NO_NEW_PRIVS, IMAGE_F_NO_NEW_PRIVS },
	{ WIRE_EXEC_SECURE, IMAGE_F_SECURE },
};

/*
 * The script's file, where the kernel told of it before; else its name is what
 * the caller gave, made absolute.
 */
static void set_script(struct proc_table *t, const struct event *ev,
		       struct image *img)
{
	const struct exec_info *e = &ev->exec;
	struct path_join j = { .name = e->filename };
	const struct script *script = NULL;

	if (e->wire->script_ns)
		script = scripts_find(t->scripts, ev->actor.proc,
				      e->wire->script_ns);
	if (script) {
		img->script = script->path;
		img->script_file = script->file;
		return;
	}
	if (!e->filename.n)
		return;
	if (e->filename.p[0] != '/')
		j.base = e->cwd.path;
	/* The decoder takes no name longer than this; events may be made. */
	if (path_join_room(&j) <= sizeof(t->script))
		img->script = slice_of(t->script, path_join(&j, t->script));
}

static void set_strings(struct proc_table *t, const struct event *ev,
			struct image *img)
{
	const struct exec_info *e = &ev->exec;
	const struct mounts_file file = { .mnt_ns = ev->actor.mnt_ns,
					  .dev = e->file.dev };
	bool cut;

	img->exe = e->exe;
	mounts_host_path(t->mounts, &file, &img->exe, &t->exe_room);
	img->filename = e->filename;
	img->cwd = e->cwd.path;
	img->args = e->args;
	img->env = proc_filter_env(t, e->env, &cut);
	if (cut)
		img->flags |= IMAGE_F_ENV_TRUNCATED;
	if (img->flags & IMAGE_F_SCRIPT)
		set_script(t, ev, img);
}

static void set_ids(const struct wire_exec *w, struct image *img)
{
	img->suid = w->suid;
	img->fsuid = w->fsuid;
	img->egid = w->egid;
	img->sgid = w->sgid;
	img->login_uid = w->login_uid;
	img->session_id = w->session_id;
	img->sid = w->sid;
	img->pgid = w->pgid;
	img->tty = w->tty;
	img->ns_pid = w->ns_pid;
	img->pid_ns = w->pid_ns;
	img->net_ns = w->net_ns;
	img->user_ns = w->user_ns;
	img->uts_ns = w->uts_ns;
	img->ipc_ns = w->ipc_ns;
	img->cgroup_ns = w->cgroup_ns;
	img->cap_permitted = w->cap_permitted;
	img->cap_effective = w->cap_effective;
	img->cap_inheritable = w->cap_inheritable;
	img->cap_bounding = w->cap_bounding;
	img->cap_ambient = w->cap_ambient;
	for (int i = 0; i < 3; i++)
		img->stdio[i] = (struct stdio){
			.ino = w->stdio[i].ino,
			.rdev = w->stdio[i].rdev,
			.kind = proc_stdio_kind(w->stdio[i].mode,
						w->stdio[i].rdev),
		};
}

struct image proc_exec_image(struct proc_table *t, const struct event *ev)
{
	const struct wire_exec *w = ev->exec.wire;
	struct image img = proc_unknown(&ev->actor);

	img.flags &= ~(uint32_t)IMAGE_F_UNKNOWN;
	img.began_ns = ev->time_ns;
	img.exe_file = ev->exec.file;
	for (size_t i = 0; i < sizeof(exec_flags) / sizeof(*exec_flags); i++)
		if (w->flags & exec_flags[i].wire)
			img.flags |= exec_flags[i].image;
	img.argc = w->argc;
	img.args_bytes = w->args_bytes;
	memcpy(img.comm, w->comm, sizeof(img.comm));
	img.comm[sizeof(img.comm) - 1] = 0;
	set_ids(w, &img);
	set_strings(t, ev, &img);
	return img;
}
