/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes, names and files of one record. The idea: one bounds check in one
 * place (decode_str), and names that need joining are written to the scratch
 * once.
 */
#include "sense/decode_part.h"

#include <errno.h>

#include "base/path.h"

_Static_assert(PATH_F_TRUNCATED == WIRE_PATH_TRUNCATED, "flags");
_Static_assert(PATH_F_UNRESOLVED == WIRE_PATH_UNRESOLVED, "flags");
_Static_assert(PATH_F_DELETED == WIRE_PATH_DELETED, "flags");

#define PATH_FLAGS \
	(WIRE_PATH_TRUNCATED | WIRE_PATH_UNRESOLVED | WIRE_PATH_DELETED)

/*
 * The most that one record needs: a write's two names, and for each the name
 * joined to its base as seen, the base from the file system's root (prefix
 * and tail), and the name joined to that.
 */
#define ROOM_SEEN    (2 * WIRE_NAME_MAX + 2)
#define ROOM_FS_BASE (2 * WIRE_NAME_MAX + 2)
#define ROOM_FS	     (ROOM_FS_BASE + WIRE_NAME_MAX + 2)
_Static_assert(2 * (ROOM_SEEN + ROOM_FS_BASE + ROOM_FS) <=
		       sizeof(((struct decode_scratch *)0)->bytes),
	       "the scratch holds every name of one record");

int decode_refuse(struct decode_reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return -EBADMSG;
}

/* ---- bytes -------------------------------------------------------------- */

struct slice decode_str(struct decode_reader *r, struct wire_str s, size_t max)
{
	if (!s.len)
		return (struct slice){ NULL, 0 };
	if (s.off < r->body || s.off > r->size || s.len > r->size - s.off) {
		(void)decode_refuse(r, "string outside the record");
		return (struct slice){ NULL, 0 };
	}
	if (s.len > max) {
		(void)decode_refuse(r, "string longer than its kind may be");
		return (struct slice){ NULL, 0 };
	}
	return slice_of(r->data + s.off, s.len);
}

/* A name read as a C string: what follows a zero is not part of it. */
struct slice decode_name(struct decode_reader *r, struct wire_str s)
{
	struct slice name = decode_str(r, s, WIRE_NAME_MAX);
	const char *zero = name.n ? memchr(name.p, 0, name.n) : NULL;

	if (zero)
		name.n = (size_t)(zero - name.p);
	return name.n ? name : (struct slice){ NULL, 0 };
}

static char *scratch_room(struct decode_reader *r, size_t n)
{
	struct decode_scratch *s = r->scratch;

	if (n > sizeof(s->bytes) - s->used) {
		(void)decode_refuse(r, "names longer than the scratch");
		return NULL;
	}
	return s->bytes + s->used;
}

static struct slice scratch_take(struct decode_reader *r, size_t n)
{
	struct slice s = slice_of(r->scratch->bytes + r->scratch->used, n);

	r->scratch->used += n;
	return s;
}

/* ---- paths -------------------------------------------------------------- */

/* A path with what is needed to go on below it. */
struct base_path {
	struct file_path path;
	size_t fs_floor; /* of fs_path: what the mount does not show */
	bool on_root;	 /* on the mount that is everything's root */
};

static struct slice join(struct decode_reader *r, struct path_join *j)
{
	char *out = scratch_room(r, path_join_room(j));

	return out ? scratch_take(r, path_join(j, out))
		   : (struct slice){ NULL, 0 };
}

/*
 * prefix + the last `tail` bytes of path. Where the front was cut it cannot
 * be told whose front it was: then unknown, because a wrong name from the
 * file system's root would become a wrong name on the host.
 */
static struct slice get_fs_path(struct decode_reader *r,
				const struct wire_path *w, struct slice path,
				struct slice prefix)
{
	struct slice tail;
	struct path_join j;

	if (w->tail > path.n) {
		(void)decode_refuse(r, "tail longer than its path");
		return (struct slice){ NULL, 0 };
	}
	if (w->flags & WIRE_PATH_TRUNCATED && (prefix.n || w->tail == path.n))
		return (struct slice){ NULL, 0 };
	if (!path.n || (prefix.n && prefix.p[0] != '/'))
		return (struct slice){ NULL, 0 };
	tail = slice_of(path.p + path.n - w->tail, w->tail);
	if (!prefix.n && tail.n && tail.p[0] == '/')
		return tail;
	j = (struct path_join){ .base = prefix, .name = tail };
	/* Kernel names are normal, so this only puts the slashes right. */
	return join(r, &j);
}

static struct base_path get_base(struct decode_reader *r,
				 const struct wire_path *w)
{
	struct base_path b = { 0 };
	struct slice prefix = decode_str(r, w->prefix, WIRE_NAME_MAX);

	b.path.path = decode_str(r, w->path, WIRE_NAME_MAX);
	b.path.flags = (uint8_t)(w->flags & PATH_FLAGS);
	b.path.fs_path = get_fs_path(r, w, b.path.path, prefix);
	b.fs_floor = prefix.n == 1 ? 0 : prefix.n;
	b.on_root = b.path.path.n == 1 || w->tail == b.path.path.n;
	return b;
}

struct file_path decode_path(struct decode_reader *r, const struct wire_path *w)
{
	return get_base(r, w).path;
}

/*
 * A name below a base the kernel named. An absolute name starts at the
 * caller's root, and ".." does not lead out of that; a relative one cannot
 * leave the root of everything. Where ".." leads out of the mount, what the
 * name means on this file system is unknown.
 */
struct file_path decode_below(struct decode_reader *r,
			      const struct wire_path *w, struct slice name)
{
	struct base_path b = get_base(r, w);
	struct path_join j = { .base = b.path.path, .name = name };
	struct path_join fs = { .base = b.path.fs_path, .name = name };

	if (!name.n)
		return b.path;
	if (name.p[0] == '/' && b.path.path.n > 1)
		j.floor = b.path.path.n;
	if (!b.path.path.n)
		b.path.flags |= PATH_F_UNRESOLVED;
	b.path.path = join(r, &j);
	if (b.path.fs_path.n) {
		fs.floor = name.p[0] == '/' && fs.base.n > 1 ? fs.base.n
							     : b.fs_floor;
		b.path.fs_path = join(r, &fs);
		if (fs.hit_floor && name.p[0] != '/' && !b.on_root)
			b.path.fs_path = (struct slice){ NULL, 0 };
	}
	b.path.flags &= (uint8_t)~PATH_F_DELETED;
	return b.path;
}

struct file_id decode_file(const struct wire_file *w)
{
	return (struct file_id){
		.ino = w->ino,
		.size = w->size,
		.mtime_ns = w->mtime_ns,
		.ctime_ns = w->ctime_ns,
		.dev = w->dev,
		.fs_magic = w->fs_magic,
		.generation = w->generation,
		.object = w->object,
		.uid = w->uid,
		.gid = w->gid,
		.nlink = w->nlink,
		.mode = w->mode,
		.known = w->ino || w->dev || w->mode,
		.memfd = w->flags & WIRE_FILE_MEMFD,
		.overlay_upper = w->flags & WIRE_FILE_OVERLAY_UPPER,
		.overlay_lower = w->flags & WIRE_FILE_OVERLAY_LOWER,
	};
}
