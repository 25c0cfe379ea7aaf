/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpffs holds directories and pins, no files: so the lock is on the directory
 * itself, and who has it stands in a map.
 */
#include "sense/pins.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

#define HOLDER	    "holder"
#define HOLDER_MAX  200
#define ASIDE_MAX   1000
/* HASH-HASH, and -N when set aside; bpffs knows no dots. */
#define HASH_DIGITS 16

struct pins {
	char *dir;
	int fd; /* has the lock */
};

static int path_of(const struct pins *p, const char *generation,
		   const char *rest, char ret[static 512])
{
	int n = snprintf(ret, 512, "%s%s%s%s%s", p->dir, *generation ? "/" : "",
			 generation, *rest ? "/" : "", rest);

	return n < 0 || n >= 512 ? -ENAMETOOLONG : 0;
}

static bool is_bpffs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* Nobody but us may put anything in there. */
static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	       !(st.st_mode & 022);
}

static int open_dir(const char *dir, char what[static 256])
{
	cleanup_close int fd = -1;
	bool made = mkdir(dir, 0700) == 0;

	if (!made && errno != EEXIST) {
		(void)snprintf(what, 256, "cannot make '%.150s': %s", dir,
			       strerror(errno));
		return -errno;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		(void)snprintf(what, 256, "cannot open '%.150s': %s", dir,
			       strerror(errno));
		return -errno;
	}
	if (!is_bpffs(fd)) {
		if (made)
			(void)rmdir(dir);
		(void)snprintf(what, 256,
			       "'%.150s' is not in a bpf file "
			       "system",
			       dir);
		return -ENOTSUP;
	}
	if (!is_ours(fd)) {
		(void)snprintf(what, 256, "others may write to '%.150s'", dir);
		return -EACCES;
	}
	return steal_fd(&fd);
}

static bool has_shape(int fd, const struct pins_shape *s)
{
	struct bpf_map_info info = { 0 };
	uint32_t n = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &n) == 0 &&
	       info.type == s->type && info.key_size == s->key_bytes &&
	       info.value_size == s->value_bytes &&
	       (!s->entries || info.max_entries == s->entries);
}

static void say_holder(const struct pins *p, char what[static 256])
{
	const struct pins_shape shape = { BPF_MAP_TYPE_ARRAY, 4, HOLDER_MAX,
					  1 };
	char path[512], text[HOLDER_MAX] = "", *c;
	cleanup_close int fd = -1;
	uint32_t key = 0;

	if (path_of(p, "", HOLDER, path) == 0)
		fd = bpf_obj_get(path);
	if (fd < 0 || !has_shape(fd, &shape) ||
	    bpf_map_lookup_elem(fd, &key, text) < 0)
		*text = '\0';
	text[sizeof(text) - 1] = '\0';
	for (c = text; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	(void)snprintf(what, 256, "another picket runs: %s",
		       *text ? text : "it does not say which");
}

static int put_holder(const struct pins *p, const char *holder)
{
	cleanup_close int fd = -1;
	char path[512], text[HOLDER_MAX] = "";
	uint32_t key = 0;
	int r;

	r = path_of(p, "", HOLDER, path);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%s", holder);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "picket_holder", 4, HOLDER_MAX,
			    1, NULL);
	if (fd < 0 || bpf_map_update_elem(fd, &key, text, BPF_ANY) < 0)
		return -errno;
	(void)unlink(path);
	return bpf_obj_pin(fd, path) < 0 ? -errno : 0;
}

static int take(struct pins *p, const char *holder, char what[static 256])
{
	int r;

	if (flock(p->fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		if (r == -EWOULDBLOCK)
			say_holder(p, what);
		else
			(void)snprintf(what, 256, "cannot lock '%.150s': %s",
				       p->dir, strerror(-r));
		return r;
	}
	r = put_holder(p, holder);
	if (r < 0)
		(void)snprintf(what, 256, "cannot pin in '%.150s': %s", p->dir,
			       strerror(-r));
	return r;
}

int pins_open(const char *dir, const char *holder, struct pins **ret,
	      char what[static 256])
{
	struct pins *p = calloc(1, sizeof(*p));
	int r;

	if (p)
		p->dir = strdup(dir);
	if (!p || !p->dir) {
		free(p);
		(void)snprintf(what, 256, "no memory");
		return -ENOMEM;
	}
	r = p->fd = open_dir(dir, what);
	if (r >= 0)
		r = take(p, holder, what);
	if (r < 0) {
		pins_close(p);
		return r;
	}
	*ret = p;
	return 0;
}

void pins_close(struct pins *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		(void)close(p->fd);
	free(p->dir);
	free(p);
}

void pins_remove(struct pins *p)
{
	(void)unlinkat(p->fd, HOLDER, 0);
	(void)rmdir(p->dir);
}

static bool is_generation(const char *name)
{
	size_t n = strspn(name, "0123456789abcdef");

	if (n != HASH_DIGITS || name[n] != '-')
		return false;
	n = strspn(name + n + 1, "0123456789abcdef");
	if (n != HASH_DIGITS || strlen(name) >= PINS_NAME_MAX)
		return false;
	name += 2 * HASH_DIGITS + 1;
	return !*name || *name == '-';
}

bool pins_next(const struct pins *p, size_t *pos, char name[PINS_NAME_MAX])
{
	cleanup_closedir DIR *d = opendir(p->dir);
	const struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d))) {
		if (!is_generation(e->d_name) || n++ < *pos)
			continue;
		++*pos;
		(void)snprintf(name, PINS_NAME_MAX, "%s", e->d_name);
		return true;
	}
	return false;
}

int pins_make(const struct pins *p, const char *generation)
{
	return mkdirat(p->fd, generation, 0700) < 0 ? -errno : 0;
}

int pins_set_aside(const struct pins *p, const char *generation,
		   char to[PINS_NAME_MAX])
{
	int i;

	for (i = 0; i < ASIDE_MAX; i++) {
		(void)snprintf(to, PINS_NAME_MAX, "%.33s-%d", generation, i);
		if (faccessat(p->fd, to, F_OK, 0) == 0)
			continue;
		return renameat(p->fd, generation, p->fd, to) < 0 ? -errno : 0;
	}
	return -EEXIST;
}

int pins_path(const struct pins *p, const char *generation, const char *kind,
	      const char *name, char ret[static 512])
{
	char rest[128];

	(void)snprintf(rest, sizeof(rest), "%s_%s", kind, name);
	return path_of(p, generation, rest, ret);
}

int pins_put(const struct pins *p, const char *generation, const char *kind,
	     const char *name, int fd)
{
	char path[512];
	int r = pins_path(p, generation, kind, name, path);

	if (r < 0)
		return r;
	return bpf_obj_pin(fd, path) < 0 ? -errno : 0;
}

int pins_get(const struct pins *p, const char *generation, const char *kind,
	     const char *name)
{
	char path[512];
	int r = pins_path(p, generation, kind, name, path);

	if (r < 0)
		return r;
	r = bpf_obj_get(path);
	return r < 0 ? -errno : r;
}

int pins_get_map(const struct pins *p, const char *generation, const char *name,
		 const struct pins_shape *shape)
{
	cleanup_close int fd = pins_get(p, generation, "map", name);

	if (fd >= 0 && !has_shape(fd, shape))
		return -EBADMSG;
	return steal_fd(&fd);
}

void pins_take_out(const struct pins *p, const char *generation,
		   const char *kind, const char *name)
{
	char path[512];

	if (pins_path(p, generation, kind, name, path) == 0)
		(void)unlink(path);
}

int pins_replace(const struct pins *p, const char *generation, const char *kind,
		 const char *name, int fd)
{
	pins_take_out(p, generation, kind, name);
	return pins_put(p, generation, kind, name, fd);
}

int pins_mark(const struct pins *p, const char *generation,
	      struct pins_mark *ret)
{
	struct stat here, named, in;

	if (fstat(p->fd, &here) < 0)
		return -errno;
	if (lstat(p->dir, &named) < 0 || named.st_ino != here.st_ino ||
	    named.st_dev != here.st_dev)
		return -ESTALE;
	if (fstatat(p->fd, generation, &in, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret = (struct pins_mark){
		.ino = in.st_ino,
		.changed_s = in.st_ctim.tv_sec,
		.changed_ns = in.st_ctim.tv_nsec,
	};
	return 0;
}

static DIR *open_generation(const struct pins *p, const char *generation)
{
	int fd = openat(p->fd, generation,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? NULL : fdopendir(fd);
}

/* NULL: of any kind. */
static bool is_of_kind(const char *name, const char *kind)
{
	size_t n = kind ? strlen(kind) : 0;

	return *name != '.' &&
	       (!kind || (strncmp(name, kind, n) == 0 && name[n] == '_'));
}

size_t pins_count(const struct pins *p, const char *generation,
		  const char *kind)
{
	cleanup_closedir DIR *d = open_generation(p, generation);
	const struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)))
		n += is_of_kind(e->d_name, kind);
	return n;
}

int pins_drop(const struct pins *p, const char *generation, const char *kind)
{
	cleanup_closedir DIR *d = open_generation(p, generation);
	const struct dirent *e;
	int r = 0;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (!is_of_kind(e->d_name, kind))
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) < 0)
			r = -errno;
	}
	if (!kind && unlinkat(p->fd, generation, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}
